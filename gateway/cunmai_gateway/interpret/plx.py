"""PLX frames to oximetry. Status bits: PLXS 1.0.1, tables 3.3 (measurement) and 3.4 (device and sensor)."""

from __future__ import annotations

from cunmai_gateway.decoders.plx import PlxContinuous, PlxSpotCheck
from cunmai_gateway.decoders.sfloat import finite
from cunmai_gateway.interpret.oximetry import oximetry
from cunmai_gateway.interpret.records import record_name
from cunmai_gateway.measurement import NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag
from cunmai_wire.readings import OximetryMode

_NEVER_CLINICAL = (
    (15, NotClinicalReason.INVALID),
    (13, NotClinicalReason.UNAVAILABLE),
    (10, NotClinicalReason.DEMO),
    (11, NotClinicalReason.TESTING),
    (12, NotClinicalReason.CALIBRATING),
)

_STATUS_FLAGS = (
    (6, QualityFlag.EARLY_ESTIMATE),
    (9, QualityFlag.FROM_STORAGE),
    (14, QualityFlag.QUESTIONABLE),
)

# Bit 0 (extended display update) says nothing about the signal.
_SENSOR_FLAGS = (
    (1, QualityFlag.SENSOR_FAULT),
    (2, QualityFlag.ERRATIC_SIGNAL),
    (3, QualityFlag.POOR_SIGNAL),
    (4, QualityFlag.POOR_SIGNAL),
    (5, QualityFlag.LOW_PERFUSION),
    (6, QualityFlag.ERRATIC_SIGNAL),
    (7, QualityFlag.NON_PULSATILE),
    (8, QualityFlag.QUESTIONABLE_PULSE),
    (9, QualityFlag.SEARCHING),
    (10, QualityFlag.INTERFERENCE),
    (11, QualityFlag.FINGER_OFF),
    (12, QualityFlag.SENSOR_FAULT),
    (13, QualityFlag.FINGER_OFF),
    (14, QualityFlag.SENSOR_FAULT),
    (15, QualityFlag.SENSOR_FAULT),
)


def interpret_plx(frame: PlxSpotCheck | PlxContinuous) -> Outcome:
    """What an oximeter's frame says of the person, or why it says nothing."""
    status = frame.status or 0
    for bit, reason in _NEVER_CLINICAL:
        if status >> bit & 1:
            return NotClinical(reason)
    spo2_pct, pulse_bpm = finite(frame.spo2), finite(frame.pulse)
    perfusion_pct = None if frame.pai is None else finite(frame.pai)
    if isinstance(frame, PlxContinuous):
        return oximetry(spo2_pct, pulse_bpm, perfusion_pct, flags=_quality(frame))
    time = frame.timestamp
    return oximetry(
        spo2_pct,
        pulse_bpm,
        perfusion_pct,
        flags=_quality(frame),
        mode=OximetryMode.SPOT,
        device_time=time,
        record=record_name(None if frame.clock_not_set else time, spo2_pct, pulse_bpm),
    )


def _quality(frame: PlxSpotCheck | PlxContinuous) -> set[str]:
    flags: set[str] = {flag for bit, flag in _STATUS_FLAGS if (frame.status or 0) >> bit & 1}
    flags.update(flag for bit, flag in _SENSOR_FLAGS if (frame.sensor or 0) >> bit & 1)
    if isinstance(frame, PlxSpotCheck) and frame.clock_not_set:
        flags.add(QualityFlag.DEVICE_CLOCK_NOT_SET)
    return flags
