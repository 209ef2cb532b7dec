"""Blood pressure 2A35 to the contract. Status bits: BLS 1.1.1, table 3.6."""

from __future__ import annotations

from cunmai_gateway.decoders.blood_pressure import BloodPressureMeasurement
from cunmai_gateway.decoders.sfloat import Number, finite
from cunmai_gateway.interpret.records import record_name
from cunmai_gateway.interpret.units import mmhg
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag

MAX_MMHG = 400
MAX_PULSE_BPM = 400

_STATUS_FLAGS = (
    (0b00_0001, QualityFlag.MOVEMENT),
    (0b00_0010, QualityFlag.LOOSE_CUFF),
    (0b00_0100, QualityFlag.IRREGULAR_PULSE),
    # Bits 3 and 4 together are a number: 1 above, 2 below the pulse range of the cuff.
    (0b01_1000, QualityFlag.OUT_OF_RANGE),
    (0b10_0000, QualityFlag.WRONG_POSITION),
)


def interpret_blood_pressure(frame: BloodPressureMeasurement) -> Outcome:
    """What a cuff's frame says of the person, or why it says nothing."""
    systolic, diastolic = _pressure(frame.sys, frame.unit), _pressure(frame.dia, frame.unit)
    if systolic is None or diastolic is None:
        return NotClinical(NotClinicalReason.NO_VALUE)
    if not 0 < diastolic <= systolic <= MAX_MMHG:
        return NotClinical(NotClinicalReason.OUT_OF_RANGE)
    mean = _pressure(frame.map, frame.unit)
    pulse = None if frame.pulse is None else finite(frame.pulse)
    values: dict[str, object] = {
        "systolic_mmhg": systolic,
        "diastolic_mmhg": diastolic,
        # Cuffs that do not measure the mean send 0 or not-a-number. A pulse beyond belief is left out alike.
        "mean_arterial_mmhg": mean if mean is not None and 0 < mean <= MAX_MMHG else None,
        "pulse_bpm": pulse if pulse is not None and 0 < pulse <= MAX_PULSE_BPM else None,
    }
    status = frame.status or 0
    quality = tuple(sorted({flag for mask, flag in _STATUS_FLAGS if status & mask}))
    record = record_name(frame.timestamp, systolic, diastolic, frame.user)
    return Measurement("blood_pressure", values, quality, device_time=frame.timestamp, record=record)


def _pressure(number: Number, unit: str) -> float | None:
    value = finite(number)
    return None if value is None else mmhg(value, unit)
