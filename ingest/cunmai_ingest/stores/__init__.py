"""Where points are kept: one protocol (`base`), an embedded store (`sqlite`), InfluxDB (`influx`)."""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_ingest.settings import SqliteSettings, StoreSettings
from cunmai_ingest.stores.base import Store
from cunmai_ingest.stores.sqlite import SqliteStore
from cunmai_runtime.errors import UserError


def open_store(settings: StoreSettings) -> Store:
    """The store that the settings name, for use by the calling thread. A server is not contacted yet.

    Raises UserError where its file cannot be opened, or its client library is not installed.
    """
    if isinstance(settings, SqliteSettings):
        return SqliteStore(settings.path)
    try:
        from cunmai_ingest.stores.influx import InfluxStore  # noqa: PLC0415 - slow to import, and an extra
    except ImportError as error:
        raise _extra_missing(error) from None
    return InfluxStore(settings)


def setup_store(settings: StoreSettings) -> Iterator[str]:
    """Prepare the store; one sentence for each step. Raises UserError."""
    if isinstance(settings, SqliteSettings):
        SqliteStore(settings.path).close()
        yield f"存储文件 {settings.path} / the store's file is there; it keeps everything"
        return
    try:
        from cunmai_ingest.stores.influx_setup import setup  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _extra_missing(error) from None
    yield from setup(settings)


def _extra_missing(error: ImportError) -> UserError:
    return UserError(
        f"InfluxDB 需要附加组件, 请运行 pip install 'cunmai[server]' / "
        f"InfluxDB needs an extra: pip install 'cunmai[server]' ({error.name} is missing)"
    )
