"""What a decoded frame means clinically: a measurement with its quality, or no measurement and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cunmai_gateway.decoders.cursor import DeviceTime


class NotClinicalReason(StrEnum):
    """Why a well-formed frame is never published as a reading."""

    DEMO = "demo"
    TESTING = "testing"
    CALIBRATING = "calibrating"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"
    NO_VALUE = "no_value"
    OUT_OF_RANGE = "out_of_range"
    TOO_OLD = "too_old"
    """A stored record from so long ago that it may be of whoever had the device before."""


@dataclass(frozen=True, slots=True)
class NotClinical:
    """A frame that measures nobody. It is counted, and its reason shown."""

    reason: NotClinicalReason


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement in the contract's terms: `values` are the kind's fields of `cunmai_wire.readings`.

    `once_keys`, where given, name a thing that must become one reading only, however often it is
    fetched (an ultrasound exam, a stored record): the first decides, the others are remembered with it.

    `device_time` is when the device says that it measured, by its own clock, and `record` names the
    measurement within its device. `interpret.placing.place` turns both into a moment and a once key.
    """

    kind: str
    values: Mapping[str, object]
    quality: tuple[str, ...] = ()
    once_keys: tuple[str, ...] = ()
    device_time: DeviceTime | None = None
    record: str | None = None


Outcome = Measurement | NotClinical
