"""What one MQTT message says: its points, what of it must be set aside, a gateway's state, or a receipt. Pure.

Nothing in a message makes this raise: what cannot be understood becomes a refusal with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from cunmai_ingest.points import Point, point_of_event, points_of_reading
from cunmai_ingest.sanity import time_fault
from cunmai_wire.envelope import parse_envelope
from cunmai_wire.events import parse_events
from cunmai_wire.parsing import RefusalReason, Refused, explain
from cunmai_wire.receipts import Receipt
from cunmai_wire.state import GatewayState
from cunmai_wire.topics import Channel, parse_topic


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message's readings or events come from: what a receipt must name."""

    stream: str
    sender: str
    """The gateway, or the service that publishes events: receipts go to its receipts topic."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was understood. `origin` is None where its header could not be read."""

    topic: str
    payload: bytes
    arrived_ms: int
    origin: Origin | None = None
    points: tuple[Point, ...] = ()
    refused: tuple[Refused, ...] = ()
    state: GatewayState | None = None
    receipt: Receipt | None = None
    """What another consumer says it holds: for the ledger."""


def understand(topic: str, payload: bytes, arrived_ms: int) -> Message:
    """Read one message by the channel that its topic ends in."""
    channel = topic.rsplit("/", 1)[-1]
    if channel == Channel.READINGS:
        return _readings(topic, payload, arrived_ms)
    if channel == "events":
        return _events(topic, payload, arrived_ms)
    if channel == Channel.STATE:
        return _state(topic, payload, arrived_ms)
    if channel == Channel.RECEIPTS:
        return _receipt(topic, payload, arrived_ms)
    refused = Refused(RefusalReason.WRONG_TOPIC, "not a topic that ingest reads")
    return Message(topic, payload, arrived_ms, refused=(refused,))


def points_of(messages: Iterable[Message]) -> list[Point]:
    """Everything in these messages that is to be stored."""
    return [point for message in messages for point in message.points]


def _readings(topic: str, payload: bytes, arrived_ms: int) -> Message:
    parsed = parse_envelope(topic, payload)
    if parsed.header is None:
        return Message(topic, payload, arrived_ms, refused=parsed.refused)
    points: list[Point] = []
    refused = list(parsed.refused)
    for reading in parsed.readings:
        fault = time_fault(reading.t, arrived_ms)
        if fault is None:
            points += points_of_reading(parsed.header, reading, arrived_ms)
        else:
            refused.append(Refused(RefusalReason.IMPLAUSIBLE_TIME, fault, reading.seq))
    origin = Origin(parsed.header.stream, parsed.header.gateway)
    return Message(topic, payload, arrived_ms, origin, tuple(points), tuple(refused))


def _events(topic: str, payload: bytes, arrived_ms: int) -> Message:
    parsed = parse_events(payload)
    if parsed.header is None:
        return Message(topic, payload, arrived_ms, refused=parsed.refused)
    points: list[Point] = []
    refused = list(parsed.refused)
    for event in parsed.events:
        fault = time_fault(event.t, arrived_ms)
        if fault is None:
            points.append(point_of_event(parsed.header.stream, event, arrived_ms))
        else:
            refused.append(Refused(RefusalReason.IMPLAUSIBLE_TIME, fault, event.seq))
    origin = Origin(parsed.header.stream, parsed.header.source)
    return Message(topic, payload, arrived_ms, origin, tuple(points), tuple(refused))


def _state(topic: str, payload: bytes, arrived_ms: int) -> Message:
    if not payload:  # How MQTT clears a retained message: a gateway that was taken out of service.
        return Message(topic, payload, arrived_ms)
    try:
        state = GatewayState.model_validate_json(payload)
    except ValidationError as error:
        refused = Refused(RefusalReason.BAD_HEADER, explain(error))
        return Message(topic, payload, arrived_ms, refused=(refused,))
    fault = _topic_fault(topic, state.gateway)
    if fault is not None:
        refused = Refused(RefusalReason.WRONG_TOPIC, fault)
        return Message(topic, payload, arrived_ms, refused=(refused,))
    return Message(topic, payload, arrived_ms, state=state)


def _receipt(topic: str, payload: bytes, arrived_ms: int) -> Message:
    try:
        receipt = Receipt.model_validate_json(payload)
    except ValidationError as error:
        refused = Refused(RefusalReason.BAD_HEADER, explain(error))
        return Message(topic, payload, arrived_ms, refused=(refused,))
    return Message(topic, payload, arrived_ms, receipt=receipt)


def _topic_fault(topic: str, gateway: str) -> str | None:
    try:
        address = parse_topic(topic)
    except ValueError as error:
        return str(error)
    return None if address.gateway == gateway else f"published under another gateway than {gateway}"
