"""What every oximeter's values must be before they are a measurement, whoever made it."""

from __future__ import annotations

from collections.abc import Iterable

from cunmai_gateway.decoders.cursor import DeviceTime
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome
from cunmai_wire.readings import OximetryMode

MAX_PULSE_BPM = 400


def oximetry(
    spo2_pct: float | None,
    pulse_bpm: float | None,
    perfusion_index_pct: float | None = None,
    *,
    flags: Iterable[str] = (),
    mode: OximetryMode = OximetryMode.CONTINUOUS,
    device_time: DeviceTime | None = None,
    record: str | None = None,
) -> Outcome:
    """A measurement of these values, or why they are none. None is what the device does not know."""
    if spo2_pct is None:
        return NotClinical(NotClinicalReason.NO_VALUE)
    if not 0 < spo2_pct <= 100 or (pulse_bpm is not None and not 0 <= pulse_bpm <= MAX_PULSE_BPM):
        return NotClinical(NotClinicalReason.OUT_OF_RANGE)
    perfusion = perfusion_index_pct
    values: dict[str, object] = {
        "mode": mode,
        "spo2_pct": float(spo2_pct),
        "pulse_bpm": None if pulse_bpm is None else float(pulse_bpm),
        "perfusion_index_pct": perfusion if perfusion is not None and 0 <= perfusion <= 100 else None,
    }
    quality = tuple(sorted(set(flags)))
    return Measurement("oximetry", values, quality, device_time=device_time, record=record)


def known(value: int, *invalid: int) -> int | None:
    """The value, or None where it is one of the device's words for "no value"."""
    return None if value in invalid else value
