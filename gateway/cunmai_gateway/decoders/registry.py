"""Every decoder by the name of its characteristic or frame, and a decoded frame as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, is_dataclass
from enum import Enum
from typing import Any

from cunmai_gateway.decoders import plx
from cunmai_gateway.decoders.cursor import Cursor, DeviceTime
from cunmai_gateway.decoders.sfloat import Number
from cunmai_gateway.interpret.plx import interpret_plx
from cunmai_gateway.measurement import Measurement, NotClinical


@dataclass(frozen=True, slots=True)
class FrameType:
    """How to decode one type of frame, and what it means; `interpret` is None for frames that measure nothing."""

    title: str
    decode: Callable[[bytes], Any]
    interpret: Callable[[Any], Measurement | NotClinical] | None = None


@dataclass(frozen=True, slots=True)
class BareNumber:
    """A single number on its own."""

    value: Number


def _bare_sfloat(frame: bytes) -> BareNumber:
    cursor = Cursor(frame)
    number = cursor.sfloat("value")
    cursor.end()
    return BareNumber(number)


FRAME_TYPES: dict[str, FrameType] = {
    "SFLOAT": FrameType("IEEE 11073 16-bit float", _bare_sfloat),
    "2A5E": FrameType("PLX spot-check measurement", plx.decode_spot_check, interpret_plx),
    "2A5F": FrameType("PLX continuous measurement", plx.decode_continuous, interpret_plx),
    "2A60": FrameType("PLX features", plx.decode_features),
}


def describe(frame_type: FrameType, frame: bytes) -> dict[str, Any]:
    """Decode a frame into JSON values: the frame's own fields, then the contract's. Raises Malformed."""
    decoded = frame_type.decode(frame)
    result = {name: _plain(value) for name, value in _fields(decoded).items() if value is not None}
    if frame_type.interpret is None:
        return result
    meaning = frame_type.interpret(decoded)
    if isinstance(meaning, NotClinical):
        return result | {"not_clinical": str(meaning.reason)}
    values = {name: _plain(value) for name, value in meaning.values.items() if value is not None}
    return result | {"kind": meaning.kind} | values | {"quality": list(meaning.quality)}


def _fields(decoded: Any) -> dict[str, Any]:
    if not is_dataclass(decoded) or isinstance(decoded, type):
        raise TypeError(f"a decoder returned {type(decoded).__name__}, not a record")
    return {name: getattr(decoded, name) for name in decoded.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, DeviceTime):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value
