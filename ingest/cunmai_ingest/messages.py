"""What one MQTT message says, and what is to be stored of it. Pure.

    read_message(topic, payload) -> Read         what the bytes say, by the contract
    assemble(read, knowledge)    -> Message      the points to be stored, each at its time (`assembly`)

Nothing in a message makes this raise: what cannot be understood becomes a refusal with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError

from cunmai_ingest.points import Storable
from cunmai_wire.envelope import EnvelopeHeader, parse_envelope
from cunmai_wire.events import Event, parse_events
from cunmai_wire.parsing import RefusalReason, Refused, explain
from cunmai_wire.readings import Reading
from cunmai_wire.receipts import Receipt
from cunmai_wire.state import GatewayState
from cunmai_wire.topics import Channel, parse_topic

Number = tuple[str, int]
"""`(stream, seq)`: which reading."""


class Origin(NamedTuple):
    """Where a message's readings or events come from: what a receipt must name."""

    stream: str
    sender: str
    """The gateway, or the service that publishes events: receipts go to its receipts topic."""


class Read(NamedTuple):
    """One message as the contract reads it. `origin` is None where its header could not be read."""

    topic: str
    payload: bytes
    arrived_ms: int
    origin: Origin | None = None
    header: EnvelopeHeader | None = None
    readings: tuple[Reading, ...] = ()
    events: tuple[Event, ...] = ()
    refused: tuple[Refused, ...] = ()
    state: GatewayState | None = None
    receipt: Receipt | None = None
    """What another consumer says it holds: for the ledger."""


class Message(NamedTuple):
    """One message as it is to be stored."""

    topic: str
    payload: bytes
    arrived_ms: int
    origin: Origin | None = None
    points: tuple[Storable, ...] = ()
    refused: tuple[Refused, ...] = ()
    state: GatewayState | None = None
    receipt: Receipt | None = None
    placements: tuple[tuple[Number, int], ...] = ()
    """By which offset each reading whose clock was not trusted is placed: it must never move again."""
    superseded: tuple[tuple[int, Number], ...] = ()
    """For each correction in it: its own number, and the reading that it stands in for."""
    repeated: tuple[int, ...] = ()
    """Numbers that are in the store already. What came under them now is not written over what came first."""
    waiting: int = 0
    """Readings left with the gateway, which will send them again: their clock may settle until then."""


def points_of(messages: Iterable[Message]) -> list[Storable]:
    """Everything in these messages that is to be stored."""
    return [point for message in messages for point in message.points]


def read_message(topic: str, payload: bytes, arrived_ms: int) -> Read:
    """Read one message by the channel that its topic ends in."""
    channel = topic.rsplit("/", 1)[-1]
    if channel == Channel.READINGS:
        parsed = parse_envelope(topic, payload)
        header = parsed.header
        origin = None if header is None else Origin(header.stream, header.gateway)
        return Read(topic, payload, arrived_ms, origin, header, parsed.readings, (), parsed.refused)
    if channel == "events":
        told = parse_events(payload)
        origin = None if told.header is None else Origin(told.header.stream, told.header.source)
        return Read(topic, payload, arrived_ms, origin, None, (), told.events, told.refused)
    if channel == Channel.STATE:
        return _state(topic, payload, arrived_ms)
    if channel == Channel.RECEIPTS:
        return _receipt(topic, payload, arrived_ms)
    refused = Refused(RefusalReason.WRONG_TOPIC, "not a topic that ingest reads")
    return Read(topic, payload, arrived_ms, refused=(refused,))


def _state(topic: str, payload: bytes, arrived_ms: int) -> Read:
    if not payload:  # How MQTT clears a retained message: a gateway that was taken out of service.
        return Read(topic, payload, arrived_ms)
    try:
        state = GatewayState.model_validate_json(payload)
    except ValidationError as error:
        refused = Refused(RefusalReason.BAD_HEADER, explain(error))
        return Read(topic, payload, arrived_ms, refused=(refused,))
    fault = _topic_fault(topic, state.gateway)
    if fault is not None:
        refused = Refused(RefusalReason.WRONG_TOPIC, fault)
        return Read(topic, payload, arrived_ms, refused=(refused,))
    return Read(topic, payload, arrived_ms, state=state)


def _receipt(topic: str, payload: bytes, arrived_ms: int) -> Read:
    try:
        receipt = Receipt.model_validate_json(payload)
    except ValidationError as error:
        refused = Refused(RefusalReason.BAD_HEADER, explain(error))
        return Read(topic, payload, arrived_ms, refused=(refused,))
    return Read(topic, payload, arrived_ms, receipt=receipt)


def _topic_fault(topic: str, gateway: str) -> str | None:
    try:
        address = parse_topic(topic)
    except ValueError as error:
        return str(error)
    return None if address.gateway == gateway else f"published under another gateway than {gateway}"
