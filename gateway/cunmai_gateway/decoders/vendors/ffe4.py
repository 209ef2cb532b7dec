"""Oximeters with service FFE0, notify FFE4: Yuwell BO-YX110, Viatom VTM20F and others of the same maker.

    FE 0A 55 PRhi PRlo SpO2 PIhi PIlo counter sum       once a second
    FE 08 56 wave flags bar counter sum                 waveform; flags: 0 beat, 1 sensor off, 2 motion, 3 low PI

Pulse 511 and SpO2 127 mean no value. PI is in 0.001 %. Checksum policy: the sum modulo 256 of all bytes
before it, with the leading FE (Yuwell) or without it (the others); a frame that fits neither is refused. The
two sums differ by 2, so a byte that is off by 2 fits the other one: a frame that changes the sum of its device
is not believed, until the next frame confirms the change.
Other makers use FFE0 for other things: match the name, the characteristic and the frame together.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.checksums import sum8
from cunmai_gateway.decoders.cursor import Malformed, need_size
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.stream import Framing
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag

_START = 0xFE
_PARAM = (0x0A, 0x55)
_WAVE = (0x08, 0x56)
_WITH, _WITHOUT = "sum-with-FE", "sum-without-FE"


@dataclass(frozen=True, slots=True)
class Ffe4Values:
    """`pi` in percent; None is no value. `checksum` is which of the two sums fits."""

    pulse: int | None
    spo2: int | None
    pi: float | None
    counter: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Ffe4Wave:
    """One point of the waveform, and what the device thinks of the signal."""

    pleth: int
    beat: bool
    sensor_off: bool
    motion: bool
    low_perfusion: bool
    bar: int
    counter: int
    checksum: str


def decode(frame: bytes) -> Ffe4Values | Ffe4Wave:
    """Decode one frame of either type. Raises Malformed."""
    return decode_wave(frame) if frame[1:3] == bytes(_WAVE) else decode_values(frame)


def decode_values(frame: bytes) -> Ffe4Values:
    """Decode `FE 0A 55`. Raises Malformed."""
    checksum = _checked(frame, _PARAM, 10)
    pi_thousandths = frame[6] << 8 | frame[7]
    return Ffe4Values(
        known(frame[3] << 8 | frame[4], 511),
        known(frame[5], 127),
        pi_thousandths / 1000 if pi_thousandths else None,
        frame[8],
        checksum,
    )


def decode_wave(frame: bytes) -> Ffe4Wave:
    """Decode `FE 08 56`. Raises Malformed."""
    checksum = _checked(frame, _WAVE, 8)
    flags = frame[4]
    return Ffe4Wave(
        frame[3],
        bool(flags & 0x01),
        bool(flags & 0x02),
        bool(flags & 0x04),
        bool(flags & 0x08),
        frame[5],
        frame[6],
        checksum,
    )


def _checked(frame: bytes, header: tuple[int, int], size: int) -> str:
    need_size(frame, size)
    if frame[0] != _START or (frame[1], frame[2]) != header:
        raise Malformed(f"header: {frame[:3].hex()}, expected fe{header[0]:02x}{header[1]:02x}")
    reason = _sum_is_wrong(frame)
    if reason:
        raise Malformed(reason)
    return _WITH if sum8(frame[:-1]) == frame[-1] else _WITHOUT


def _sum_is_wrong(frame: bytes) -> str | None:
    total = sum8(frame[:-1])
    if frame[-1] in (total, total - _START & 0xFF):
        return None
    return f"checksum: {frame[-1]:#04x} fits neither the sum with FE nor the sum without"


def _length(start: bytes) -> int | None:
    if len(start) < 3:
        return None
    return start[1] if (start[1], start[2]) in (_PARAM, _WAVE) else 0


def interpret(record: Ffe4Values | Ffe4Wave) -> Outcome | None:
    """What one frame says by itself."""
    return None if isinstance(record, Ffe4Wave) else oximetry(record.spo2, record.pulse, record.pi)


class WithSignal:
    """Values judged by the latest waveform frame, which alone says how good the signal is."""

    __slots__ = ("_checksum", "_flags")

    def __init__(self) -> None:
        self._flags: tuple[QualityFlag, ...] = ()
        self._checksum: str | None = None

    def __call__(self, record: Ffe4Values | Ffe4Wave) -> Outcome | None:
        before, self._checksum = self._checksum, record.checksum
        if before not in (None, record.checksum):
            return NotClinical(NotClinicalReason.INVALID)
        if isinstance(record, Ffe4Values):
            return oximetry(record.spo2, record.pulse, record.pi, flags=self._flags)
        said = (
            (record.sensor_off, QualityFlag.FINGER_OFF),
            (record.motion, QualityFlag.MOVEMENT),
            (record.low_perfusion, QualityFlag.LOW_PERFUSION),
        )
        self._flags = tuple(flag for is_so, flag in said if is_so)
        return None


FRAMING = Framing(
    first_bytes=frozenset({_START}),
    length=_length,
    check=_sum_is_wrong,
    max_bytes=10,
    policy="sum modulo 256, with or without the leading FE; else refused",
)

FORMATS = (
    FrameType("FE-FFE4", "FFE0 oximeter, any frame", decode, interpret, FRAMING, WithSignal),
    FrameType("FE-FFE4-PARAM", "FFE0 oximeter values", decode_values, interpret),
    FrameType("FE-FFE4-WAVE", "FFE0 oximeter waveform", decode_wave),
)
