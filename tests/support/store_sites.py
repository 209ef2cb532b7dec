"""Stores under test, and how a test reaches behind them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cunmai_ingest.assembly import understand
from cunmai_ingest.lines import readable
from cunmai_ingest.messages import points_of
from cunmai_ingest.points import Point
from cunmai_ingest.settings import SqliteSettings
from cunmai_ingest.stores import open_store
from cunmai_ingest.stores.base import Store
from support.influx import TOKEN, Influxd, influx_settings, shared_influxd
from support.influx_front import InfluxFront
from support.messages import EVENTS_TOPIC, READINGS_TOPIC, STREAM, T0_MS, envelope, events

ARRIVED_MS = T0_MS + 60_000


@dataclass
class Site:
    """A store under test, and how a test reaches behind it."""

    store: Store

    def break_down(self) -> None:
        """Make it take nothing for a while, as an outage does."""
        raise NotImplementedError

    def recover(self) -> None:
        raise NotImplementedError


@dataclass
class SqliteSite(Site):
    path: Path
    lock: sqlite3.Connection | None = None

    def break_down(self) -> None:
        self.lock = sqlite3.connect(self.path, isolation_level=None)
        self.lock.execute("BEGIN IMMEDIATE")

    def recover(self) -> None:
        assert self.lock is not None
        self.lock.close()


@dataclass
class InfluxSite(Site):
    server: Influxd
    front: InfluxFront
    database: str

    def break_down(self) -> None:
        self.front.cut()

    def recover(self) -> None:
        self.front.start()

    def rows_like(self, start: str) -> list[dict[str, Any]]:
        """Rows of the measurements named `start`, or `start` and a dot and more, with that name.

        What the server itself says, past our code and past the front. Names are made readable.
        """
        found = self.server.query(f"SELECT * FROM /^{start}(\\.|$)/", self.database)
        return [
            {
                "measurement": readable(series["name"]),
                **{
                    readable(name): value
                    for name, value in zip(series["columns"], values, strict=True)
                    if value is not None
                },
            }
            for series in found
            for values in series["values"]
        ]


def sqlite_site(folder: Path) -> Iterator[SqliteSite]:
    path = folder / "store.sqlite"
    with closing(open_store(SqliteSettings(kind="sqlite", path=path))) as store:
        store._db.execute("PRAGMA busy_timeout = 1")  # type: ignore[attr-defined]
        yield SqliteSite(store, path)


def influx_site() -> Iterator[InfluxSite]:
    server = shared_influxd()
    database = server.new_database()
    front = server.front()
    front.weather.token = TOKEN
    with closing(open_store(influx_settings(front, database))) as store:
        yield InfluxSite(store, server, front, database)
    front.cut()


def points(*readings: dict[str, Any], arrived_ms: int = ARRIVED_MS) -> list[Point]:
    made = points_of([understand(READINGS_TOPIC, envelope(readings), arrived_ms)])
    return [point.plain() for point in made]


def points_of_events(*items: dict[str, Any]) -> list[Point]:
    return [point.plain() for point in points_of([understand(EVENTS_TOPIC, events(items), ARRIVED_MS)])]


def counts(store: Store, stream: str = STREAM) -> tuple[list[tuple[int, int]], int]:
    stored = store.sequences(stream)
    return list(stored.seqs), stored.total
