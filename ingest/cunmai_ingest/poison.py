"""A message on which our own code failed, made into refusals without that code. Pure.

What numbers can be read of it are named, so that its gateway is told and does not send it for ever.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cunmai_ingest.messages import Message, Origin
from cunmai_ingest.settle import Settled
from cunmai_wire.base import MAX_SEQ, GatewayId, StreamId
from cunmai_wire.parsing import RefusalReason, Refused
from cunmai_wire.topics import parse_topic

_MOST_NUMBERS = 500
_stream: TypeAdapter[str] = TypeAdapter(StreamId)
_sender: TypeAdapter[str] = TypeAdapter(GatewayId)


def poison(topic: str, payload: bytes, arrived_ms: int, error: Exception) -> Settled:
    """The message as it goes to the quarantine, whole."""
    said = str(error)
    detail = f"a fault of ours: {type(error).__name__}: {said[:200]}" if said else type(error).__name__
    origin, numbers = _origin_and_numbers(topic, payload)
    refused = tuple(Refused(RefusalReason.INTERNAL_ERROR, detail, seq) for seq in numbers or (None,))
    return Settled(Message(topic, payload, arrived_ms, origin if numbers else None), (), refused)


def _origin_and_numbers(topic: str, payload: bytes) -> tuple[Origin | None, list[int]]:
    try:
        document = json.loads(payload)
        address = parse_topic(topic)
    except (ValueError, RecursionError):
        return None, []
    if not isinstance(document, dict):
        return None, []
    sender = document.get("source" if address.gateway is None else "gateway")
    stream = document.get("stream")
    items = document.get("events" if address.gateway is None else "readings")
    honest = address.gateway is None or sender == address.gateway
    if not (honest and isinstance(items, list)):
        return None, []
    try:
        origin = Origin(_stream.validate_python(stream), _sender.validate_python(sender))
    except ValidationError:
        return None, []
    return origin, [seq for item in items[:_MOST_NUMBERS] if (seq := _number(item))]


def _number(item: Any) -> int:
    seq = item.get("seq") if isinstance(item, dict) else None
    return seq if type(seq) is int and 1 <= seq <= MAX_SEQ else 0
