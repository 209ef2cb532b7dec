"""Jumper JPD-500F oximeter (CDEACB80..., notify CDEACB81...) and JPD-HA120 cuff (FFF0, notify FFF1).

    81 PR SpO2 PI               values; 255, 127 and 0 mean no value; PI in 0.1 % (inferred)
    80 ...                      waveform
    FD FD FC sys dia PR 0D 0A   a result of the cuff, in mmHg

Checksum policy: the protocol has none, so each notification must be exactly one frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.blood_pressure import BloodPressureMeasurement
from cunmai_gateway.decoders.cursor import Malformed, need_size
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.interpret.blood_pressure import interpret_blood_pressure
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import Outcome

_VALUES, _WAVE = 0x81, 0x80
_MAX_WAVE_BYTES = 20
_CUFF_HEADER, _CUFF_END = b"\xfd\xfd\xfc", b"\r\n"


@dataclass(frozen=True, slots=True)
class JumperValues:
    """`pi` in percent; None is no value."""

    pulse: int | None
    spo2: int | None
    pi: float | None


@dataclass(frozen=True, slots=True)
class JumperWave:
    """Points of the waveform."""

    pleth: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JumperCuff:
    """In mmHg and beats per minute."""

    sys: int
    dia: int
    pulse: int


def decode(frame: bytes) -> JumperValues | JumperWave:
    """Decode one notification. Raises Malformed."""
    if 2 <= len(frame) <= _MAX_WAVE_BYTES and frame[0] == _WAVE:
        return JumperWave(tuple(frame[1:]))
    need_size(frame, 4)
    if frame[0] != _VALUES:
        raise Malformed(f"first byte: {frame[0]:#04x}, expected 0x81")
    return JumperValues(known(frame[1], 255), known(frame[2], 127), frame[3] / 10 if frame[3] else None)


def decode_cuff(frame: bytes) -> JumperCuff:
    """Decode a result of the cuff. Raises Malformed."""
    need_size(frame, 8)
    if frame[:3] != _CUFF_HEADER or frame[6:] != _CUFF_END:
        raise Malformed(f"frame: {frame.hex()} does not begin with fdfdfc and end with 0d0a")
    return JumperCuff(*frame[3:6])


def interpret(record: JumperValues | JumperWave) -> Outcome | None:
    """What one frame of the oximeter says."""
    return None if isinstance(record, JumperWave) else oximetry(record.spo2, record.pulse, record.pi)


def interpret_cuff(record: JumperCuff) -> Outcome | None:
    """What a result of the cuff says."""
    return interpret_blood_pressure(
        BloodPressureMeasurement(0, "mmHg", record.sys, record.dia, 0, None, record.pulse, None, None)
    )


FORMATS = (
    FrameType("JUMPER-CDEACB81", "Jumper oximeter frame", decode, interpret),
    FrameType("JUMPER-HA120-FFF1", "Jumper cuff result", decode_cuff, interpret_cuff),
)
