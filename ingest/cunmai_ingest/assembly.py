"""From what a message says to the points that are to be stored, each at its time. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from cunmai_ingest.messages import Message, Number, Read, read_message
from cunmai_ingest.points import (
    Frame,
    ReadingPoint,
    Storable,
    mark_of_correction,
    point_of_event,
    stock_points,
)
from cunmai_ingest.sanity import (
    AHEAD_MS,
    EARLIEST_MS,
    SPOOL_KEEPS_MS,
    Known,
    Placed,
    Sent,
    TimeFault,
    place,
    time_fault,
)
from cunmai_wire.base import ClockTrust
from cunmai_wire.envelope import EnvelopeHeader
from cunmai_wire.parsing import RefusalReason, Refused
from cunmai_wire.ranges import SeqRanges
from cunmai_wire.readings import Reading


class Knowledge(Protocol):
    """What is known of the streams before a message is assembled."""

    def known(self, number: Number) -> Known:
        """For a reading whose clock was not trusted, or which corrects another."""

    def first_contact_ms(self, stream: str) -> int | None: ...

    def owner(self, stream: str) -> str | None:
        """Who sent a stream first."""

    def stored(self, stream: str) -> SeqRanges:
        """The numbers of a stream that are in the store already."""

    def superseded(self, stream: str) -> SeqRanges:
        """The readings of a stream that a correction stands in for."""

    def may_wait(self, stream: str, arrived_ms: int) -> bool:
        """Whether a reading that cannot be placed may be left with its gateway a little longer."""


_NONE = SeqRanges()


class NothingKnown:
    """`Knowledge` of a stream that was never heard of."""

    def known(self, number: Number) -> Known:  # noqa: ARG002 - knows nothing of any number
        return Known()

    def first_contact_ms(self, stream: str) -> int | None:  # noqa: ARG002
        return None

    def owner(self, stream: str) -> str | None:  # noqa: ARG002
        return None

    def stored(self, stream: str) -> SeqRanges:  # noqa: ARG002
        return _NONE

    def superseded(self, stream: str) -> SeqRanges:  # noqa: ARG002
        return _NONE

    def may_wait(self, stream: str, arrived_ms: int) -> bool:  # noqa: ARG002
        return False


NOTHING_KNOWN = NothingKnown()


def understand(topic: str, payload: bytes, arrived_ms: int, knowledge: Knowledge = NOTHING_KNOWN) -> Message:
    """Both steps at once."""
    return assemble(read_message(topic, payload, arrived_ms), knowledge)


def assemble(read: Read, knowledge: Knowledge = NOTHING_KNOWN) -> Message:
    """Give every reading and event its point, or its refusal."""
    if read.header is not None:
        return _Assembly(read, read.header, knowledge).message()
    points: list[Storable] = []
    refused = list(read.refused)
    repeated: list[int] = []
    if read.origin is not None:
        stored = knowledge.stored(read.origin.stream)
        for event in read.events:
            if event.seq in stored:
                repeated.append(event.seq)
                continue
            fault = time_fault(event.t, read.arrived_ms)
            if fault is None:
                points.append(point_of_event(read.origin.stream, event, read.arrived_ms))
            else:
                refused.append(Refused(RefusalReason.IMPLAUSIBLE_TIME, fault, event.seq))
    return Message(
        read.topic,
        read.payload,
        read.arrived_ms,
        read.origin,
        tuple(points),
        tuple(refused),
        read.state,
        read.receipt,
        repeated=tuple(repeated),
    )


@dataclass(slots=True)
class _Assembly:
    """One message of readings, on its way to points."""

    read: Read
    header: EnvelopeHeader
    knowledge: Knowledge
    points: list[Storable] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    placements: list[tuple[Number, int]] = field(default_factory=list)
    superseded: list[tuple[int, Number]] = field(default_factory=list)
    waiting: int = 0

    def message(self) -> Message:
        read, header, arrived_ms = self.read, self.header, self.read.arrived_ms
        self.refused += read.refused
        frame = Frame(header.gateway, header.stream, arrived_ms)
        sent = Sent(header.sent, header.clock, arrived_ms)
        superseded = self.knowledge.superseded(header.stream)
        first_contact_ms = self.knowledge.first_contact_ms(header.stream)
        from_ms = EARLIEST_MS if first_contact_ms is None else first_contact_ms - SPOOL_KEEPS_MS
        to_ms = arrived_ms + AHEAD_MS
        nothing_superseded = not superseded
        readings, repeated = self._new()
        for reading in readings:
            if (
                nothing_superseded
                and reading.clock is ClockTrust.TRUSTED
                and from_ms <= reading.t <= to_ms
                and reading.corrects is None
                and reading.kind != "site_status"
            ):
                self.points.append(ReadingPoint(frame, reading))
            else:
                self._unusual(frame, reading, sent, reading.seq in superseded)
        return Message(
            read.topic,
            read.payload,
            arrived_ms,
            read.origin,
            tuple(self.points),
            tuple(self.refused),
            placements=tuple(self.placements),
            superseded=tuple(self.superseded),
            repeated=repeated,
            waiting=self.waiting,
        )

    def _new(self) -> tuple[tuple[Reading, ...], tuple[int, ...]]:
        """The readings that are not in the store yet, and the numbers of those that are."""
        readings, stored = self.read.readings, self.knowledge.stored(self.header.stream)
        highest = stored.highest()
        if all(reading.seq > highest for reading in readings):
            return readings, ()
        new = tuple(reading for reading in readings if reading.seq not in stored)
        return new, tuple(reading.seq for reading in readings if reading.seq in stored)

    def _unusual(self, frame: Frame, reading: Reading, sent: Sent, superseded: bool) -> None:
        fault = correction_fault(frame.stream, frame.gateway, reading, self.knowledge)
        if fault is not None:
            self.refused.append(Refused(RefusalReason.BAD_READING, fault, reading.seq))
            return
        # A correction stands where the reading stands that it corrects: it is placed as that one was.
        of = (frame.stream, reading.seq)
        if reading.corrects is not None:
            of = (reading.corrects.stream, reading.corrects.seq)
        placed = place(reading.t, reading.clock, sent, self.knowledge.known(of))
        if isinstance(placed, TimeFault):
            if placed.may_settle and self.knowledge.may_wait(frame.stream, sent.arrived_ms):
                self.waiting += 1
            else:
                self.refused.append(Refused(RefusalReason.IMPLAUSIBLE_TIME, placed.detail, reading.seq))
            return
        if reading.clock is not ClockTrust.TRUSTED:
            self.placements.append(((frame.stream, reading.seq), placed.offset_ms))
        self._store(ReadingPoint(frame, reading, placed, superseded), placed, of)

    def _store(self, point: ReadingPoint, placed: Placed, of: Number) -> None:
        self.points.append(point)
        self.points += stock_points(point)
        if point.reading.corrects is not None:
            self.points.append(mark_of_correction(point))
            self.superseded.append((point.seq, of))
            if point.reading.clock is not ClockTrust.TRUSTED:
                self.placements.append((of, placed.offset_ms))


def correction_fault(stream: str, gateway: str, reading: Reading, knowledge: Knowledge) -> str | None:
    """Why a reading may not correct what it says it corrects; None where it may, or is no correction."""
    corrects = reading.corrects
    if corrects is not None and knowledge.owner(corrects.stream) not in (None, gateway):
        return f"corrects number {corrects.seq} of another gateway's stream"
    if corrects is None or corrects.stream != stream or corrects.seq < reading.seq:
        return None
    return f"corrects number {corrects.seq} of its own stream, which is not earlier than itself"
