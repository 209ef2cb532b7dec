"""Receipts: a consumer's word that it holds readings durably, so that the gateway may let them go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cunmai_wire.base import ConsumerName, Message, SeqRange, StreamId

MAX_RANGES = 1000

INGEST = "ingest"
RULES = "rules"
REQUIRED_CONSUMERS = (INGEST, RULES)
"""A gateway deletes a reading only when each of these has receipted it."""


class Receipt(Message):
    """`ranges` are held durably: stored, judged, or quarantined whole. `quarantined` is the part of
    them that was quarantined, for the ledger; the gateway need not send either again."""

    v: Literal[1]
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
