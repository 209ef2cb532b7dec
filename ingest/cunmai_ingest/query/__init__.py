"""Reading the store for others: bounded questions, by resident and site, over both stores."""

from __future__ import annotations

from cunmai_ingest.query.base import Reader
from cunmai_ingest.query.sqlite import SqliteReader
from cunmai_ingest.settings import SqliteSettings, StoreSettings


def open_reader(settings: StoreSettings, timeout_s: float) -> Reader:
    """A reader of the store that the settings name; any thread may use it. No question takes longer."""
    if isinstance(settings, SqliteSettings):
        return SqliteReader(settings.path, timeout_s)
    from cunmai_ingest.query.influx import InfluxReader  # noqa: PLC0415 - needs httpx, an extra

    return InfluxReader(settings, timeout_s)
