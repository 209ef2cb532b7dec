"""The book: what this ingest holds durably, what it set aside, and what it knows of each gateway.

One commit for each batch, after the store has it and before any receipt or acknowledgement. A crash
between store and book is healed by the broker's redelivery, because storing again changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_ingest import placements, quarantine
from cunmai_ingest.ledger import entries
from cunmai_ingest.ledger import tables as ledger
from cunmai_ingest.messages import Message, Number
from cunmai_ingest.quarantine import Entry, Whole
from cunmai_ingest.settings import LedgerSettings, QuarantineSettings
from cunmai_ingest.settle import Committed, Settled
from cunmai_ingest.sqlitefile import open_file
from cunmai_runtime.held import TABLE, add_range, read_ranges
from cunmai_runtime.hold import disk_faults
from cunmai_runtime.sqlite import transaction
from cunmai_wire.ranges import SeqRanges, ranges_of
from cunmai_wire.state import GatewayState

STORED = "stored"
QUARANTINED = "quarantined"
SUPERSEDED = "superseded"
"""Readings that a stored correction stands in for."""

_MIGRATIONS = (
    f"""
    {TABLE}
    {quarantine.TABLES}
    CREATE TABLE streams (
        stream TEXT PRIMARY KEY,
        sender TEXT NOT NULL,
        measured INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE gateways (
        gateway TEXT PRIMARY KEY,
        stream TEXT NOT NULL,
        presence TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        clock TEXT NOT NULL,
        software TEXT NOT NULL,
        configuration_version INTEGER,
        seen_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """,
    ledger.TABLES,
    f"""
    {placements.TABLE}
    {quarantine.SIZE}
    ALTER TABLE streams ADD COLUMN first_ms INTEGER;
    """,
)


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """A stream that ingest has heard of. `measured`: the highest number its gateway has claimed, or 0."""

    stream: str
    sender: str
    measured: int


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    """The newest state that a gateway, or the broker for it, has published."""

    gateway: str
    stream: str
    presence: str
    at_ms: int
    clock: str
    software: str
    configuration_version: int | None
    seen_ms: int


class Book:
    """The book's file, for the thread that opened it. Raises UserError where it cannot be opened."""

    def __init__(
        self,
        path: Path,
        bounds: QuarantineSettings | None = None,
        ledger_settings: LedgerSettings | None = None,
    ) -> None:
        self._bounds = bounds or QuarantineSettings()
        self._ledger = ledger_settings or LedgerSettings()
        self._db = open_file("ingest's book", path, _MIGRATIONS)
        self._data_version = self._read_data_version()

    def close(self) -> None:
        self._db.close()

    @property
    def db(self) -> sqlite3.Connection:
        """The file, for the ledger's keeper, which works on the same thread."""
        return self._db

    # -- writing ------------------------------------------------------------------------------------

    def commit(self, settled: Sequence[Settled]) -> Committed:
        """Enter one batch, all of it or nothing.

        Raises Retryable where the disk is full or the file busy, UserError where it is damaged.
        """
        with disk_faults("ingest's book"), transaction(self._db):
            return self._enter(settled)

    def _enter(self, settled: Sequence[Settled]) -> Committed:
        stored, duplicates = self._enter_held(settled)
        refusals = [(entry.message, entry.refused) for entry in settled if entry.refused]
        kept = quarantine.keep(self._db, refusals, self._bounds)
        for entry in settled:
            if entry.message.state is not None:
                self._enter_state(entry.message.state, entry.message)
        entries.enter(self._db, settled, self._ledger)
        self._count("messages", len(settled))
        self._count("stored", stored)
        self._count("duplicates", duplicates)
        self._count("quarantine_dropped", kept.dropped)
        for reason, number in kept.added.items():
            self._count(f"quarantined.{reason}", number)
        return Committed(tuple(settled), stored, duplicates, kept.added, kept.dropped, kept.share)

    def _enter_held(self, settled: Sequence[Settled]) -> tuple[int, int]:
        stored: dict[str, list[int]] = {}
        refused: dict[str, list[int]] = {}
        for entry in settled:
            origin = entry.message.origin
            if origin is None:
                continue
            if origin.stream not in stored:
                self._enter_stream(origin.stream, origin.sender, 0, entry.message.arrived_ms)
            stored.setdefault(origin.stream, []).extend(entry.stored)
            refused.setdefault(origin.stream, []).extend(
                refusal.seq for refusal in entry.refused if refusal.seq is not None
            )
        for stream, seqs in refused.items():
            self._add(stream, QUARANTINED, seqs)
        self._enter_superseded(settled)
        new = sum(self._add(stream, STORED, seqs) for stream, seqs in stored.items())
        return new, sum(map(len, stored.values())) - new

    def _add(self, stream: str, what: str, seqs: Sequence[int]) -> int:
        return sum(add_range(self._db, stream, what, first, last) for first, last in ranges_of(seqs))

    def _enter_superseded(self, settled: Sequence[Settled]) -> None:
        for entry in settled:
            for seq, (stream, corrected) in entry.message.superseded:
                if seq in entry.stored:
                    add_range(self._db, stream, SUPERSEDED, corrected, corrected)

    def _enter_stream(self, stream: str, sender: str, measured: int, arrived_ms: int) -> None:
        self._db.execute(
            "INSERT INTO streams (stream, sender, measured, first_ms) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET measured = max(measured, excluded.measured)",
            [stream, sender, measured, arrived_ms],
        )

    def _enter_state(self, state: GatewayState, message: Message) -> None:
        self._enter_stream(state.stream, state.gateway, state.measured, message.arrived_ms)
        self._db.execute(
            "INSERT OR REPLACE INTO gateways VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                state.gateway,
                state.stream,
                state.presence,
                state.at,
                state.clock,
                state.software,
                state.configuration_version,
                message.arrived_ms,
            ],
        )

    def _count(self, name: str, number: int) -> None:
        if number:
            self._db.execute(
                "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
                [name, number],
            )

    def place(self, placed: Mapping[Number, int]) -> None:
        """Remember by which offset readings are placed, in ms. Raises as `commit` does."""
        if placed:
            with disk_faults("ingest's book"), transaction(self._db):
                placements.enter(self._db, placed)

    def replayed(self, message_id: int, settled: Settled) -> int:
        """Enter a message of the quarantine that was taken again; how many refusals of it are left.

        Its readings count as any others do. A state or a receipt of then says nothing about now.
        """
        message = settled.message._replace(state=None, receipt=None)
        entered = [Settled(message, settled.stored, ())]
        with disk_faults("ingest's book"), transaction(self._db):
            stored, _ = self._enter_held(entered)
            entries.enter(self._db, entered, self._ledger)
            self._count("stored", stored)
            self._count("quarantine_replayed", stored)
            return quarantine.settle_replayed(self._db, message_id, settled)

    # -- reading ------------------------------------------------------------------------------------

    def stored(self, stream: str) -> SeqRanges:
        """The numbers of a stream that the store has confirmed."""
        return read_ranges(self._db, stream, STORED)

    def quarantined(self, stream: str) -> SeqRanges:
        """The numbers of a stream that were ever set aside, even where the quarantine has since dropped them."""
        return read_ranges(self._db, stream, QUARANTINED)

    def superseded(self, stream: str) -> SeqRanges:
        """The numbers of a stream that stored corrections stand in for."""
        return read_ranges(self._db, stream, SUPERSEDED)

    def owner(self, stream: str) -> str | None:
        """Who sent a stream first."""
        row = self._db.execute("SELECT sender FROM streams WHERE stream = ?", [stream]).fetchone()
        return None if row is None else str(row[0])

    def placed_ms(self, number: Number) -> int | None:
        """By which offset a reading was placed; None where nothing was decided, as for every trusted clock."""
        return placements.find(self._db, number)

    def first_contact_ms(self, stream: str) -> int | None:
        """When a stream was first heard of."""
        row = self._db.execute("SELECT first_ms FROM streams WHERE stream = ?", [stream]).fetchone()
        return None if row is None else row[0]

    def changed_elsewhere(self) -> bool:
        """Whether another connection has committed since this was last asked: a replay, in another process."""
        before, self._data_version = self._data_version, self._read_data_version()
        return self._data_version != before

    def _read_data_version(self) -> int:
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def streams(self) -> list[StreamEntry]:
        rows = self._db.execute("SELECT stream, sender, measured FROM streams ORDER BY sender, stream")
        return [StreamEntry(*row) for row in rows]

    def gateways(self) -> list[GatewayEntry]:
        return [GatewayEntry(*row) for row in self._db.execute("SELECT * FROM gateways ORDER BY gateway")]

    def counters(self) -> dict[str, int]:
        """Totals over the life of the book."""
        return dict(self._db.execute("SELECT name, value FROM counters ORDER BY name"))

    def quarantine_entries(self, limit: int = 100) -> list[Entry]:
        """The newest refusals, newest first."""
        return quarantine.entries(self._db, limit)

    def quarantine_messages(self, entry_ids: Sequence[int] = (), reason: str | None = None) -> list[int]:
        """Ids of the messages behind these entries, behind this reason, or of all; oldest first."""
        return quarantine.messages(self._db, entry_ids=entry_ids, reason=reason)

    def quarantine_message(self, message_id: int) -> Whole | None:
        """One message in the quarantine, as it arrived."""
        return quarantine.whole(self._db, message_id)

    def quarantine_entry(self, entry_id: int) -> tuple[Entry, bytes] | None:
        """One refusal and its whole message, or None."""
        return quarantine.find(self._db, entry_id)
