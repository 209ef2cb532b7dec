"""Where points are kept: one protocol (`base`), an embedded store (`sqlite`), InfluxDB (`influx`)."""

from __future__ import annotations

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
        raise UserError(
            f"InfluxDB 需要附加组件, 请运行 pip install 'cunmai[server]' / "
            f"InfluxDB needs an extra: pip install 'cunmai[server]' ({error.name} is missing)"
        ) from None
    return InfluxStore(settings)
