"""Encoders for the other health services: what a cuff, a thermometer, a scale … puts on the air. Pure.

They share nothing with the gateway's decoders, so that each checks the other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntFlag

from cunmai_sim.codec import date_time, sfloat

BLOOD_PRESSURE_SERVICE, BLOOD_PRESSURE = "1810", "2A35"
THERMOMETER_SERVICE, TEMPERATURE = "1809", "2A1C"
HEART_RATE_SERVICE, HEART_RATE = "180D", "2A37"
GLUCOSE_SERVICE, GLUCOSE, GLUCOSE_CONTEXT = "1808", "2A18", "2A34"
WEIGHT_SERVICE, WEIGHT = "181D", "2A9D"
CURRENT_TIME_SERVICE, CURRENT_TIME = "1805", "2A2B"
RECORD_ACCESS = "2A52"


class CuffStatus(IntFlag):
    """Bits of 2A35's measurement status."""

    MOVEMENT = 1 << 0
    LOOSE_CUFF = 1 << 1
    IRREGULAR_PULSE = 1 << 2
    PULSE_ABOVE_RANGE = 1 << 3
    PULSE_BELOW_RANGE = 2 << 3
    WRONG_POSITION = 1 << 5


@dataclass(frozen=True, slots=True)
class BloodPressure:
    """2A35 in mmHg. None leaves an optional field out."""

    systolic: float
    diastolic: float
    mean: float
    timestamp: datetime | None = None
    pulse_bpm: float | None = None
    user: int | None = None
    status: CuffStatus | None = None
    kilopascal: bool = False
    """The three pressures are in kPa."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """2A1C in Celsius, or Fahrenheit. `site`: 1 armpit, 2 body, 3 ear, 6 mouth, 9 eardrum …"""

    value: float
    timestamp: datetime | None = None
    site: int | None = None
    fahrenheit: bool = False


@dataclass(frozen=True, slots=True)
class Glucose:
    """2A18. `mmol_l` None: a record without a concentration. `sample` and `location` are the nibbles."""

    seq: int
    base_time: datetime | None
    mmol_l: float | None = None
    offset_min: int | None = None
    sample: int = 1
    location: int = 1
    status: int | None = None
    meal: int | None = None
    """A 2A34 context with this meal follows (1 preprandial, 2 postprandial, 3 fasting, 4 casual, 5 bedtime)."""


@dataclass(frozen=True, slots=True)
class Weight:
    """2A9D in kilograms."""

    kg: float
    timestamp: datetime | None = None
    user: int | None = None
    bmi: float | None = None
    height_m: float | None = None


def encode_blood_pressure(measured: BloodPressure) -> bytes:
    """2A35: flags u8, systolic, diastolic, mean SFLOAT, [date-time 7], [pulse], [user u8], [status u16]."""
    flags = 1 if measured.kilopascal else 0
    body = struct.pack(
        "<HHH", *(sfloat(value) for value in (measured.systolic, measured.diastolic, measured.mean))
    )
    if measured.timestamp is not None:
        flags |= 1 << 1
        body += date_time(measured.timestamp)
    if measured.pulse_bpm is not None:
        flags |= 1 << 2
        body += struct.pack("<H", sfloat(measured.pulse_bpm))
    if measured.user is not None:
        flags |= 1 << 3
        body += bytes([measured.user])
    if measured.status is not None:
        flags |= 1 << 4
        body += struct.pack("<H", measured.status)
    return bytes([flags]) + body


def float32(value: float) -> bytes:
    """An IEEE 11073-20601 FLOAT: 24-bit mantissa, 8-bit exponent; one decimal at least, as thermometers do."""
    number = Decimal(str(value))
    decimals = number.normalize().as_tuple().exponent
    assert isinstance(decimals, int)
    exponent = min(decimals, -1)
    return struct.pack("<i", int(number.scaleb(-exponent)))[:3] + struct.pack("<b", exponent)


def encode_temperature(measured: Temperature) -> bytes:
    """2A1C: flags u8, FLOAT, [date-time 7], [type u8]."""
    flags = 1 if measured.fahrenheit else 0
    body = float32(measured.value)
    if measured.timestamp is not None:
        flags |= 1 << 1
        body += date_time(measured.timestamp)
    if measured.site is not None:
        flags |= 1 << 2
        body += bytes([measured.site])
    return bytes([flags]) + body


def encode_heart_rate(bpm: int, *, contact: bool | None = None, rr_1024: tuple[int, ...] = ()) -> bytes:
    """2A37: flags u8, rate u8 or u16, [RR intervals u16 in 1/1024 s]."""
    flags = 0 if contact is None else (0b110 if contact else 0b100)
    body = bytes([bpm]) if bpm <= 0xFF else struct.pack("<H", bpm)
    flags |= bpm > 0xFF
    if rr_1024:
        flags |= 1 << 4
        body += struct.pack(f"<{len(rr_1024)}H", *rr_1024)
    return bytes([flags]) + body


def encode_glucose(measured: Glucose) -> bytes:
    """2A18: flags u8, seq u16, base time 7, [offset i16], [mol/L SFLOAT, nibbles], [status u16]."""
    flags = 0
    body = struct.pack("<H", measured.seq) + date_time(measured.base_time)
    if measured.offset_min is not None:
        flags |= 1 << 0
        body += struct.pack("<h", measured.offset_min)
    if measured.mmol_l is not None:
        flags |= 1 << 1 | 1 << 2
        mol_l = float(Decimal(str(measured.mmol_l)).scaleb(-3))
        body += struct.pack("<HB", sfloat(mol_l), measured.location << 4 | measured.sample)
    if measured.status is not None:
        flags |= 1 << 3
        body += struct.pack("<H", measured.status)
    if measured.meal is not None:
        flags |= 1 << 4
    return bytes([flags]) + body


def encode_glucose_context(seq: int, meal: int) -> bytes:
    """2A34 with the meal alone: flags u8 (bit 1), seq u16, meal u8."""
    return struct.pack("<BHB", 1 << 1, seq, meal)


def encode_weight(measured: Weight) -> bytes:
    """2A9D: flags u8, u16 x 0.005 kg, [date-time 7], [user u8], [BMI u16 x 0.1, height u16 x 1 mm]."""
    flags = 0
    body = struct.pack("<H", round(measured.kg / 0.005))
    if measured.timestamp is not None:
        flags |= 1 << 1
        body += date_time(measured.timestamp)
    if measured.user is not None:
        flags |= 1 << 2
        body += bytes([measured.user])
    if measured.bmi is not None and measured.height_m is not None:
        flags |= 1 << 3
        body += struct.pack("<HH", round(measured.bmi * 10), round(measured.height_m * 1000))
    return bytes([flags]) + body


def encode_current_time(moment: datetime | None) -> bytes:
    """2A2B: date-time 7, day of week, 1/256 s, reason for the change. None: never set."""
    weekday = 0 if moment is None else moment.isoweekday()
    return date_time(moment) + bytes([weekday, 0, 0])


def decode_current_time(value: bytes) -> datetime:
    """What was written to 2A2B. Raises ValueError where it is not ten bytes of a date and time."""
    if len(value) != 10:
        raise ValueError(f"{len(value)} bytes are not a current time")
    moment = datetime(int.from_bytes(value[:2], "little"), *value[2:7])  # noqa: DTZ001 - devices know no zone
    if value[7] != moment.isoweekday():
        raise ValueError(f"{moment} is not day {value[7]} of a week")
    return moment
