"""Weight 2A9D to the contract."""

from __future__ import annotations

from cunmai_gateway.decoders.weight import WeightMeasurement
from cunmai_gateway.interpret.records import record_name
from cunmai_gateway.interpret.units import kilograms, metres
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome

MAX_KG = 700


def interpret_weight(frame: WeightMeasurement) -> Outcome:
    """What a scale's frame says of the person, or why it says nothing. An empty scale weighs nobody."""
    if frame.weight is None:
        return NotClinical(NotClinicalReason.NO_VALUE)
    weight_kg = kilograms(frame.weight, frame.unit)
    if not 0 < weight_kg <= MAX_KG:
        return NotClinical(NotClinicalReason.OUT_OF_RANGE)
    height_m = metres(frame.height, frame.unit) if frame.height else None
    values: dict[str, object] = {
        "weight_kg": weight_kg,
        "height_m": height_m if height_m is not None and height_m <= 3 else None,
        "bmi_kg_m2": frame.bmi if frame.bmi and frame.bmi <= 300 else None,
    }
    record = record_name(frame.timestamp, weight_kg, frame.user)
    return Measurement("weight", values, device_time=frame.timestamp, record=record)
