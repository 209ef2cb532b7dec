"""Receipts: ingest's word to a gateway (or to rules) that it holds these numbers durably. Pure."""

from __future__ import annotations

from cunmai_ingest.messages import Origin
from cunmai_ingest.settle import Committed
from cunmai_runtime.outgoing import Publication
from cunmai_wire.receipts import INGEST, make_receipts
from cunmai_wire.topics import Channel, gateway_topic


def receipts_for(committed: Committed) -> list[Publication]:
    """One receipt for each stream of the batch, or several where one would name too many ranges.

    They name what was held already too: a gateway sends again because an earlier receipt was lost. What
    was set aside is receipted as well, where its number is known, and named as quarantined.
    """
    held: dict[Origin, set[int]] = {}
    stored: dict[Origin, set[int]] = {}
    for entry in committed.settled:
        origin = entry.message.origin
        if origin is None:
            continue
        stored.setdefault(origin, set()).update(entry.stored)
        numbers = held.setdefault(origin, set())
        numbers.update(entry.stored)
        numbers.update(refusal.seq for refusal in entry.refused if refusal.seq is not None)
    return [
        (gateway_topic(origin.sender, Channel.RECEIPTS), receipt.model_dump_json().encode())
        for origin, numbers in held.items()
        for receipt in make_receipts(INGEST, origin.stream, numbers, numbers - stored[origin])
    ]
