"""Contec CMS50D-BT and its kin (EMAY SleepO2, Beurer PO 60): service FF12, write FF01, notify FF02 (or FF04).

    EB 01 status PR SpO2 7F 00 sum      once a second
    EB 00 status wave bar sum           waveform

Seen: status 05 and 04 with good values, 06 with values that are not there yet, so bit 1 is read as
"searching". 0 and 255 mean no value, and 127 does too while searching. Checksum policy: the sum modulo 128
of all bytes before it; a frame that does not fit is refused. Answers to commands begin with other bytes
and are passed over as refused spans.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.checksums import sum7
from cunmai_gateway.decoders.cursor import Malformed, need_size
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.stream import Framing
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import Outcome
from cunmai_wire.quality import QualityFlag

START = bytes.fromhex("9b 01 1c")
KEEPALIVE = bytes.fromhex("9a 1a")
KEEPALIVE_EVERY_S = 5
STOP = bytes.fromhex("9b 7f 1a")

_LIVE = 0xEB
_SIZES = {0x00: 6, 0x01: 8}
_TAIL = b"\x7f\x00"
_SEARCHING = 0x02


@dataclass(frozen=True, slots=True)
class ContecValues:
    """None is no value."""

    status: int
    pulse: int | None
    spo2: int | None
    searching: bool


@dataclass(frozen=True, slots=True)
class ContecWave:
    """One point of the waveform."""

    status: int
    pleth: int
    bar: int


def decode(frame: bytes) -> ContecValues | ContecWave:
    """Decode one live frame. Raises Malformed."""
    if len(frame) < 2 or frame[0] != _LIVE or frame[1] not in _SIZES:
        raise Malformed(f"header: {frame[:2].hex() or 'nothing'}, expected eb00 or eb01")
    need_size(frame, _SIZES[frame[1]])
    reason = _wrong(frame)
    if reason:
        raise Malformed(reason)
    if frame[1] == 0x00:
        return ContecWave(*frame[2:5])
    searching = bool(frame[2] & _SEARCHING)
    pulse = known(frame[3], 0, 255, *([127] if searching else []))
    return ContecValues(frame[2], pulse, known(frame[4], 0, 127, 255), searching)


def _wrong(frame: bytes) -> str | None:
    expected = sum7(frame[:-1])
    if frame[-1] != expected:
        return f"checksum: {frame[-1]:#04x}, expected {expected:#04x}"
    if frame[1] == 0x01 and frame[5:7] != _TAIL:
        return f"tail: {frame[5:7].hex()}, expected 7f00"
    return None


def _length(start: bytes) -> int | None:
    return None if len(start) < 2 else _SIZES.get(start[1], 0)


def interpret(record: ContecValues | ContecWave) -> Outcome | None:
    """What one frame says."""
    if isinstance(record, ContecWave):
        return None
    return oximetry(record.spo2, record.pulse, flags=[QualityFlag.SEARCHING] if record.searching else [])


FORMATS = (
    FrameType(
        "CONTEC-FF02",
        "Contec live frame",
        decode,
        interpret,
        Framing(
            first_bytes=frozenset({_LIVE}),
            length=_length,
            check=_wrong,
            max_bytes=8,
            policy="sum modulo 128; else refused",
        ),
    ),
)
