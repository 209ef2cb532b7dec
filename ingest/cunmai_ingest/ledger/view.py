"""The ledger as others see it: rows by gateway and day, open gaps, gateways and devices. Reads only.

Any thread may ask: every question opens the book's file anew, for reading.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cunmai_ingest.ledger.reckon import DayAccount
from cunmai_ingest.ledger.rows import DayRow, DeviceRow, GapRow, GatewayRow
from cunmai_ingest.ledger.tables import SUMS
from cunmai_runtime.errors import Retryable

_BUSY_TIMEOUT_MS = 5000

Allow = Callable[[str], bool]
"""Whether a gateway may be shown."""


class LedgerView:
    """Questions to one book."""

    def __init__(self, book: Path) -> None:
        self._book = book

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(f"{self._book.absolute().as_uri()}?mode=ro", uri=True)) as db:
                db.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
                yield db
        except sqlite3.DatabaseError as error:
            raise Retryable(f"ingest's book at {self._book}: {error}") from error

    def days(self, first_day: int, last_day: int, allow: Allow, gateway: str | None = None) -> list[DayRow]:
        """Newest day first, then by gateway. Raises Retryable where the book cannot be read."""
        which, values = ("", []) if gateway is None else (" AND gateway = ?", [gateway])
        with self._opened() as db:
            rows = db.execute(
                f"SELECT gateway, day, max(reckoned_ms), {SUMS} FROM ledger_day"  # noqa: S608 - constants
                f" WHERE day BETWEEN ? AND ?{which} GROUP BY day, gateway ORDER BY day DESC, gateway",
                [first_day, last_day, *values],
            ).fetchall()
        return [
            DayRow(name, day, DayAccount(*figures), reckoned_ms)
            for name, day, reckoned_ms, *figures in rows
            if allow(name) and any(figures)
        ]

    def newest_day(self) -> int | None:
        """The newest day of the ledger; None where it is empty."""
        with self._opened() as db:
            (day,) = db.execute("SELECT max(day) FROM ledger_day").fetchone()
        return None if day is None else int(day)

    def gaps(self, allow: Allow, gateway: str | None = None, limit: int = 1000) -> list[GapRow]:
        """Open gaps, the oldest first."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT s.gateway, g.stream, g.kind, g.first, g.last, g.since_ms, g.asks, g.step"
                " FROM ledger_gap g JOIN ledger_stream s ON s.stream = g.stream ORDER BY g.since_ms, g.first"
            )
            shown = (GapRow(*row) for row in rows)
            return _first(
                (gap for gap in shown if allow(gap.gateway) and gateway in (None, gap.gateway)), limit
            )

    def gateways(self, allow: Allow) -> list[GatewayRow]:
        """Every gateway that was ever heard of, by id."""
        with self._opened() as db:
            rows = db.execute(
                "WITH every AS (SELECT gateway FROM gateways UNION SELECT gateway FROM ledger_stream),"
                " heard AS (SELECT gateway, max(last_arrived_ms) AS ms FROM ledger_device GROUP BY gateway)"
                " SELECT e.gateway, g.presence, nullif(max(coalesce(g.seen_ms, 0), coalesce(h.ms, 0)), 0),"
                " g.stream, g.software, g.clock FROM every e LEFT JOIN gateways g ON g.gateway = e.gateway"
                " LEFT JOIN heard h ON h.gateway = e.gateway ORDER BY e.gateway"
            ).fetchall()
        return [GatewayRow(*row) for row in rows if allow(row[0])]

    def devices(self, allow: Allow, gateway: str | None = None) -> list[DeviceRow]:
        """Every device that a reading came from, by gateway and id."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT gateway, device, kind, last_t_ms, last_arrived_ms FROM ledger_device"
                " WHERE ?1 IS NULL OR gateway = ?1 ORDER BY gateway, device",
                [gateway],
            ).fetchall()
        return [DeviceRow(*row) for row in rows if allow(row[0])]


def _first(rows: Iterable[GapRow], limit: int) -> list[GapRow]:
    taken: list[GapRow] = []
    for row in rows:
        if len(taken) >= limit:
            break
        taken.append(row)
    return taken
