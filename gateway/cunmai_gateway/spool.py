"""The spool: every reading on disk before anything else happens to it, until both consumers hold it.

One SQLite file, WAL, synchronous=FULL: an append that returned survives a power cut. `(stream, seq)`
names a reading for ever; `seq` counts up by one with no gaps, also across restarts and after rows have
been let go, because AUTOINCREMENT keeps its counter in the same transaction.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cunmai_gateway.readings import Draft
from cunmai_runtime.sqlite import open_database, transaction
from cunmai_wire.ranges import Range
from cunmai_wire.receipts import REQUIRED_CONSUMERS

_MIGRATIONS = (
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
)


@dataclass(frozen=True, slots=True)
class Spooled:
    """A reading on disk. `json()` is what goes on the wire."""

    seq: int
    body: bytes

    def json(self) -> bytes:
        """The reading as JSON, with its sequence number."""
        return b'{"seq":%d,' % self.seq + self.body[1:]


class Spool:
    """One gateway's durable store. Belongs to the thread that opened it."""

    def __init__(self, path: Path, *, created_ms: int, consumers: Sequence[str] = REQUIRED_CONSUMERS) -> None:
        """Open the spool, or make it with a new stream. Raises sqlite3.DatabaseError where it is damaged."""
        self._bits = {consumer: 1 << index for index, consumer in enumerate(consumers)}
        self._complete = (1 << len(consumers)) - 1
        self._db = open_database(path, _MIGRATIONS)
        with transaction(self._db):
            row = self._db.execute("SELECT id FROM stream").fetchone()
            self.stream: str = row[0] if row else str(uuid.uuid4())
            if row is None:
                self._db.execute("INSERT INTO stream VALUES (?, ?)", (self.stream, created_ms))

    def close(self) -> None:
        self._db.close()

    # -- writing ------------------------------------------------------------------------------------

    def append(self, drafts: Iterable[Draft]) -> list[int]:
        """Store readings, in order, in one commit; their sequence numbers.

        A draft whose first once_key was stored before is passed over.
        """
        with transaction(self._db):
            return [seq for draft in drafts if (seq := self._insert(draft)) is not None]

    def _insert(self, draft: Draft) -> int | None:
        seq: int | None = None
        if not draft.once_keys or not self.has_once(draft.once_keys[0]):
            cursor = self._db.execute(
                "INSERT INTO reading (t_ms, kind, body) VALUES (?, ?, ?)",
                (draft.t_ms, draft.kind, draft.body),
            )
            seq = cursor.lastrowid
        self._db.executemany("INSERT OR IGNORE INTO once VALUES (?)", [(key,) for key in draft.once_keys])
        return seq

    def receipt(self, consumer: str, ranges: Sequence[Range]) -> int:
        """Note that `consumer` holds these; let go of those that every consumer holds. How many were let go.

        A consumer that is not required changes nothing.
        """
        bit = self._bits.get(consumer)
        if bit is None:
            return 0
        with transaction(self._db):
            for first, last in ranges:
                self._db.execute(
                    "UPDATE reading SET receipts = receipts | ? WHERE seq BETWEEN ? AND ?", (bit, first, last)
                )
            return sum(self._let_go(first, last) for first, last in ranges)

    def _let_go(self, first: int, last: int) -> int:
        return self._db.execute(
            "DELETE FROM reading WHERE seq BETWEEN ? AND ? AND receipts = ?", (first, last, self._complete)
        ).rowcount

    # -- reading ------------------------------------------------------------------------------------

    def held(self, after: int, up_to: int, limit: int) -> list[Spooled]:
        """Readings with after < seq <= up_to that some consumer still owes a receipt for, oldest first."""
        rows = self._db.execute(
            "SELECT seq, body FROM reading WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (after, up_to, limit),
        )
        return [Spooled(seq, body) for seq, body in rows]

    def has_once(self, key: str) -> bool:
        """Whether a draft with this once_key has been stored, ever."""
        return self._db.execute("SELECT 1 FROM once WHERE key = ?", (key,)).fetchone() is not None

    def measured(self) -> int:
        """How many readings this stream has had: its highest sequence number, 0 before the first."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'reading'").fetchone()
        return int(row[0]) if row else 0

    def pending(self) -> int:
        """How many readings are still held here."""
        return int(self._db.execute("SELECT count(*) FROM reading").fetchone()[0])


def measured_in(path: Path) -> tuple[str, int] | None:
    """Stream and highest sequence number of a spool file, read beside a running gateway: for the ledger.

    None where no spool has been made there yet.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            stream = db.execute("SELECT id FROM stream").fetchone()
            highest = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'reading'").fetchone()
    except sqlite3.OperationalError:
        return None
    return (str(stream[0]), int(highest[0]) if highest else 0) if stream else None
