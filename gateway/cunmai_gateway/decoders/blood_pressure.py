"""Blood Pressure Service (BLS 1.1.1): measurement 2A35, intermediate cuff pressure 2A36, features 2A49."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, DeviceTime
from cunmai_gateway.decoders.sfloat import Number


@dataclass(frozen=True, slots=True)
class BloodPressureMeasurement:
    """2A35. Pressures are in `unit`; `status` is a bit field (see `interpret/blood_pressure.py`)."""

    flags: int
    unit: str
    """`mmHg` or `kPa`."""
    sys: Number
    dia: Number
    map: Number
    timestamp: DeviceTime | None
    pulse: Number | None
    user: int | None
    """The cuff's own user slot, 255 for unknown. It is no resident."""
    status: int | None


@dataclass(frozen=True, slots=True)
class CuffPressure:
    """2A36: the pressure in the cuff while it measures. Nobody's blood pressure."""

    flags: int
    unit: str
    cuff: Number
    timestamp: DeviceTime | None
    pulse: Number | None
    user: int | None
    status: int | None


@dataclass(frozen=True, slots=True)
class BloodPressureFeatures:
    """2A49, bits: 0 movement, 1 cuff fit, 2 irregular pulse, 3 pulse range, 4 position, 5 multiple bonds."""

    features: int


def decode_measurement(frame: bytes) -> BloodPressureMeasurement:
    """Decode a 2A35 indication. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    systolic = cursor.sfloat("systolic")
    diastolic = cursor.sfloat("diastolic")
    mean = cursor.sfloat("mean arterial pressure")
    rest = _optional_fields(cursor, flags)
    return BloodPressureMeasurement(flags, _unit(flags), systolic, diastolic, mean, *rest)


def decode_cuff_pressure(frame: bytes) -> CuffPressure:
    """Decode a 2A36 notification. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    cuff = cursor.sfloat("cuff pressure")
    cursor.take(4, "unused diastolic and mean")
    rest = _optional_fields(cursor, flags)
    return CuffPressure(flags, _unit(flags), cuff, *rest)


def decode_features(frame: bytes) -> BloodPressureFeatures:
    """Decode a 2A49 value. Raises Malformed."""
    cursor = Cursor(frame)
    features = cursor.unsigned(2, "features")
    cursor.end()
    return BloodPressureFeatures(features)


def _unit(flags: int) -> str:
    return "kPa" if flags & 0x01 else "mmHg"


def _optional_fields(
    cursor: Cursor, flags: int
) -> tuple[DeviceTime | None, Number | None, int | None, int | None]:
    timestamp = cursor.device_time("timestamp") if flags & 0x02 else None
    pulse = cursor.sfloat("pulse rate") if flags & 0x04 else None
    user = cursor.unsigned(1, "user") if flags & 0x08 else None
    status = cursor.unsigned(2, "measurement status") if flags & 0x10 else None
    cursor.end()
    return timestamp, pulse, user, status
