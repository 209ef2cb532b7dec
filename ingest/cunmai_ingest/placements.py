"""By which offset readings of untrusted clocks were placed in our time. A table of the book.

Written before the store, so that a reading which comes again, or is corrected later, stands where it stood.
An offset is steady, so runs of readings share a row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from cunmai_ingest.messages import Number
from cunmai_wire.ranges import ranges_of

TABLE = """
    CREATE TABLE placements (
        stream TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        offset_ms INTEGER NOT NULL,
        PRIMARY KEY (stream, first)
    ) WITHOUT ROWID;
"""


def find(db: sqlite3.Connection, number: Number) -> int | None:
    """The offset of one reading, in ms, or None."""
    row = db.execute(
        "SELECT last, offset_ms FROM placements WHERE stream = ? AND first <= ? ORDER BY first DESC LIMIT 1",
        number,
    ).fetchone()
    return int(row[1]) if row is not None and row[0] >= number[1] else None


def enter(db: sqlite3.Connection, placed: Mapping[Number, int]) -> None:
    """Add those that are not there. Within a transaction."""
    runs: dict[tuple[str, int], list[int]] = {}
    for (stream, seq), offset_ms in placed.items():
        if find(db, (stream, seq)) is None:
            runs.setdefault((stream, offset_ms), []).append(seq)
    for (stream, offset_ms), seqs in runs.items():
        for first, last in ranges_of(seqs):
            _enter_run(db, stream, offset_ms, first, last)


def _enter_run(db: sqlite3.Connection, stream: str, offset_ms: int, first: int, last: int) -> None:
    """A run of numbers that are not there yet, joined to the run before it where that is of the same offset."""
    joined = db.execute(
        "UPDATE placements SET last = ? WHERE stream = ? AND offset_ms = ? AND last = ?"
        " AND first = (SELECT max(first) FROM placements WHERE stream = ? AND first < ?)",
        [last, stream, offset_ms, first - 1, stream, first],
    )
    if not joined.rowcount:
        db.execute("INSERT INTO placements VALUES (?, ?, ?, ?)", [stream, first, last, offset_ms])
