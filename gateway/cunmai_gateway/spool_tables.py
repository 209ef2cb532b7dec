"""The spool's tables, and the two questions that concern what was lost of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from cunmai_wire.state import LossReason

MIGRATIONS = (
    """
    CREATE TABLE stream (id TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;
    CREATE TABLE reading (
        seq      INTEGER PRIMARY KEY AUTOINCREMENT,
        t_ms     INTEGER NOT NULL,
        kind     TEXT NOT NULL,
        body     BLOB NOT NULL,
        receipts INTEGER NOT NULL DEFAULT 0  -- one bit per required consumer
    ) STRICT;
    CREATE TABLE once (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    """,
    """
    -- Readings of earlier streams whose own file was damaged. They keep their names.
    CREATE TABLE salvaged (
        stream   TEXT NOT NULL,
        seq      INTEGER NOT NULL,
        t_ms     INTEGER NOT NULL,
        body     BLOB NOT NULL,
        receipts INTEGER NOT NULL,
        PRIMARY KEY (stream, seq)
    ) STRICT, WITHOUT ROWID;
    -- What this gateway measured and no longer holds, though some consumer never receipted it.
    CREATE TABLE loss (
        stream TEXT NOT NULL,
        day    TEXT NOT NULL,
        reason TEXT NOT NULL,
        count  INTEGER NOT NULL,
        PRIMARY KEY (stream, day, reason)
    ) STRICT, WITHOUT ROWID;
    -- Days on which the gateway ran, and the highest number given out before each.
    CREATE TABLE day (number INTEGER PRIMARY KEY AUTOINCREMENT, began_ms INTEGER NOT NULL, up_to INTEGER NOT NULL)
        STRICT;
    -- Command ids that were obeyed or refused, newest last.
    CREATE TABLE obeyed (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE) STRICT;
    """,
)

DAY_OF_T = "strftime('%Y-%m-%d', t_ms / 1000, 'unixepoch')"


@dataclass(frozen=True, slots=True)
class LossCount:
    """Readings of one stream and day (UTC) that are lost to some consumer, for one reason.

    `count` 0: an unknown number, of a file that could not be read.
    """

    stream: str
    day: str
    reason: str
    count: int


def note_loss(db: sqlite3.Connection, stream: str, reason: LossReason, by_day_ms: Mapping[int, int]) -> None:
    """Count losses by day, given as any millisecond of each. Within a transaction."""
    db.executemany(
        "INSERT INTO loss VALUES (?, strftime('%Y-%m-%d', ? / 1000, 'unixepoch'), ?, ?)"
        " ON CONFLICT DO UPDATE SET count = count + excluded.count",
        [(stream, day_ms, reason, count) for day_ms, count in by_day_ms.items()],
    )


def read_losses(db: sqlite3.Connection, limit: int = -1) -> list[LossCount]:
    """The newest days first."""
    rows = db.execute("SELECT stream, day, reason, count FROM loss ORDER BY day DESC LIMIT ?", [limit])
    return [LossCount(*row) for row in rows]
