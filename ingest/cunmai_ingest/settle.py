"""After the store has answered: which numbers of each message are stored, and which are set aside. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cunmai_ingest.messages import Message
from cunmai_ingest.stores.base import RefusedPoint, WriteOutcome
from cunmai_wire.parsing import Refused


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one message. A number is in `stored` or in `refused`, never in both."""

    message: Message
    stored: tuple[int, ...]
    """Sequence numbers whose every point is in the store."""
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """A batch that is in the book: only now may it be receipted and acknowledged."""

    settled: tuple[Settled, ...]
    stored: int
    """Readings and events that were not held before."""
    duplicates: int
    """Those that were: sent or delivered again."""
    quarantined: dict[str, int]
    """New refusals by reason."""
    dropped: int
    """Refusals that left the quarantine because it was full."""
    quarantine_share: float = 0.0
    """How full the quarantine is, 0 to 1, by the bound that is nearer."""


def settle(messages: Sequence[Message], outcome: WriteOutcome) -> tuple[Settled, ...]:
    """Bring the store's answer back to the messages. One refused point sets its whole reading aside."""
    details = {(entry.point.stream, entry.point.seq): entry for entry in outcome.refused}
    return tuple(_settle_one(message, details) for message in messages)


def _settle_one(message: Message, details: Mapping[tuple[str, int], RefusedPoint]) -> Settled:
    if not details and not message.refused:
        points = dict.fromkeys([point.seq for point in message.points])
        return Settled(message, (*points, *message.repeated), ())
    stored: dict[int, None] = dict.fromkeys(message.repeated)
    refused = {}
    for point in message.points:
        fault = details.get((point.stream, point.seq))
        if fault is None:
            stored[point.seq] = None
        else:
            refused[point.seq] = Refused(fault.reason, fault.detail, point.seq)
    # A number that came twice in one message, once good, once bad, is stored: the good one is in the store.
    others = tuple(entry for entry in message.refused if entry.seq is None or entry.seq not in stored)
    return Settled(message, tuple(stored), (*others, *refused.values()))
