"""Pulse Oximeter Service (PLXS 1.0.1): spot-check 2A5E, continuous 2A5F, features 2A60.

Reserved flag bits are ignored, as the Bluetooth Core Specification asks of a receiver; a field that a
later revision may add behind them shows as bytes left over, and such a frame is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, DeviceTime
from cunmai_gateway.decoders.sfloat import Number


@dataclass(frozen=True, slots=True)
class PlxFeatures:
    """2A60: what the oximeter can report. The support masks are None where not given."""

    features: int
    status_support: int | None
    sensor_support: int | None


@dataclass(frozen=True, slots=True)
class PlxSpotCheck:
    """2A5E. `status` and `sensor` are bit fields (see `interpret/plx.py`), `pai` is in percent."""

    flags: int
    spo2: Number
    pulse: Number
    timestamp: DeviceTime | None
    status: int | None
    sensor: int | None
    pai: Number | None
    clock_not_set: bool


@dataclass(frozen=True, slots=True)
class PlxContinuous:
    """2A5F. The fast and slow pairs answer quickly or smoothly; the plain pair is the normal one."""

    flags: int
    spo2: Number
    pulse: Number
    spo2_fast: Number | None
    pulse_fast: Number | None
    spo2_slow: Number | None
    pulse_slow: Number | None
    status: int | None
    sensor: int | None
    pai: Number | None


def decode_features(frame: bytes) -> PlxFeatures:
    """Decode a 2A60 value. Raises Malformed."""
    cursor = Cursor(frame)
    features = cursor.unsigned(2, "supported features")
    status_support = cursor.unsigned(2, "measurement status support") if features & 0x01 else None
    sensor_support = cursor.unsigned(3, "device status support") if features & 0x02 else None
    cursor.end()
    return PlxFeatures(features, status_support, sensor_support)


def decode_spot_check(frame: bytes) -> PlxSpotCheck:
    """Decode a 2A5E indication. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    spo2 = cursor.sfloat("SpO2")
    pulse = cursor.sfloat("pulse rate")
    timestamp = cursor.device_time("timestamp") if flags & 0x01 else None
    status = cursor.unsigned(2, "measurement status") if flags & 0x02 else None
    sensor = cursor.unsigned(3, "device and sensor status") if flags & 0x04 else None
    pai = cursor.sfloat("pulse amplitude index") if flags & 0x08 else None
    cursor.end()
    return PlxSpotCheck(flags, spo2, pulse, timestamp, status, sensor, pai, bool(flags & 0x10))


def decode_continuous(frame: bytes) -> PlxContinuous:
    """Decode a 2A5F notification. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    spo2 = cursor.sfloat("SpO2")
    pulse = cursor.sfloat("pulse rate")
    spo2_fast = pulse_fast = spo2_slow = pulse_slow = None
    if flags & 0x01:
        spo2_fast = cursor.sfloat("fast SpO2")
        pulse_fast = cursor.sfloat("fast pulse rate")
    if flags & 0x02:
        spo2_slow = cursor.sfloat("slow SpO2")
        pulse_slow = cursor.sfloat("slow pulse rate")
    status = cursor.unsigned(2, "measurement status") if flags & 0x04 else None
    sensor = cursor.unsigned(3, "device and sensor status") if flags & 0x08 else None
    pai = cursor.sfloat("pulse amplitude index") if flags & 0x10 else None
    cursor.end()
    return PlxContinuous(
        flags, spo2, pulse, spo2_fast, pulse_fast, spo2_slow, pulse_slow, status, sensor, pai
    )
