"""What goes when the spool has reached its bounds, in this order:

1. the oldest readings that ingest has receipted: they are stored, only the rules have not judged them;
2. the oldest of the others: they are lost.

Both are counted by stream and day, and the count is told to the server. A reading's age is counted in
days on which the gateway ran, not by the wall clock: a clock that jumps a year ahead drops nothing.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from cunmai_gateway.spool_tables import DAY_OF_T
from cunmai_runtime.sqlite import transaction
from cunmai_wire.state import LossReason

_DAY_MS = 24 * 3_600_000
_LONG_DAY_MS = _DAY_MS + 3_600_000
"""So that a clock which is corrected a little every day does not begin each day twice."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """Whichever is reached first."""

    max_bytes: int = 2 << 30
    max_days: int = 90
    """Days on which the gateway ran."""
    drop_readings: int = 1000
    """How many go at a time."""


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    key: str
    stream: str
    """The column, or a parameter, that names the stream."""


_OWN = _Table("reading", "seq", ":stream")
_SALVAGED = _Table("salvaged", "stream, seq", "stream")
_INGESTED = "receipts & :ingest"
_ANY = "receipts >= 0"


class Bounds:
    """Keeps one spool's database within its limits."""

    def __init__(self, db: sqlite3.Connection, stream: str, ingest_bit: int, limits: SpoolLimits) -> None:
        self._db = db
        self._values: dict[str, object] = {"stream": stream, "ingest": ingest_bit}
        self._limits = limits
        self._may_hold_ingested = True
        self._steady_day_ms: int | None = None

    def receipted_by_ingest(self) -> None:
        """There may be readings that ingest holds and others do not."""
        self._may_hold_ingested = True

    def used_bytes(self) -> int:
        """Of the file, without pages that are free to be used again."""
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def trim(self) -> int:
        """Drop some readings where a bound is passed; how many. Call again until 0."""
        if self.used_bytes() > self._limits.max_bytes:
            return self._drop_for_room()
        up_to = self._too_old()
        return self._drop_old(up_to) if up_to is not None else 0

    def _drop_for_room(self) -> int:
        if self._may_hold_ingested:
            dropped = self._drop(_SALVAGED, _INGESTED) or self._drop(_OWN, _INGESTED)
            if dropped:
                return dropped
            self._may_hold_ingested = False  # looking for one means reading everything
        return self._drop(_SALVAGED, _ANY) or self._drop(_OWN, _ANY)

    def _drop_old(self, up_to: int) -> int:
        return self._drop(_SALVAGED, _ANY) or self._drop(_OWN, f"seq <= {up_to:d}")

    def _drop(self, table: _Table, which: str) -> int:
        chosen = (
            f"({table.key}) IN (SELECT {table.key} FROM {table.name} WHERE {which}"  # noqa: S608 - constants
            f" ORDER BY {table.key} LIMIT :most)"
        )
        values = self._values | {"most": self._limits.drop_readings}
        with transaction(self._db):
            self._db.execute(
                f"INSERT INTO loss SELECT {table.stream}, {DAY_OF_T},"  # noqa: S608 - constants
                f" iif({_INGESTED}, '{LossReason.UNJUDGED}', '{LossReason.DROPPED}') AS reason, count(*)"
                f" FROM {table.name} WHERE {chosen} GROUP BY 1, 2, 3"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                values,
            )
            return self._db.execute(f"DELETE FROM {table.name} WHERE {chosen}", values).rowcount  # noqa: S608

    # -- age ------------------------------------------------------------------------------------------

    def note_day(self, t_ms: int, *, trusted: bool, steady_ms: int) -> bool:
        """Say what day it is; True where a new day of running begins.

        With a trusted clock a day begins with its date, later than any noted before. Without one, or
        after a date that was wrong, it begins after a day of running (`steady_ms` counts since boot).
        """
        last = self._db.execute("SELECT began_ms FROM day ORDER BY number DESC LIMIT 1").fetchone()
        if self._steady_day_ms is None:
            self._steady_day_ms = steady_ms
        by_date = trusted and (last is None or t_ms // _DAY_MS > int(last[0]) // _DAY_MS)
        if not by_date and steady_ms - self._steady_day_ms < _LONG_DAY_MS:
            return False
        self._steady_day_ms = steady_ms
        began_ms = t_ms if by_date else (int(last[0]) if last else 0)
        with transaction(self._db):
            self._db.execute(
                "INSERT INTO day (began_ms, up_to) VALUES (?, (SELECT coalesce(max(seq), 0)"
                " FROM sqlite_sequence WHERE name = 'reading'))",
                [began_ms],
            )
            self._db.execute(
                "DELETE FROM day WHERE number <= (SELECT max(number) FROM day) - ?",
                [self._limits.max_days + 1],
            )
        return True

    def _too_old(self) -> int | None:
        """The highest number that is older than the limit; None while the spool is not that old."""
        row = self._db.execute(
            "SELECT up_to FROM day ORDER BY number DESC LIMIT 1 OFFSET ?", [self._limits.max_days]
        ).fetchone()
        return int(row[0]) if row else None
