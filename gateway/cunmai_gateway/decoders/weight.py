"""Weight Scale Service (WSS 1.0): measurement 2A9D, features 2A9E."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, DeviceTime

_UNSUCCESSFUL = 0xFFFF


@dataclass(frozen=True, slots=True)
class WeightMeasurement:
    """2A9D. `weight` is in `unit` (`kg` or `lb`), None where the scale says it failed."""

    flags: int
    unit: str
    weight: float | None
    timestamp: DeviceTime | None
    user: int | None
    """The scale's own user slot, 255 for unknown. It is no resident."""
    bmi: float | None
    height: float | None
    """In metres or inches, as `unit`."""


@dataclass(frozen=True, slots=True)
class WeightFeatures:
    """2A9E, bits: 0 timestamp, 1 several users, 2 BMI, 3-6 weight resolution, 7-9 height resolution."""

    features: int


def decode_measurement(frame: bytes) -> WeightMeasurement:
    """Decode a 2A9D indication. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    imperial = flags & 0x01
    raw = cursor.unsigned(2, "weight")
    # Division, not multiplication: 14000 / 200 is 70.0, 14000 * 0.005 need not be.
    weight = None if raw == _UNSUCCESSFUL else raw / (100 if imperial else 200)
    timestamp = cursor.device_time("timestamp") if flags & 0x02 else None
    user = cursor.unsigned(1, "user") if flags & 0x04 else None
    bmi = cursor.unsigned(2, "BMI") / 10 if flags & 0x08 else None
    height = cursor.unsigned(2, "height") / (10 if imperial else 1000) if flags & 0x08 else None
    cursor.end()
    return WeightMeasurement(flags, "lb" if imperial else "kg", weight, timestamp, user, bmi, height)


def decode_features(frame: bytes) -> WeightFeatures:
    """Decode a 2A9E value. Raises Malformed."""
    cursor = Cursor(frame)
    features = cursor.unsigned(4, "features")
    cursor.end()
    return WeightFeatures(features)
