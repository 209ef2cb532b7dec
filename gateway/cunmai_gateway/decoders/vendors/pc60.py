"""Lepu/Viatom PC-60F, PC-60FW, POD and AP-20 oximeters: Nordic UART, notify 6E400003....

    AA 55 token length type content crc         length counts type, content and crc

    0F .. 01  SpO2 PR16le PI status battery     values, once a second; PI in 0.1 %, status bits 1 probe off, 2 searching
    0F .. 02  5 points                          waveform; bit 7 of a point marks a beat
    0F .. 21  mode step a b                     work; mode 1 spot check: a and b are SpO2 and PR at step 3
    F0 .. 03  level                             battery, 0 to 3

0 means no value. Checksum policy: CRC-8/MAXIM of all bytes before it; a frame that does not fit is refused,
so `crc_ok` of a decoded frame is always true.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.checksums import crc8_maxim
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.stream import Framing
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag
from cunmai_wire.readings import OximetryMode

_HEADER = b"\xaa\x55"
_OXIMETER, _DEVICE = 0x0F, 0xF0
_MAX_CONTENT = 48
"""The longest answer (a device's name) is far below; a larger length byte is rubbish."""
_SPOT_CHECK, _RESULT_STEP = 1, 3


@dataclass(frozen=True, slots=True)
class Pc60Values:
    """`pi` in percent, `battery` 0 to 3; None is no value."""

    spo2: int | None
    pulse: int | None
    pi: float | None
    probe_off: bool
    searching: bool
    battery: int
    token: int = _OXIMETER
    type: int = 0x01
    crc_ok: bool = True


@dataclass(frozen=True, slots=True)
class Pc60Wave:
    """Points of the waveform, 0 to 127, and the places at which a beat was marked."""

    pleth: tuple[int, ...]
    beats: tuple[int, ...]
    token: int = _OXIMETER
    type: int = 0x02
    crc_ok: bool = True


@dataclass(frozen=True, slots=True)
class Pc60Work:
    """What the device is doing. `mode` 1 spot check, 2 continuous, 3 menu; `spo2` and `pulse` at a spot result."""

    mode: int
    step: int
    spo2: int | None
    pulse: int | None
    token: int = _OXIMETER
    type: int = 0x21
    crc_ok: bool = True


@dataclass(frozen=True, slots=True)
class Pc60Other:
    """Any other frame that holds: battery, version, serial number, raw frequencies."""

    token: int
    type: int
    content: str
    battery: int | None
    crc_ok: bool = True


Pc60Record = Pc60Values | Pc60Wave | Pc60Work | Pc60Other


def decode(frame: bytes) -> Pc60Record:
    """Decode one frame. Raises Malformed."""
    if frame[:2] != _HEADER:
        raise Malformed(f"header: {frame[:2].hex() or 'nothing'}, expected aa55")
    expected = _length(frame)
    if not expected or len(frame) != expected:
        raise Malformed(f"frame: {len(frame)} bytes, expected {expected or 'another token or length'}")
    reason = _crc_is_wrong(frame)
    if reason:
        raise Malformed(reason)
    token, type_, content = frame[2], frame[4], frame[5:-1]
    if token == _OXIMETER and type_ == 0x01:
        return _values(_sized(content, 6, "values"))
    if token == _OXIMETER and type_ == 0x02:
        return _wave(_sized(content, 5, "waveform"))
    if token == _OXIMETER and type_ == 0x21:
        return _work(_sized(content, 4, "work status"))
    battery = content[0] if (token, type_, len(content)) == (_DEVICE, 0x03, 1) else None
    return Pc60Other(token, type_, content.hex(), battery)


def _sized(content: bytes, size: int, what: str) -> bytes:
    if len(content) != size:
        raise Malformed(f"{what}: {len(content)} bytes, expected {size}")
    return content


def _values(content: bytes) -> Pc60Values:
    spo2, low, high, pi, status, battery = content
    pulse = low | high << 8
    return Pc60Values(
        known(spo2, 0),
        known(pulse, 0),
        pi / 10 if pi else None,
        bool(status & 0x02),
        bool(status & 0x04),
        battery >> 6,
    )


def _wave(content: bytes) -> Pc60Wave:
    beats = tuple(at for at, point in enumerate(content) if point & 0x80)
    return Pc60Wave(tuple(point & 0x7F for point in content), beats)


def _work(content: bytes) -> Pc60Work:
    mode, step, first, second = content
    if mode != _SPOT_CHECK or step != _RESULT_STEP:
        return Pc60Work(mode, step, None, None)
    return Pc60Work(mode, step, known(first, 0), known(second, 0))


def _length(start: bytes) -> int | None:
    if len(start) < 4:
        return 0 if len(start) > 1 and start[1] != _HEADER[1] else None
    if start[1] != _HEADER[1] or start[2] not in (_OXIMETER, _DEVICE) or not 2 <= start[3] <= _MAX_CONTENT:
        return 0
    return 4 + start[3]


def _crc_is_wrong(frame: bytes) -> str | None:
    expected = crc8_maxim(frame[:-1])
    return None if frame[-1] == expected else f"CRC-8: {frame[-1]:#04x}, expected {expected:#04x}"


def interpret(record: Pc60Record) -> Outcome | None:
    """What one frame says."""
    if isinstance(record, Pc60Values):
        said = ((record.probe_off, QualityFlag.FINGER_OFF), (record.searching, QualityFlag.SEARCHING))
        flags = [flag for is_so, flag in said if is_so]
        return oximetry(record.spo2, record.pulse, record.pi, flags=flags)
    if isinstance(record, Pc60Work) and (record.mode, record.step) == (_SPOT_CHECK, _RESULT_STEP):
        if record.spo2 is None:
            return NotClinical(NotClinicalReason.NO_VALUE)
        return oximetry(record.spo2, record.pulse, mode=OximetryMode.SPOT)
    return None


FORMATS = (
    FrameType(
        "PC60-NUS",
        "Lepu PC-60 frame",
        decode,
        interpret,
        Framing(
            first_bytes=frozenset({_HEADER[0]}),
            length=_length,
            check=_crc_is_wrong,
            max_bytes=4 + _MAX_CONTENT,
            policy="CRC-8/MAXIM; else refused",
        ),
    ),
)
