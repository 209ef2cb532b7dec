"""What comes in one batch, piece by piece, and what it may receipt."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from cunmai_rules.journal.judgements import subject_of
from cunmai_runtime.intake import Delivery
from cunmai_wire.envelope import EnvelopeHeader, ParsedEnvelope, parse_envelope
from cunmai_wire.parsing import RefusalReason, Refused
from cunmai_wire.readings import Reading, values_of
from cunmai_wire.receipts import RULES, make_receipts
from cunmai_wire.topics import Channel, gateway_topic

PIECE_READINGS = 500
"""Readings in one transaction. The notifier and the pages wait for the journal's lock meanwhile."""
NOT_RECEIPTED = frozenset(
    {RefusalReason.WRONG_SENDER, RefusalReason.SEQ_REUSED, RefusalReason.INTERNAL_ERROR}
)
"""What the rules do not hold, in any sense: the gateway keeps it."""


@dataclass
class Taken:
    """What one batch may receipt, by (gateway, stream)."""

    judged: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, header: EnvelopeHeader, judged: Iterable[int], refused: Iterable[Refused]) -> None:
        """One message's outcome, once it is certain to be committed with the rest."""
        key = (header.gateway, header.stream)
        self.judged[key] += judged
        self.refused[key] += [
            fault.seq for fault in refused if fault.seq is not None and fault.reason not in NOT_RECEIPTED
        ]

    def join(self, other: Taken) -> None:
        """What another piece of the batch may receipt."""
        for key, seqs in other.judged.items():
            self.judged[key] += seqs
        for key, seqs in other.refused.items():
            self.refused[key] += seqs

    def publications(self) -> list[tuple[str, bytes]]:
        """Topic and payload of every receipt."""
        return [
            (gateway_topic(gateway, Channel.RECEIPTS), receipt.model_dump_json().encode())
            for gateway, stream in self.judged.keys() | self.refused.keys()
            for receipt in make_receipts(
                RULES, stream, self.judged[gateway, stream], self.refused[gateway, stream]
            )
        ]


def channel_of(delivery: Delivery) -> str:
    """The last level of its topic."""
    return delivery.topic.rsplit("/", 1)[-1]


Arrived = tuple[Delivery, ParsedEnvelope | None]
"""A message, and what it says; None where it is no readings message."""
Piece = Sequence[Arrived]


def piece_from(batch: Sequence[Delivery], start: int) -> list[Arrived]:
    """The messages of one transaction. What is no readings message is None."""
    piece: list[tuple[Delivery, ParsedEnvelope | None]] = []
    readings = 0
    for delivery in batch[start:]:
        if readings >= PIECE_READINGS:
            break
        parsed = None
        if channel_of(delivery) == Channel.READINGS:
            parsed = parse_envelope(delivery.topic, delivery.payload)
            readings += len(parsed.readings) + len(parsed.refused) + (parsed.header is None)
        piece.append((delivery, parsed))
    return piece


def parts_of(piece: Piece) -> list[Piece]:
    """A piece taken apart: into messages, and one message into its readings. Empty where it is one already."""
    if len(piece) > 1:
        return [[one] for one in piece]
    ((delivery, parsed),) = piece
    if parsed is None or len(parsed.readings) + len(parsed.refused) < 2:
        return []
    return [
        *([(delivery, replace(parsed, readings=(one,), refused=()))] for one in parsed.readings),
        *([(delivery, replace(parsed, readings=(), refused=(one,)))] for one in parsed.refused),
    ]


def streams_of(piece: Piece) -> set[str]:
    """Whose readings a piece holds."""
    return {parsed.header.stream for _, parsed in piece if parsed is not None and parsed.header is not None}


def subjects_of(piece: Piece) -> set[str]:
    """Whom they are about."""
    return {
        subject_of(parsed.header.gateway, one.device, one.resident).id
        for _, parsed in piece
        if parsed is not None and parsed.header is not None
        for one in parsed.readings
    }


def digest_of(reading: Reading) -> str:
    """Of what a reading says: whatever was measured, when, on whom and by what, but not its number."""
    said = (
        reading.t, reading.device, reading.resident, reading.kind, values_of(reading), reading.quality,
        reading.corrects.model_dump() if reading.corrects else None,
    )  # fmt: skip
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=8).hexdigest()
