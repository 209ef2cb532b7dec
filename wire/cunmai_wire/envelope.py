"""The readings envelope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from pydantic import Field, TypeAdapter

from cunmai_wire.base import ClockTrust, GatewayId, Message, Millis, StreamId, Version
from cunmai_wire.parsing import MessageFormat, RefusalReason, Refused
from cunmai_wire.readings import KINDS, Reading
from cunmai_wire.topics import parse_topic

MAX_READINGS = 500

AnyReading = Annotated[Reading, Field(discriminator="kind")]


class EnvelopeHeader(Message):
    """Who sends, from which stream, when by its own clock, and how far to believe that clock."""

    v: Version
    gateway: GatewayId
    stream: StreamId
    sent: Millis
    clock: ClockTrust


class Envelope(EnvelopeHeader):
    """One readings message: a header and 1 to 500 readings."""

    readings: Annotated[tuple[AnyReading, ...], Field(min_length=1, max_length=MAX_READINGS)]


@dataclass(frozen=True, slots=True)
class ParsedEnvelope:
    """What could be read of one message. `header` is None where nothing could."""

    header: EnvelopeHeader | None
    readings: tuple[Reading, ...]
    refused: tuple[Refused, ...]


_FORMAT: MessageFormat[Envelope, Reading] = MessageFormat(
    whole=Envelope,
    header=EnvelopeHeader,
    items="readings",
    tag="kind",
    known=frozenset(KINDS),
    item=TypeAdapter(AnyReading),
    most=MAX_READINGS,
    bad_item=RefusalReason.BAD_READING,
)


def parse_envelope(topic: str, payload: bytes) -> ParsedEnvelope:
    """Read one message of a gateway's `readings` topic. Never raises for anything in the message."""
    header, readings, refused = _FORMAT.parse(payload)
    if header is None:
        return ParsedEnvelope(None, (), refused)
    envelope = cast("EnvelopeHeader", header)
    wrong = _topic_fault(topic, envelope)
    if wrong:
        return ParsedEnvelope(None, (), (Refused(RefusalReason.WRONG_TOPIC, wrong),))
    return ParsedEnvelope(envelope, readings, refused)


def _topic_fault(topic: str, header: EnvelopeHeader) -> str | None:
    try:
        address = parse_topic(topic)
    except ValueError as error:
        return str(error)
    if address.gateway != header.gateway:
        return f"published under gateway {address.gateway}, but says gateway {header.gateway}"
    return None
