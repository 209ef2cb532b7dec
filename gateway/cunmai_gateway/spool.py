"""The spool: every reading on disk before anything else happens to it, until both consumers hold it.

One SQLite file, WAL, synchronous=FULL: an append that returned survives a power cut. `(stream, seq)`
names a reading for ever; `seq` counts up by one with no gaps, also across restarts and after rows have
been let go, because AUTOINCREMENT keeps its counter in the same transaction.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cunmai_gateway.readings import Draft
from cunmai_gateway.spool_bounds import Bounds, SpoolLimits
from cunmai_gateway.spool_renewal import renew_stream
from cunmai_gateway.spool_tables import MIGRATIONS, LossCount, note_loss, read_losses
from cunmai_runtime.sqlite import open_database, transaction
from cunmai_wire.ranges import Range
from cunmai_wire.receipts import INGEST, REQUIRED_CONSUMERS
from cunmai_wire.state import LossReason

MOST_OBEYED = 1000
"""Command ids remembered. The broker keeps a session for a week; a server sends a few commands a day."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """A reading on disk. `json()` is what goes on the wire."""

    seq: int
    body: bytes

    def json(self) -> bytes:
        """The reading as JSON, with its sequence number."""
        return b'{"seq":%d,' % self.seq + self.body[1:]


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings of one stream, oldest first."""

    stream: str
    readings: tuple[Spooled, ...]


@dataclass(frozen=True, slots=True)
class Receipted:
    """What one receipt says: this consumer holds these numbers of this stream."""

    consumer: str
    stream: str
    ranges: Sequence[Range]


class Spool:
    """One gateway's durable store. Belongs to the thread that opened it."""

    def __init__(
        self,
        path: Path,
        *,
        created_ms: int,
        consumers: Sequence[str] = REQUIRED_CONSUMERS,
        limits: SpoolLimits | None = None,
    ) -> None:
        """Open the spool, or make it with a new stream. Raises sqlite3.DatabaseError where it is damaged."""
        self._bits = {consumer: 1 << index for index, consumer in enumerate(consumers)}
        self._complete = (1 << len(consumers)) - 1
        self._db = open_database(path, MIGRATIONS)
        with transaction(self._db):
            row = self._db.execute("SELECT id FROM stream").fetchone()
            self.stream: str = row[0] if row else str(uuid.uuid4())
            if row is None:
                self._db.execute("INSERT INTO stream VALUES (?, ?)", (self.stream, created_ms))
        self._held = self._count_held()
        self.at_open = self.measured()
        """The highest number when this process opened it."""
        self._limits = limits or SpoolLimits()
        self.bounds = self._bounds()

    def _bounds(self) -> Bounds:
        return Bounds(self._db, self.stream, self._bits.get(INGEST, 0), self._limits)

    def close(self) -> None:
        self._db.close()

    # -- writing ------------------------------------------------------------------------------------

    def append(self, drafts: Iterable[Draft], *, not_stored: Mapping[int, int] | None = None) -> list[int]:
        """Store readings, in order, in one commit; their sequence numbers.

        A draft whose first once_key was stored before is passed over. `not_stored`: how many more were
        measured while the disk took nothing, by any millisecond of their day.
        """
        with transaction(self._db):
            seqs = [seq for draft in drafts if (seq := self._insert(draft)) is not None]
            note_loss(self._db, self.stream, LossReason.NOT_STORED, not_stored or {})
        self._held += len(seqs)
        return seqs

    def trim(self) -> int:
        """Where a bound is passed, drop some of the oldest readings, counted as lost; how many.

        Call it after every append: what it drops at a time is more than what one append adds.
        """
        dropped = self.bounds.trim()
        self._held -= dropped
        return dropped

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
        """Note that `consumer` holds these of our own stream; let go of what every consumer holds."""
        return self.receipt_all([Receipted(consumer, self.stream, ranges)])

    def receipt_all(self, receipts: Sequence[Receipted]) -> int:
        """Note receipts, in one commit; how many readings were let go.

        A consumer that is not required, and a stream that was never held here, change nothing.
        """
        with transaction(self._db):
            let_go = sum(self._receipt(receipt) for receipt in receipts)
        self._held -= let_go
        return let_go

    def _receipt(self, receipt: Receipted) -> int:
        bit = self._bits.get(receipt.consumer, 0)
        own = receipt.stream == self.stream
        table, of_stream = ("reading", "") if own else ("salvaged", "stream = :stream AND")
        if receipt.consumer == INGEST:
            self.bounds.receipted_by_ingest()
        let_go = 0
        for first, last in receipt.ranges if bit else ():
            values = {"first": first, "last": last, "bit": bit, "stream": receipt.stream,
                      "complete": self._complete}  # fmt: skip
            which = f"{of_stream} seq BETWEEN :first AND :last"
            self._db.execute(
                f"UPDATE {table} SET receipts = receipts | :bit WHERE {which} AND receipts & :bit = 0",  # noqa: S608
                values,
            )
            let_go += self._db.execute(
                f"DELETE FROM {table} WHERE {which} AND receipts = :complete",  # noqa: S608
                values,
            ).rowcount
        return let_go

    def obeyed(self, command: str) -> None:
        """Remember a command id: it is not obeyed again."""
        with transaction(self._db):
            self._db.execute("INSERT OR IGNORE INTO obeyed (id) VALUES (?)", [command])
            self._db.execute(
                "DELETE FROM obeyed WHERE number <= (SELECT max(number) FROM obeyed) - ?", [MOST_OBEYED]
            )

    def note_day(self, *, t_ms: int, trusted: bool) -> None:
        """Say now and then what day it is, so that the spool knows how many days the gateway has run."""
        self.bounds.note_day(t_ms, trusted=trusted, steady_ms=time.monotonic_ns() // 1_000_000)

    def take_over(
        self,
        readings: Iterable[tuple[object, ...]],
        remembered: Mapping[str, Iterable[tuple[object, ...]]],
        *,
        damaged: str,
        now_ms: int,
    ) -> int:
        """Take over what was salvaged from a damaged file, in one commit; how many readings.

        `readings`: stream, seq, t_ms, body, receipts. `remembered`: rows by their INSERT statement.
        `damaged`: the stream that is said to have lost an unknown number.
        """
        with transaction(self._db):
            taken = self._db.executemany("INSERT OR IGNORE INTO salvaged VALUES (?, ?, ?, ?, ?)", readings)
            for insert, rows in remembered.items():
                self._db.executemany(insert, rows)
            note_loss(self._db, damaged, LossReason.DAMAGED, {now_ms: 0})
        self._held = self._count_held()
        return taken.rowcount

    def renew(self, *, known_until_ms: int, now_ms: int) -> str:
        """Begin a new stream: the file was an old copy, whose next numbers were given out before; the old one.

        What was measured by `known_until_ms` and before this start keeps its name; all else is numbered anew.
        """
        old = self.stream
        with transaction(self._db):
            new = renew_stream(
                self._db, old, known_until_ms=known_until_ms, known_up_to=self.at_open, now_ms=now_ms
            )
        self.stream, self.at_open = new, 0
        self.bounds = self._bounds()
        return old

    # -- reading ------------------------------------------------------------------------------------

    def held(self, after: int, up_to: int, limit: int) -> list[Spooled]:
        """Readings with after < seq <= up_to that some consumer still owes a receipt for, oldest first."""
        rows = self._db.execute(
            "SELECT seq, body FROM reading WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (after, up_to, limit),
        )
        return [Spooled(seq, body) for seq, body in rows]

    def salvaged(self, after: tuple[str, int], limit: int) -> Batch | None:
        """Readings of one earlier stream, from a file that was damaged; None after the last of them."""
        rows = self._db.execute(
            "SELECT stream, seq, body FROM salvaged WHERE (stream, seq) > (?, ?) ORDER BY stream, seq LIMIT ?",
            (*after, limit),
        ).fetchall()
        if not rows:
            return None
        stream = rows[0][0]
        return Batch(stream, tuple(Spooled(seq, body) for of, seq, body in rows if of == stream))

    def has_once(self, key: str) -> bool:
        """Whether a draft with this once_key has been stored, ever."""
        return self._db.execute("SELECT 1 FROM once WHERE key = ?", (key,)).fetchone() is not None

    def was_obeyed(self, command: str) -> bool:
        """Whether this command id has been obeyed or refused."""
        return self._db.execute("SELECT 1 FROM obeyed WHERE id = ?", [command]).fetchone() is not None

    def measured(self) -> int:
        """How many readings this stream has had: its highest sequence number, 0 before the first."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'reading'").fetchone()
        return int(row[0]) if row else 0

    def pending(self) -> int:
        """How many readings are still held here."""
        return self._held

    def losses(self, limit: int = -1) -> list[LossCount]:
        """What was lost to some consumer, newest days first."""
        return read_losses(self._db, limit)

    def lost_total(self) -> int:
        """Readings lost to some consumer, ever."""
        return int(self._db.execute("SELECT coalesce(sum(count), 0) FROM loss").fetchone()[0])

    def _count_held(self) -> int:
        query = "SELECT (SELECT count(*) FROM reading) + (SELECT count(*) FROM salvaged)"
        return int(self._db.execute(query).fetchone()[0])


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
