"""Health Thermometer Service (HTS 1.0): measurement 2A1C, intermediate temperature 2A1E, type 2A1D."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, DeviceTime, Malformed
from cunmai_gateway.decoders.sfloat import Number

SITES = {
    1: "armpit",
    2: "body",
    3: "ear",
    4: "finger",
    5: "gastrointestinal",
    6: "mouth",
    7: "rectum",
    8: "toe",
    9: "tympanum",
}
"""Characteristic 2A1D."""


@dataclass(frozen=True, slots=True)
class TemperatureMeasurement:
    """2A1C and 2A1E. `temp` is in `unit` (`C` or `F`); `type` is the site, by the numbers of 2A1D."""

    flags: int
    unit: str
    temp: Number
    timestamp: DeviceTime | None
    type: int | None
    site: str | None


@dataclass(frozen=True, slots=True)
class TemperatureType:
    """2A1D: the fixed site of a thermometer that has one."""

    type: int
    site: str


def decode_measurement(frame: bytes) -> TemperatureMeasurement:
    """Decode a 2A1C indication or a 2A1E notification. Raises Malformed."""
    cursor = Cursor(frame)
    flags = cursor.unsigned(1, "flags")
    temperature = cursor.medical_float("temperature")
    timestamp = cursor.device_time("timestamp") if flags & 0x02 else None
    type_ = cursor.unsigned(1, "temperature type") if flags & 0x04 else None
    cursor.end()
    site = None if type_ is None else SITES.get(type_)
    return TemperatureMeasurement(flags, "F" if flags & 0x01 else "C", temperature, timestamp, type_, site)


def decode_type(frame: bytes) -> TemperatureType:
    """Decode a 2A1D value. Raises Malformed."""
    cursor = Cursor(frame)
    type_ = cursor.unsigned(1, "temperature type")
    cursor.end()
    site = SITES.get(type_)
    if site is None:
        raise Malformed(f"temperature type: {type_} is reserved")
    return TemperatureType(type_, site)
