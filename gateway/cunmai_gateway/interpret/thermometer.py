"""Temperature 2A1C to the contract."""

from __future__ import annotations

from cunmai_gateway.decoders.sfloat import finite
from cunmai_gateway.decoders.thermometer import TemperatureMeasurement
from cunmai_gateway.interpret.records import record_name
from cunmai_gateway.interpret.units import celsius
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome

MIN_C, MAX_C = 10, 50
"""Beyond what a living body has shown; a thermometer on the table or in the tea is not a measurement."""


def interpret_temperature(frame: TemperatureMeasurement) -> Outcome:
    """What a thermometer's frame says of the person, or why it says nothing."""
    value = finite(frame.temp)
    if value is None:
        return NotClinical(NotClinicalReason.NO_VALUE)
    temperature_c = celsius(value, frame.unit)
    if not MIN_C <= temperature_c <= MAX_C:
        return NotClinical(NotClinicalReason.OUT_OF_RANGE)
    values: dict[str, object] = {"temperature_c": temperature_c, "site": frame.site}
    record = record_name(frame.timestamp, temperature_c)
    return Measurement("temperature", values, device_time=frame.timestamp, record=record)
