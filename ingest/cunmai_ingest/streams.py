"""What ingest knows of each stream while it runs: how its clock stands, and which readings were corrected.

The book holds what must survive; here are bounded caches of it, and the samples from which a clock's offset
is learnt. `messages.assemble` asks, through `Knowledge`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from cunmai_ingest.assembly import assemble, correction_fault
from cunmai_ingest.book import Book
from cunmai_ingest.messages import Message, Number, Origin, Read
from cunmai_ingest.offsets import Offsets
from cunmai_ingest.sanity import Known, Sent, TimeFault, place
from cunmai_ingest.settle import Settled
from cunmai_wire.base import ClockTrust
from cunmai_wire.parsing import RefusalReason, Refused
from cunmai_wire.ranges import SeqRanges, ranges_of
from cunmai_wire.readings import Reading

MOST_STREAMS = 10_000
"""Kept in memory; the least recently used goes first."""

SETTLE_WITHIN_MS = 10 * 60_000
"""How long readings of an unsettled clock are left with their gateway before they are set aside."""

Value = TypeVar("Value")


class _Recent(Generic[Value]):
    """A bounded cache by stream."""

    def __init__(self, load: Callable[[str], Value]) -> None:
        self._load = load
        self._values: OrderedDict[str, Value] = OrderedDict()

    def __getitem__(self, stream: str) -> Value:
        if stream in self._values:
            self._values.move_to_end(stream)
            return self._values[stream]
        self[stream] = value = self._load(stream)
        return value

    def __setitem__(self, stream: str, value: Value) -> None:
        self._values[stream] = value
        if len(self._values) > MOST_STREAMS:
            self._values.popitem(last=False)

    def clear(self) -> None:
        self._values.clear()


class Streams:
    """`Knowledge` over the book. Belongs to the thread that opened the book."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._offsets = _Recent[Offsets](lambda _: Offsets())
        self._owner = _Recent["str | None"](book.owner)
        self._stored = _Recent[SeqRanges](book.stored)
        self._superseded = _Recent[SeqRanges](book.superseded)
        self._first_contact_ms = _Recent["int | None"](book.first_contact_ms)
        self._unsettled_since_ms = _Recent["int | None"](lambda _: None)
        self._placed: dict[Number, int] = {}

    def assemble(self, reads: Sequence[Read]) -> list[Message]:
        """Messages with their points; what was decided about time for good is in the book when this returns.

        Raises Retryable where the book cannot be written now: then nothing was decided.
        """
        if self._book.changed_elsewhere():
            self.forget()
        self._placed.clear()
        own = [self._owned(read) for read in reads]
        self._learn_corrections(own)
        messages = []
        for read in own:
            self._learn_offset(read)
            message = assemble(read, self)
            self._placed.update(message.placements)
            for _, (stream, corrected) in message.superseded:
                self._superseded[stream].add(corrected)
            messages.append(message)
        # Before the store: a point whose time was decided, and stored, must not be placed anew after a crash.
        self._book.place(self._placed)
        return messages

    def committed(self, settled: Sequence[Settled]) -> None:
        """These are in the store and in the book now."""
        for entry in settled:
            if entry.message.origin is not None:
                stored = self._stored[entry.message.origin.stream]
                for first, last in ranges_of(entry.stored):
                    stored.add(first, last)
            if any(seq not in entry.stored for seq, _ in entry.message.superseded):
                self._superseded.clear()  # the store refused a correction that was learnt

    def forget(self) -> None:
        """Read the book again: someone else has changed it, or a batch was not committed."""
        self._owner.clear()
        self._stored.clear()
        self._superseded.clear()
        self._first_contact_ms.clear()
        self._placed.clear()

    def _owned(self, read: Read) -> Read:
        """The message, or, where its stream belongs to another sender, its refusal as a whole.

        Whoever sends a stream first owns it. Without this, anyone who knows a stream's id could take its
        numbers, and the owner's own readings would then pass for repetitions.
        """
        told = read.origin
        if told is None and read.state is not None:
            told = Origin(read.state.stream, read.state.gateway)
        if told is None:
            return read
        owner = self._owner[told.stream]
        if owner is None:
            self._owner[told.stream] = told.sender
            return read
        if owner == told.sender:
            return read
        fault = Refused(RefusalReason.WRONG_SENDER, f"the stream belongs to {owner}, not to {told.sender}")
        return Read(read.topic, read.payload, read.arrived_ms, refused=(fault,))

    def _learn_corrections(self, reads: Sequence[Read]) -> None:
        """A correction is known before its target is written, in whichever order they stand in the batch."""
        for read in reads:
            for reading in read.readings:
                if reading.corrects is not None and self._will_be_stored(read, reading):
                    self._superseded[reading.corrects.stream].add(reading.corrects.seq)

    def _will_be_stored(self, read: Read, correction: Reading) -> bool:
        """As far as can be told before the store is asked. A refused correction hides nothing."""
        header, corrects = read.header, correction.corrects
        if header is None or corrects is None:
            return False
        if correction_fault(header.stream, header.gateway, correction, self) is not None:
            return False
        sent = Sent(header.sent, header.clock, read.arrived_ms)
        placed = place(correction.t, correction.clock, sent, self.known((corrects.stream, corrects.seq)))
        return not isinstance(placed, TimeFault)

    def _learn_offset(self, read: Read) -> None:
        if read.origin is not None and self._first_contact_ms[read.origin.stream] is None:
            self._first_contact_ms[read.origin.stream] = read.arrived_ms
        header = read.header
        if header is None:
            return
        if header.clock is ClockTrust.TRUSTED:
            self._offsets[header.stream] = Offsets()
            return
        offsets = self._offsets[header.stream].seen(header.sent, read.arrived_ms)
        self._offsets[header.stream] = offsets
        if offsets.settled_ms is not None:
            self._unsettled_since_ms[header.stream] = None

    # -- Knowledge ----------------------------------------------------------------------------------

    def known(self, number: Number) -> Known:
        stream = number[0]
        placed_ms = self._placed.get(number)
        if placed_ms is None:
            placed_ms = self._book.placed_ms(number)
        return Known(self._offsets[stream].settled_ms, placed_ms, self._first_contact_ms[stream])

    def first_contact_ms(self, stream: str) -> int | None:
        return self._first_contact_ms[stream]

    def owner(self, stream: str) -> str | None:
        return self._owner[stream]

    def stored(self, stream: str) -> SeqRanges:
        return self._stored[stream]

    def superseded(self, stream: str) -> SeqRanges:
        return self._superseded[stream]

    def may_wait(self, stream: str, arrived_ms: int) -> bool:
        since_ms = self._unsettled_since_ms[stream]
        if since_ms is None:
            self._unsettled_since_ms[stream] = since_ms = arrived_ms
        return arrived_ms - since_ms <= SETTLE_WITHIN_MS
