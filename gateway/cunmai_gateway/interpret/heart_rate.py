"""Heart rate 2A37 to the contract."""

from __future__ import annotations

from cunmai_gateway.decoders.heart_rate import HeartRateMeasurement
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag

MAX_BPM = 400


def interpret_heart_rate(frame: HeartRateMeasurement) -> Outcome:
    """What a sensor's frame says of the person. A rate of 0 is a sensor that finds no beat, not a death."""
    if frame.hr == 0:
        return NotClinical(NotClinicalReason.NO_VALUE)
    if frame.hr > MAX_BPM:
        return NotClinical(NotClinicalReason.OUT_OF_RANGE)
    quality = (QualityFlag.FINGER_OFF.value,) if frame.contact is False else ()
    return Measurement("heart_rate", {"heart_rate_bpm": float(frame.hr)}, quality)
