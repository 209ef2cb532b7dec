"""Glucose Service (GLS 1.0.1): measurement 2A18, its context 2A34, features 2A51."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, DeviceTime
from cunmai_gateway.decoders.sfloat import Number


@dataclass(frozen=True, slots=True)
class GlucoseMeasurement:
    """2A18. `conc` is in `unit` (`kg/L` or `mol/L`); `type` is the sample, `loc` where it was taken.

    `timestamp` is the base time, which never changes once a meter is in use; what the user's clock
    showed is the base time plus `offset_min` minutes.
    """

    flags: int
    seq: int
    timestamp: DeviceTime
    offset_min: int | None
    conc: Number | None
    unit: str | None
    type: int | None
    loc: int | None
    status: int | None
    context_follows: bool


@dataclass(frozen=True, slots=True)
class GlucoseContext:
    """2A34: what surrounds the measurement of the same `seq`. Masses are in kg or L, as the flags say."""

    flags: int
    seq: int
    extended_flags: int | None
    carbohydrate_id: int | None
    carbohydrate_kg: Number | None
    meal: int | None
    tester: int | None
    health: int | None
    exercise_s: int | None
    exercise_pct: int | None
    medication_id: int | None
    medication: Number | None
    medication_unit: str | None
    hba1c_pct: Number | None


@dataclass(frozen=True, slots=True)
class GlucoseFeatures:
    """2A51, bits 0 to 10: low battery, sensor malfunction, sample size, strip insertion, strip type, range,
    temperature, read interruption, device fault, time fault, multiple bonds."""

    features: int


def decode_measurement(frame: bytes) -> GlucoseMeasurement:
    """Decode a 2A18 notification. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    seq = cursor.unsigned(2, "sequence number")
    base_time = cursor.device_time("base time")
    offset = cursor.signed(2, "time offset") if flags & 0x01 else None
    concentration = unit = type_ = location = None
    if flags & 0x02:
        concentration = cursor.sfloat("concentration")
        unit = "mol/L" if flags & 0x04 else "kg/L"
        nibbles = cursor.unsigned(1, "type and sample location")
        type_, location = nibbles & 0x0F, nibbles >> 4
    status = cursor.unsigned(2, "sensor status") if flags & 0x08 else None
    cursor.end()
    return GlucoseMeasurement(
        flags, seq, base_time, offset, concentration, unit, type_, location, status, bool(flags & 0x10)
    )


def decode_context(frame: bytes) -> GlucoseContext:
    """Decode a 2A34 notification. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    seq = cursor.unsigned(2, "sequence number")
    extended = cursor.unsigned(1, "extended flags") if flags & 0x80 else None
    carbohydrate_id = cursor.unsigned(1, "carbohydrate id") if flags & 0x01 else None
    carbohydrate = cursor.sfloat("carbohydrate") if flags & 0x01 else None
    meal = cursor.unsigned(1, "meal") if flags & 0x02 else None
    nibbles = cursor.unsigned(1, "tester and health") if flags & 0x04 else None
    exercise_s = cursor.unsigned(2, "exercise duration") if flags & 0x08 else None
    exercise_pct = cursor.unsigned(1, "exercise intensity") if flags & 0x08 else None
    medication_id = cursor.unsigned(1, "medication id") if flags & 0x10 else None
    medication = cursor.sfloat("medication") if flags & 0x10 else None
    medication_unit = ("L" if flags & 0x20 else "kg") if flags & 0x10 else None
    hba1c = cursor.sfloat("HbA1c") if flags & 0x40 else None
    cursor.end()
    return GlucoseContext(
        flags=flags,
        seq=seq,
        extended_flags=extended,
        carbohydrate_id=carbohydrate_id,
        carbohydrate_kg=carbohydrate,
        meal=meal,
        tester=None if nibbles is None else nibbles & 0x0F,
        health=None if nibbles is None else nibbles >> 4,
        exercise_s=exercise_s,
        exercise_pct=exercise_pct,
        medication_id=medication_id,
        medication=medication,
        medication_unit=medication_unit,
        hba1c_pct=hba1c,
    )


def decode_features(frame: bytes) -> GlucoseFeatures:
    """Decode a 2A51 value. Raises Malformed."""
    cursor = Cursor(frame)
    features = cursor.unsigned(2, "features")
    cursor.end()
    return GlucoseFeatures(features)
