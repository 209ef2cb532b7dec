"""Every format by its name: the one place where a format is added. docs/adding-a-driver.md says how."""

from __future__ import annotations

from dataclasses import asdict, dataclass, is_dataclass
from enum import Enum
from typing import Any

from cunmai_gateway.decoders import (
    blood_pressure,
    clock,
    device_information,
    exam_frames,
    exam_transfer,
    glucose,
    heart_rate,
    plx,
    racp,
    thermometer,
    weight,
)
from cunmai_gateway.decoders.cursor import Cursor, DeviceTime
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.sfloat import Number
from cunmai_gateway.decoders.vendors import (
    berry,
    beurer,
    contec,
    ffe4,
    jumper,
    nonin,
    pc60,
    taidoc,
    viatom_oxy,
)
from cunmai_gateway.interpret.blood_pressure import interpret_blood_pressure
from cunmai_gateway.interpret.glucose import interpret_glucose
from cunmai_gateway.interpret.heart_rate import interpret_heart_rate
from cunmai_gateway.interpret.plx import interpret_plx
from cunmai_gateway.interpret.thermometer import interpret_temperature
from cunmai_gateway.interpret.weight import interpret_weight
from cunmai_gateway.measurement import NotClinical


@dataclass(frozen=True, slots=True)
class BareNumber:
    """A single number on its own."""

    value: Number


def _bare_sfloat(frame: bytes) -> BareNumber:
    cursor = Cursor(frame)
    number = cursor.sfloat("value")
    cursor.end()
    return BareNumber(number)


def _bare_float(frame: bytes) -> BareNumber:
    cursor = Cursor(frame)
    number = cursor.medical_float("value")
    cursor.end()
    return BareNumber(number)


_ASSIGNED = (
    FrameType("SFLOAT", "IEEE 11073 16-bit float", _bare_sfloat),
    FrameType("FLOAT", "IEEE 11073 32-bit float", _bare_float),
    FrameType("2A5E", "PLX spot-check measurement", plx.decode_spot_check, interpret_plx),
    FrameType("2A5F", "PLX continuous measurement", plx.decode_continuous, interpret_plx),
    FrameType("2A60", "PLX features", plx.decode_features),
    FrameType("2A52", "record access control point", racp.decode),
    FrameType(
        "2A35", "blood pressure measurement", blood_pressure.decode_measurement, interpret_blood_pressure
    ),
    FrameType("2A36", "intermediate cuff pressure", blood_pressure.decode_cuff_pressure),
    FrameType("2A49", "blood pressure features", blood_pressure.decode_features),
    FrameType("2A1C", "temperature measurement", thermometer.decode_measurement, interpret_temperature),
    FrameType("2A1D", "temperature type", thermometer.decode_type),
    FrameType("2A1E", "intermediate temperature", thermometer.decode_measurement),
    FrameType("2A37", "heart rate measurement", heart_rate.decode_measurement, interpret_heart_rate),
    FrameType("2A18", "glucose measurement", glucose.decode_measurement, interpret_glucose),
    FrameType("2A34", "glucose measurement context", glucose.decode_context),
    FrameType("2A51", "glucose features", glucose.decode_features),
    FrameType("2A9D", "weight measurement", weight.decode_measurement, interpret_weight),
    FrameType("2A9E", "weight scale features", weight.decode_features),
    FrameType("2A19", "battery level", device_information.decode_battery),
    FrameType("2A23", "system ID", device_information.decode_system_id),
    FrameType("2A24", "model number", device_information.decode_text),
    FrameType("2A25", "serial number", device_information.decode_text),
    FrameType("2A26", "firmware revision", device_information.decode_text),
    FrameType("2A27", "hardware revision", device_information.decode_text),
    FrameType("2A28", "software revision", device_information.decode_text),
    FrameType("2A29", "manufacturer name", device_information.decode_text),
    FrameType("2A50", "PnP ID", device_information.decode_pnp_id),
    FrameType("2A2B", "current time", clock.decode_current_time),
    FrameType("2A08", "date and time", clock.decode_date_time),
    FrameType("EXAM-INFO", "ultrasound machine information", exam_transfer.decode_info),
    FrameType("EXAM-CTRL", "ultrasound control point", exam_frames.decode_control),
    FrameType("EXAM-DATA", "ultrasound data packet", exam_frames.decode_packet),
)

_VENDORS = (beurer, ffe4, contec, berry, pc60, viatom_oxy, jumper, nonin, taidoc)

FRAME_TYPES: dict[str, FrameType] = {
    frame_type.name: frame_type
    for frame_type in (*_ASSIGNED, *(each for vendor in _VENDORS for each in vendor.FORMATS))
}


def describe(frame_type: FrameType, frame: bytes) -> dict[str, Any]:
    """Decode a frame into JSON values: the frame's own fields, then the contract's. Raises Malformed.

    A field of the frame that is null is one that the frame does not carry, or has no value for. A name
    that both use (the work `mode` of a PC-60) is the frame's own.
    """
    decoded = frame_type.decode(frame)
    result = {name: _plain(value) for name, value in _fields(decoded).items()}
    meaning = None if frame_type.interpret is None else frame_type.interpret(decoded)
    if meaning is None:
        return result
    if isinstance(meaning, NotClinical):
        return result | {"not_clinical": str(meaning.reason)}
    values = {name: _plain(value) for name, value in meaning.values.items() if value is not None}
    contract = {"kind": meaning.kind} | values | {"quality": list(meaning.quality)}
    return result | {name: value for name, value in contract.items() if name not in result}


def _fields(decoded: Any) -> dict[str, Any]:
    if not is_dataclass(decoded) or isinstance(decoded, type):
        raise TypeError(f"a decoder returned {type(decoded).__name__}, not a record")
    return {name: getattr(decoded, name) for name in decoded.__dataclass_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, DeviceTime):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value
