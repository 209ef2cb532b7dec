"""Nonin 3230 and 3150: service 46A970E0..., notify 0AAD7EA0..., once a second, big-endian.

    0A status battery PAI16 counter16 SpO2 PR16

Status bits: 1 weak signal (a modulation of 0.3 % or less), 2 passed the maker's quality check, 3 searching,
4 finger in place, 5 low battery, 6 encrypted link. Battery in 0.1 V, PAI in 0.01 %. SpO2 127 and pulse 511
mean no value. Checksum policy: none in the protocol; the first byte is the length, and each notification is
exactly one frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Malformed, need_size
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import Outcome
from cunmai_wire.quality import QualityFlag

_BYTES = 10


@dataclass(frozen=True, slots=True)
class NoninValues:
    """`pai` in percent; None is no value."""

    status: int
    battery_v: float
    pai: float
    counter: int
    spo2: int | None
    pulse: int | None


def decode(frame: bytes) -> NoninValues:
    """Decode one notification. Raises Malformed."""
    need_size(frame, _BYTES)
    if frame[0] != _BYTES:
        raise Malformed(f"length byte: {frame[0]}, expected {_BYTES}")
    return NoninValues(
        status=frame[1],
        battery_v=frame[2] / 10,
        pai=(frame[3] << 8 | frame[4]) / 100,
        counter=frame[5] << 8 | frame[6],
        spo2=known(frame[7], 127),
        pulse=known(frame[8] << 8 | frame[9], 511),
    )


def interpret(record: NoninValues) -> Outcome | None:
    """What one frame says."""
    said = (
        (record.status & 0x02, QualityFlag.LOW_PERFUSION),
        (record.status & 0x08, QualityFlag.SEARCHING),
        (not record.status & 0x10, QualityFlag.FINGER_OFF),
    )
    flags = [flag for is_so, flag in said if is_so]
    return oximetry(record.spo2, record.pulse, record.pai or None, flags=flags)


FORMATS = (FrameType("NONIN-0AAD7EA0", "Nonin oximeter frame", decode, interpret),)
