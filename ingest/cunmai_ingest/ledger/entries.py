"""Entering a batch into the ledger, in the book's own transaction: which numbers, and of which day."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from cunmai_ingest.ledger import tables
from cunmai_ingest.ledger.days import day_from_text, day_of
from cunmai_ingest.ledger.spans import minus, spans
from cunmai_ingest.settings import LedgerSettings
from cunmai_ingest.settle import Settled
from cunmai_runtime.held import add_range
from cunmai_wire.base import MAX_SEQ
from cunmai_wire.ranges import ranges_of
from cunmai_wire.receipts import INGEST, Receipt
from cunmai_wire.state import GatewayState, Loss
from cunmai_wire.topics import Channel, parse_topic

_READINGS = f"/{Channel.READINGS}"

_Day = tuple[str, int]
"""A stream and a day of it."""


def enter(db: sqlite3.Connection, settled: Iterable[Settled], settings: LedgerSettings) -> None:
    """Enter a batch. Events are not counted here: the ledger is about readings."""
    batch = _Batch(settings)
    for entry in settled:
        message = entry.message
        if message.receipt is not None:
            _enter_receipt(db, message.topic, message.receipt)
        elif message.state is not None:
            _enter_state(db, message.state, message.arrived_ms, settings.utc_offset_minutes)
        elif message.origin is not None and message.topic.endswith(_READINGS):
            batch.add(entry)
    batch.write(db)


class _Batch:
    """Everything of one batch, gathered first, so that each set is written once."""

    def __init__(self, settings: LedgerSettings) -> None:
        self._offset = settings.utc_offset_minutes
        self._late_after_ms = settings.late_after_s * 1000
        self._gateways: dict[str, str] = {}
        self._lowest: dict[str, int] = {}
        self._dated: dict[_Day, list[int]] = defaultdict(list)
        self._late: dict[str, list[int]] = defaultdict(list)
        self._devices: dict[tuple[str, str], tuple[str, int, int]] = {}

    def add(self, entry: Settled) -> None:
        message = entry.message
        assert message.origin is not None
        stream, gateway = message.origin.stream, message.origin.sender
        refused = [refusal.seq for refusal in entry.refused if refusal.seq is not None]
        numbers = (*entry.stored, *refused)
        if not numbers:
            return
        self._gateways[stream] = gateway
        self._lowest[stream] = min(self._lowest.get(stream, numbers[0]), *numbers)
        self._add_stored(entry, stream, gateway)
        # A refused reading's own time may be what was wrong with it: it counts on the day it first came.
        self._dated[stream, day_of(message.arrived_ms, self._offset)] += refused

    def _add_stored(self, entry: Settled, stream: str, gateway: str) -> None:
        arrived_ms = entry.message.arrived_ms
        stored = set(entry.stored)
        for point in entry.message.points:
            if point.part or point.seq not in stored:
                continue
            t_ms = point.t_ms
            self._dated[stream, day_of(t_ms, self._offset)].append(point.seq)
            if arrived_ms - t_ms > self._late_after_ms:
                self._late[stream].append(point.seq)
            self._see(gateway, point.device, point.measurement, t_ms, arrived_ms)

    def _see(self, gateway: str, device: str, kind: str, t_ms: int, arrived_ms: int) -> None:
        known = self._devices.get((gateway, device))
        if known is None or t_ms >= known[1]:
            self._devices[gateway, device] = (kind, t_ms, arrived_ms)

    def write(self, db: sqlite3.Connection) -> None:
        for stream, lowest in self._lowest.items():
            tables.touch(db, stream, self._gateways[stream], lowest)
        for (stream, day), seqs in self._dated.items():
            for first, last in ranges_of(seqs):
                add_range(db, stream, f"{day:05d}", first, last, name=tables.DATED)
        for stream, seqs in self._late.items():
            _add(db, stream, tables.LATE, ranges_of(seqs))
        db.executemany(
            "INSERT INTO ledger_device VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " kind = excluded.kind, last_t_ms = excluded.last_t_ms, last_arrived_ms = excluded.last_arrived_ms"
            " WHERE excluded.last_t_ms >= last_t_ms",
            [(*who, *seen) for who, seen in self._devices.items()],
        )


def _enter_state(
    db: sqlite3.Connection, state: GatewayState, arrived_ms: int, utc_offset_minutes: int
) -> None:
    """A gateway's claim, what it says it has lost, and whether it is there to be asked."""
    tables.touch(db, state.stream, state.gateway, max(state.measured, 1))
    db.execute(
        "UPDATE ledger_stream SET claimed = ?1, claimed_ms = ?2 WHERE stream = ?3 AND claimed < ?1",
        [state.measured, arrived_ms, state.stream],
    )
    for loss in state.losses:
        _enter_loss(db, state, loss, _loss_day(loss, day_of(arrived_ms, utc_offset_minutes)))
    _touch_gaps(db, state.gateway)


def _touch_gaps(db: sqlite3.Connection, gateway: str) -> None:
    """Everything open at this gateway is to be thought over again."""
    rows = db.execute(
        "SELECT s.stream, min(g.first) FROM ledger_stream s JOIN ledger_gap g ON g.stream = s.stream"
        " WHERE s.gateway = ? GROUP BY s.stream",
        [gateway],
    ).fetchall()
    for stream, first in rows:
        tables.touch(db, stream, gateway, first)


def _enter_receipt(db: sqlite3.Connection, topic: str, receipt: Receipt) -> None:
    """Another consumer's word. Ingest's own says nothing that the book does not know."""
    if receipt.consumer == INGEST:
        return
    try:
        gateway = parse_topic(topic).gateway
    except ValueError:
        return
    if gateway is None or not _may_speak_for(db, receipt.stream, gateway):
        return
    tables.touch(db, receipt.stream, gateway, min(first for first, _ in receipt.ranges))
    refused = receipt.quarantined
    judged = minus(spans(receipt.ranges), spans(refused))
    _add(db, receipt.stream, tables.JUDGED, judged)
    _add(db, receipt.stream, tables.REFUSED, refused)


def _enter_loss(db: sqlite3.Connection, state: GatewayState, loss: Loss, day: int) -> None:
    """A gateway's own word of what it has lost of one stream and day: `count` so far, 0 where it cannot tell.

    What it said before stays; only what is new is added, among the numbers it has given out by now.
    """
    if not _may_speak_for(db, loss.stream, state.gateway):
        return
    known, rows = db.execute(
        "SELECT CAST(total(count) AS INTEGER), count(*) FROM ledger_loss WHERE stream = ? AND day = ? AND reason = ?",
        [loss.stream, day, loss.reason],
    ).fetchone()
    total = min(loss.count, MAX_SEQ)
    if rows and total <= known:
        return
    # A stream that was replaced gives out no more numbers: all that it has are meant.
    up_to = state.measured if loss.stream == state.stream else MAX_SEQ
    db.execute(
        "INSERT INTO ledger_loss VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET count = min(count + excluded.count, ?)",
        [state.gateway, loss.stream, day, loss.reason, up_to, total - known, MAX_SEQ],
    )
    tables.touch(db, loss.stream, state.gateway, 1)


def _may_speak_for(db: sqlite3.Connection, stream: str, gateway: str) -> bool:
    """A stream that belongs to another gateway is none of this one's business."""
    return tables.owner(db, stream) in (None, gateway)


def _loss_day(loss: Loss, arrived: int) -> int:
    try:
        return day_from_text(loss.day)
    except ValueError:  # 2026-02-31 has the form of a day
        return arrived


def _add(db: sqlite3.Connection, stream: str, what: str, ranges: Sequence[tuple[int, int]]) -> None:
    for first, last in ranges:
        add_range(db, stream, what, first, last)
