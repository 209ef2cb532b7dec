"""The readings envelope, and the reading of one from untrusted bytes.

`parse_envelope` never raises: what cannot be read comes back as `Refused`, with a named reason, and
what is good in the same message comes back beside it. One bad reading never stops the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from cunmai_wire.base import ClockTrust, GatewayId, Message, Millis, StreamId
from cunmai_wire.readings import KINDS, Reading
from cunmai_wire.topics import parse_topic

MAX_READINGS = 500
MAX_ENVELOPE_BYTES = 1 << 20
_MAX_DETAIL_CHARS = 300

AnyReading = Annotated[Reading, Field(discriminator="kind")]


class EnvelopeHeader(Message):
    """Who sends, from which stream, when by its own clock, and how far to believe that clock."""

    v: Literal[1]
    gateway: GatewayId
    stream: StreamId
    sent: Millis
    clock: ClockTrust


class Envelope(EnvelopeHeader):
    """One readings message: a header and 1 to 500 readings."""

    readings: Annotated[tuple[AnyReading, ...], Field(min_length=1, max_length=MAX_READINGS)]


class RefusalReason(StrEnum):
    """Why a message, or one reading of it, was not taken."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    BAD_HEADER = "bad_header"
    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KIND = "unknown_kind"
    BAD_READING = "bad_reading"
    BAD_EVENT = "bad_event"
    IMPLAUSIBLE_TIME = "implausible_time"
    STORE_REFUSED = "store_refused"


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal. `seq` is None where it could not be read: then no receipt can name it."""

    reason: RefusalReason
    detail: str
    """One sentence for a person: which field, what was expected."""
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedEnvelope:
    """What could be read of one message. `header` is None where nothing could."""

    header: EnvelopeHeader | None
    readings: tuple[Reading, ...]
    refused: tuple[Refused, ...]


_reading_adapter: TypeAdapter[Reading] = TypeAdapter(AnyReading)


def parse_envelope(topic: str, payload: bytes) -> ParsedEnvelope:
    """Read one message of a gateway's `readings` topic. Never raises for anything in the message."""
    if len(payload) > MAX_ENVELOPE_BYTES:
        detail = f"{len(payload)} bytes; at most {MAX_ENVELOPE_BYTES} are read"
        return _nothing(RefusalReason.TOO_LARGE, detail)
    try:
        envelope = Envelope.model_validate_json(payload)
    except ValidationError:
        return _parse_piecewise(topic, payload)
    wrong = _topic_fault(topic, envelope)
    if wrong:
        return _nothing(RefusalReason.WRONG_TOPIC, wrong)
    return ParsedEnvelope(envelope, envelope.readings, ())


def _parse_piecewise(topic: str, payload: bytes) -> ParsedEnvelope:
    """The slow path: keep the good readings of a message that does not validate as a whole."""
    try:
        document = from_json(payload, allow_inf_nan=False)
    except ValueError as error:
        return _nothing(RefusalReason.NOT_JSON, str(error))
    if not isinstance(document, dict):
        return _nothing(RefusalReason.BAD_HEADER, "expected one JSON object")
    readings = document.pop("readings", None)
    header = _read_header(topic, document)
    if isinstance(header, Refused):
        return ParsedEnvelope(None, (), (header,))
    if not isinstance(readings, list) or not 1 <= len(readings) <= MAX_READINGS:
        return _nothing(RefusalReason.BAD_HEADER, f"readings: expected a list of 1 to {MAX_READINGS}")
    outcomes = [_parse_reading(index, item) for index, item in enumerate(readings)]
    taken = tuple(outcome for outcome in outcomes if not isinstance(outcome, Refused))
    refused = tuple(outcome for outcome in outcomes if isinstance(outcome, Refused))
    return ParsedEnvelope(header, taken, refused)


def _read_header(topic: str, document: dict[str, object]) -> EnvelopeHeader | Refused:
    if document.get("v") != 1:
        detail = f"v is {str(document.get('v'))[:20]!r}; version 1 is understood"
        return Refused(RefusalReason.UNKNOWN_VERSION, detail)
    try:
        header = EnvelopeHeader.model_validate_json(_to_json(document))
    except ValidationError as error:
        return Refused(RefusalReason.BAD_HEADER, explain(error))
    wrong = _topic_fault(topic, header)
    return Refused(RefusalReason.WRONG_TOPIC, wrong) if wrong else header


def _parse_reading(index: int, item: object) -> Reading | Refused:
    if not isinstance(item, dict):
        return Refused(RefusalReason.BAD_READING, f"readings.{index}: expected an object")
    seq = item.get("seq")
    known_seq = seq if type(seq) is int and 1 <= seq < 2**53 else None
    if item.get("kind") not in KINDS:
        detail = f"readings.{index}: kind {str(item.get('kind'))[:40]!r} is not of version 1"
        return Refused(RefusalReason.UNKNOWN_KIND, detail, known_seq)
    try:
        return _reading_adapter.validate_json(_to_json(item))
    except ValidationError as error:
        detail = f"readings.{index}: {explain(error)}"[:_MAX_DETAIL_CHARS]
        return Refused(RefusalReason.BAD_READING, detail, known_seq)


_json_adapter: TypeAdapter[object] = TypeAdapter(object)


def _to_json(item: object) -> bytes:
    return _json_adapter.dump_json(item)


def _topic_fault(topic: str, header: EnvelopeHeader) -> str | None:
    try:
        address = parse_topic(topic)
    except ValueError as error:
        return str(error)
    if address.gateway != header.gateway:
        return f"published under gateway {address.gateway}, but says gateway {header.gateway}"
    return None


def _nothing(reason: RefusalReason, detail: str) -> ParsedEnvelope:
    return ParsedEnvelope(None, (), (Refused(reason, detail[:_MAX_DETAIL_CHARS]),))


def explain(error: ValidationError) -> str:
    """The first faults of a validation error, one short clause each, without the input's values."""
    faults: list[ErrorDetails] = error.errors(include_url=False, include_input=False, include_context=False)
    clauses = [f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}" for fault in faults[:3]]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return ("; ".join(clauses) + more)[:_MAX_DETAIL_CHARS]
