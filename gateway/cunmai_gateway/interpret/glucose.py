"""Glucose 2A18 and its context 2A34 to the contract. Numbers: GLS 1.0.1, tables 3.5 to 3.20."""

from __future__ import annotations

from datetime import datetime, timedelta

from cunmai_gateway.decoders.cursor import DeviceTime
from cunmai_gateway.decoders.glucose import GlucoseContext, GlucoseMeasurement
from cunmai_gateway.decoders.sfloat import finite
from cunmai_gateway.interpret.units import glucose_mmol_l
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag

MAX_MMOL_L = 100

SAMPLES = {
    1: "capillary_whole_blood",
    2: "capillary_plasma",
    3: "venous_whole_blood",
    4: "venous_plasma",
    5: "arterial_whole_blood",
    6: "arterial_plasma",
    7: "undetermined_whole_blood",
    8: "undetermined_plasma",
    9: "interstitial_fluid",
}
MEALS = {1: "before_meal", 2: "after_meal", 3: "fasting", 4: "casual", 5: "bedtime"}
_CONTROL_SOLUTION_TYPE = 10
_CONTROL_SOLUTION_LOCATION = 4

_STATUS_FLAGS = (
    (1, QualityFlag.SENSOR_FAULT),
    (2, QualityFlag.QUESTIONABLE),  # too little blood
    (3, QualityFlag.SENSOR_FAULT),  # strip inserted wrongly
    (4, QualityFlag.SENSOR_FAULT),  # wrong strip
    (5, QualityFlag.OUT_OF_RANGE),  # higher than the meter measures
    (6, QualityFlag.OUT_OF_RANGE),  # lower
    (7, QualityFlag.QUESTIONABLE),  # too warm
    (8, QualityFlag.QUESTIONABLE),  # too cold
    (9, QualityFlag.QUESTIONABLE),  # strip pulled out too soon
    (10, QualityFlag.SENSOR_FAULT),
    (11, QualityFlag.DEVICE_CLOCK_NOT_SET),
)
"""Bit 0, low battery, says nothing about the value."""


def interpret_glucose(frame: GlucoseMeasurement, context: GlucoseContext | None = None) -> Outcome:
    """What a meter's record says of the person. Control solution is nobody's blood."""
    if frame.type == _CONTROL_SOLUTION_TYPE or frame.loc == _CONTROL_SOLUTION_LOCATION:
        return NotClinical(NotClinicalReason.TESTING)
    concentration = None if frame.conc is None else finite(frame.conc)
    if concentration is None or frame.unit is None:
        return NotClinical(NotClinicalReason.NO_VALUE)
    mmol_l = glucose_mmol_l(concentration, frame.unit)
    if not 0 < mmol_l <= MAX_MMOL_L:
        return NotClinical(NotClinicalReason.OUT_OF_RANGE)
    values: dict[str, object] = {
        "glucose_mmol_l": mmol_l,
        "sample": None if frame.type is None else SAMPLES.get(frame.type),
        "meal": None if context is None or context.meal is None else MEALS.get(context.meal),
    }
    status = frame.status or 0
    quality = tuple(sorted({flag for bit, flag in _STATUS_FLAGS if status >> bit & 1}))
    # The meter counts its records, so the name needs no day. The value is in it for a meter that was reset.
    record = f"{frame.seq}:{frame.timestamp}:{mmol_l}"
    return Measurement("glucose", values, quality, device_time=_user_time(frame), record=record)


def _user_time(frame: GlucoseMeasurement) -> DeviceTime:
    """The base time plus the offset; the base time where their sum is no date."""
    base = frame.timestamp
    if not frame.offset_min or not base.known:
        return base
    try:
        moment = datetime(  # noqa: DTZ001 - a device's clock has no zone
            base.year, base.month, base.day, base.hour, base.minute, base.second
        ) + timedelta(minutes=frame.offset_min)
    except (ValueError, OverflowError):
        return base
    return DeviceTime(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)


class ContextPairing:
    """Holds a glucose record whose context was announced until the context comes. One per connection.

    The context is notified right after its record. Another record, or the end of the transfer (`flush`),
    lets the held one go without.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: GlucoseMeasurement | None = None

    def measurement(self, frame: GlucoseMeasurement) -> list[Outcome]:
        """Take a 2A18 record; what is complete now."""
        outcomes = self.flush()
        if frame.context_follows:
            self._held = frame
        else:
            outcomes.append(interpret_glucose(frame))
        return outcomes

    def context(self, context: GlucoseContext) -> list[Outcome]:
        """Take a 2A34 context; what is complete now. One that belongs to no held record changes nothing."""
        if self._held is None or self._held.seq != context.seq:
            return []
        frame, self._held = self._held, None
        return [interpret_glucose(frame, context)]

    def flush(self) -> list[Outcome]:
        """The held record without its context: call it when the meter says that it is done, or is gone."""
        frame, self._held = self._held, None
        return [] if frame is None else [interpret_glucose(frame)]
