"""Encoders for the Pulse Oximeter Service (PLXS 1.0): what a device puts on the air. Pure.

They share nothing with the gateway's decoders, so that each checks the other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import IntFlag

SPOT_CHECK = "00002a5e-0000-1000-8000-00805f9b34fb"
CONTINUOUS = "00002a5f-0000-1000-8000-00805f9b34fb"
FEATURES = "00002a60-0000-1000-8000-00805f9b34fb"
PLX_SERVICE = "00001822-0000-1000-8000-00805f9b34fb"

SFLOAT_NAN = 0x07FF
_MAX_MANTISSA = 2045
"""2046, 2047 and their negatives mean infinity and not-a-number at exponent 0."""
_MIN_EXPONENT, _MAX_EXPONENT = -8, 7


class MeasurementStatus(IntFlag):
    """Bits of the 16-bit measurement status (bits 0 to 4 are reserved)."""

    ONGOING = 1 << 5
    EARLY_ESTIMATE = 1 << 6
    VALIDATED = 1 << 7
    FULLY_QUALIFIED = 1 << 8
    FROM_STORAGE = 1 << 9
    DEMONSTRATION = 1 << 10
    TESTING = 1 << 11
    CALIBRATING = 1 << 12
    UNAVAILABLE = 1 << 13
    QUESTIONABLE = 1 << 14
    INVALID = 1 << 15


class SensorStatus(IntFlag):
    """Bits of the 24-bit device and sensor status (bits 16 to 23 are reserved)."""

    DISPLAY_UPDATE_ONGOING = 1 << 0
    EQUIPMENT_MALFUNCTION = 1 << 1
    SIGNAL_PROCESSING_IRREGULARITY = 1 << 2
    INADEQUATE_SIGNAL = 1 << 3
    POOR_SIGNAL = 1 << 4
    LOW_PERFUSION = 1 << 5
    ERRATIC_SIGNAL = 1 << 6
    NON_PULSATILE_SIGNAL = 1 << 7
    QUESTIONABLE_PULSE = 1 << 8
    SIGNAL_ANALYSIS_ONGOING = 1 << 9
    SENSOR_INTERFERENCE = 1 << 10
    UNCONNECTED_TO_USER = 1 << 11
    UNKNOWN_SENSOR = 1 << 12
    SENSOR_DISPLACED = 1 << 13
    SENSOR_MALFUNCTION = 1 << 14
    SENSOR_DISCONNECTED = 1 << 15


class Feature(IntFlag):
    """Bits of the supported features in 2A60."""

    MEASUREMENT_STATUS = 1 << 0
    SENSOR_STATUS = 1 << 1
    STORAGE = 1 << 2
    TIMESTAMP = 1 << 3
    FAST = 1 << 4
    SLOW = 1 << 5
    PULSE_AMPLITUDE_INDEX = 1 << 6
    MULTIPLE_BONDS = 1 << 7


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """PLX Spot-Check Measurement. None leaves an optional field out; a None value is sent as NaN."""

    spo2_pct: float | None
    pulse_bpm: float | None
    timestamp: datetime | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    pulse_amplitude_index_pct: float | None = None
    clock_not_set: bool = False


@dataclass(frozen=True, slots=True)
class Continuous:
    """PLX Continuous Measurement. `fast` and `slow` are (SpO2 percent, pulse per minute)."""

    spo2_pct: float | None
    pulse_bpm: float | None
    fast: tuple[float | None, float | None] | None = None
    slow: tuple[float | None, float | None] | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    pulse_amplitude_index_pct: float | None = None


def sfloat(value: float | None) -> int:
    """The IEEE 11073-20601 SFLOAT word for `value`, or NaN for None.

    Exact where four digits allow, in the shortest form; else the nearest. Raises ValueError where
    the value is beyond +-2045e7, or is not finite.
    """
    if value is None:
        return SFLOAT_NAN
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{value} has no SFLOAT: use None for a missing value")
    exponent = max(_shortest_exponent(number), _MIN_EXPONENT)
    while abs(mantissa := _scaled(number, exponent)) > _MAX_MANTISSA:
        exponent += 1
        if exponent > _MAX_EXPONENT:
            raise ValueError(f"{value} is too large for an SFLOAT")
    return (exponent & 0xF) << 12 | (mantissa & 0xFFF)


def _shortest_exponent(number: Decimal) -> int:
    """Minus the count of significant decimals; 0 for a whole number."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return min(exponent, 0)


def _scaled(number: Decimal, exponent: int) -> int:
    return int(number.scaleb(-exponent).to_integral_value(rounding=ROUND_HALF_EVEN))


def encode_spot_check(measured: SpotCheck) -> bytes:
    """2A5E: flags u8, SpO2, pulse, [date-time 7], [status u16], [status u24], [SFLOAT]."""
    body = _pair(measured.spo2_pct, measured.pulse_bpm)
    flags = 0
    if measured.timestamp is not None:
        flags |= 1 << 0
        body += date_time(measured.timestamp)
    if measured.measurement_status is not None:
        flags |= 1 << 1
        body += struct.pack("<H", measured.measurement_status)
    if measured.sensor_status is not None:
        flags |= 1 << 2
        body += _u24(measured.sensor_status)
    if measured.pulse_amplitude_index_pct is not None:
        flags |= 1 << 3
        body += struct.pack("<H", sfloat(measured.pulse_amplitude_index_pct))
    if measured.clock_not_set:
        flags |= 1 << 4
    return bytes([flags]) + body


def encode_continuous(measured: Continuous) -> bytes:
    """2A5F: flags u8, SpO2, pulse, [fast pair], [slow pair], [status u16], [status u24], [SFLOAT]."""
    body = _pair(measured.spo2_pct, measured.pulse_bpm)
    flags = 0
    if measured.fast is not None:
        flags |= 1 << 0
        body += _pair(*measured.fast)
    if measured.slow is not None:
        flags |= 1 << 1
        body += _pair(*measured.slow)
    if measured.measurement_status is not None:
        flags |= 1 << 2
        body += struct.pack("<H", measured.measurement_status)
    if measured.sensor_status is not None:
        flags |= 1 << 3
        body += _u24(measured.sensor_status)
    if measured.pulse_amplitude_index_pct is not None:
        flags |= 1 << 4
        body += struct.pack("<H", sfloat(measured.pulse_amplitude_index_pct))
    return bytes([flags]) + body


def encode_features(
    features: Feature,
    measurement_support: MeasurementStatus | None = None,
    sensor_support: SensorStatus | None = None,
) -> bytes:
    """2A60: features u16, [measurement status support u16], [sensor status support u24].

    The two support fields are there exactly when their feature bit is; ValueError otherwise.
    """
    for bit, support in (
        (Feature.MEASUREMENT_STATUS, measurement_support),
        (Feature.SENSOR_STATUS, sensor_support),
    ):
        if (bit in features) != (support is not None):
            raise ValueError(f"{bit.name} and its support field go together")
    value = struct.pack("<H", features)
    if measurement_support is not None:
        value += struct.pack("<H", measurement_support)
    if sensor_support is not None:
        value += _u24(sensor_support)
    return value


def _pair(spo2_pct: float | None, pulse_bpm: float | None) -> bytes:
    return struct.pack("<HH", sfloat(spo2_pct), sfloat(pulse_bpm))


def _u24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def date_time(moment: datetime | None) -> bytes:
    """The seven bytes of 2A08; None: a clock that was never set, all zero."""
    if moment is None:
        return bytes(7)
    return struct.pack(
        "<HBBBBB", moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second
    )
