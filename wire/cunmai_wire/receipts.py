"""Receipts: a consumer's word that it holds readings durably, so that the gateway may let them go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, model_validator

from cunmai_wire.base import ConsumerName, Message, SeqRange, StreamId, Version
from cunmai_wire.ranges import ranges_of

MAX_RANGES = 1000

INGEST = "ingest"
RULES = "rules"
REQUIRED_CONSUMERS = (INGEST, RULES)
"""A gateway deletes a reading only when each of these has receipted it."""


class Receipt(Message):
    """`ranges` are held durably: stored, judged, or quarantined whole. `quarantined` is the part of
    them that was quarantined, for the ledger; the gateway need not send either again."""

    v: Version
    consumer: ConsumerName
    stream: StreamId
    ranges: Annotated[tuple[SeqRange, ...], Field(min_length=1, max_length=MAX_RANGES)]
    quarantined: Annotated[tuple[SeqRange, ...], Field(max_length=MAX_RANGES)] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Receipt:
        for first, last in (*self.ranges, *self.quarantined):
            if first > last:
                raise ValueError(f"range {first}-{last} ends before it begins")
        return self


def make_receipts(
    consumer: str, stream: str, numbers: Iterable[int], quarantined: Iterable[int] = ()
) -> list[Receipt]:
    """Receipts for these numbers, of which some were quarantined: one, or several where one would name
    too many ranges."""
    aside = set(quarantined)
    wanted = sorted(aside.union(numbers))
    ranges, aside_ranges = ranges_of(wanted), ranges_of(aside)
    if not wanted:
        return []
    if max(len(ranges), len(aside_ranges)) > MAX_RANGES:
        halves = wanted[: len(wanted) // 2], wanted[len(wanted) // 2 :]
        return [
            receipt
            for half in halves
            for receipt in make_receipts(consumer, stream, half, aside.intersection(half))
        ]
    return [Receipt(v=1, consumer=consumer, stream=stream, ranges=ranges, quarantined=aside_ranges)]
