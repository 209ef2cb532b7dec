"""Berry BM1000 and its kin: service 49535343-FE7D..., notify 49535343-1E4D....

BCI, 5 bytes, 100 times a second: only the first byte has bit 7.

    0  bits 0-3 signal strength, 4 searching too long, 5 probe unplugged, 6 beat
    1  waveform
    2  bits 0-3 bar, 4 no finger, 5 searching, 6 is bit 7 of the pulse
    3  pulse bits 0-6
    4  SpO2

V1.5, 20 bytes: `FF AA index status SpO2avg SpO2 PRavg PR RR16le PIavg PI wave adc32le battery rate sum`; status
bits 0 sensor off, 1 no finger, 2 no pulse, 3 beat; PI in 0.1 %, 0 for no value; RR in 5 ms.

Pulse 255 and SpO2 127 mean no value. Checksum policy: BCI has none, so its frames hold by their sync bits
alone. V1.5 has the sum modulo 256, but devices exist that always send a bad one: a frame is taken if the sum
fits, and also if it does not while every field is within its range; `sum_ok` says which. A device that has
sent one good sum is held to it: its later frames with a bad one are invalid.
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

_BCI_BYTES = 5
_V15_BYTES = 20
_V15_HEADER = b"\xff\xaa"
_RATES = (1, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class BciFrame:
    """None is no value."""

    signal: int
    searching_too_long: bool
    probe_off: bool
    beat: bool
    pleth: int
    bar: int
    no_finger: bool
    searching: bool
    pulse: int | None
    spo2: int | None


@dataclass(frozen=True, slots=True)
class BerryV15:
    """`pi` in percent; None is no value. The averaged values are the ones to use."""

    index: int
    sensor_off: bool
    no_finger: bool
    no_pulse: bool
    beat: bool
    spo2: int | None
    spo2_now: int | None
    pulse: int | None
    pulse_now: int | None
    rr_ms: int | None
    pi: float | None
    pleth: int
    battery_pct: int
    rate_hz: int
    sum_ok: bool


def decode_bci(frame: bytes) -> BciFrame:
    """Decode a 5-byte frame. Raises Malformed."""
    need_size(frame, _BCI_BYTES)
    reason = _bci_wrong(frame)
    if reason:
        raise Malformed(reason)
    first, pleth, third, pulse_low, spo2 = frame
    return BciFrame(
        signal=first & 0x0F,
        searching_too_long=bool(first & 0x10),
        probe_off=bool(first & 0x20),
        beat=bool(first & 0x40),
        pleth=pleth,
        bar=third & 0x0F,
        no_finger=bool(third & 0x10),
        searching=bool(third & 0x20),
        pulse=known(pulse_low | (third & 0x40) << 1, 255),
        spo2=known(spo2, 127),
    )


def _bci_wrong(frame: bytes) -> str | None:
    if not frame[0] & 0x80:
        return "sync: the first byte lacks bit 7"
    if max(frame[1:]) & 0x80:
        return "sync: a later byte has bit 7"
    return None


def interpret_bci(record: BciFrame) -> Outcome | None:
    """What one frame says."""
    said = (
        (record.no_finger or record.probe_off, QualityFlag.FINGER_OFF),
        (record.searching or record.searching_too_long, QualityFlag.SEARCHING),
    )
    return oximetry(record.spo2, record.pulse, flags=[flag for is_so, flag in said if is_so])


def decode_v15(frame: bytes) -> BerryV15:
    """Decode a 20-byte frame. Raises Malformed."""
    need_size(frame, _V15_BYTES)
    reason = _v15_wrong(frame)
    if reason:
        raise Malformed(reason)
    index, status, spo2, spo2_now, pulse, pulse_now, rr_low, rr_high, pi = frame[2:11]
    return BerryV15(
        index,
        bool(status & 0x01),
        bool(status & 0x02),
        bool(status & 0x04),
        bool(status & 0x08),
        None if spo2 == 127 else spo2,
        None if spo2_now == 127 else spo2_now,
        None if pulse == 255 else pulse,
        None if pulse_now == 255 else pulse_now,
        (rr_low | rr_high << 8) * 5 or None,
        pi / 10 or None,
        frame[12],
        frame[17] & 0x7F,
        frame[18],
        _sum_fits(frame),
    )


def _sum_fits(frame: bytes) -> bool:
    return sum8(frame[:-1]) == frame[-1]


def _v15_wrong(frame: bytes) -> str | None:
    if frame[:2] != _V15_HEADER:
        return f"header: {frame[:2].hex()}, expected ffaa"
    if _sum_fits(frame):
        return None
    in_range = (
        all(value == 127 or 35 <= value <= 100 for value in frame[4:6])
        and all(value == 255 or 25 <= value <= 250 for value in frame[6:8])
        and max(frame[10:12]) <= 200
        and frame[3] < 0x10
        and frame[17] & 0x7F <= 100
        and frame[18] in _RATES
    )
    return None if in_range else "checksum: does not fit, and a field is out of its range"


def _v15_length(start: bytes) -> int | None:
    if len(start) < 2:
        return None
    return _V15_BYTES if start[1] == _V15_HEADER[1] else 0


def interpret_v15(record: BerryV15) -> Outcome | None:
    """What one frame says."""
    said = (
        (record.no_finger or record.sensor_off, QualityFlag.FINGER_OFF),
        (record.no_pulse, QualityFlag.NON_PULSATILE),
    )
    return oximetry(record.spo2, record.pulse, record.pi, flags=[flag for is_so, flag in said if is_so])


class HeldToItsSum:
    """Believes a bad sum only of a device that never sent a good one. One per connection."""

    __slots__ = ("_seen_good",)

    def __init__(self) -> None:
        self._seen_good = False

    def __call__(self, record: BerryV15) -> Outcome | None:
        if self._seen_good and not record.sum_ok:
            return NotClinical(NotClinicalReason.INVALID)
        self._seen_good = record.sum_ok
        return interpret_v15(record)


FORMATS = (
    FrameType(
        "BERRY-BCI5",
        "Berry BCI frame",
        decode_bci,
        interpret_bci,
        Framing(
            first_bytes=frozenset(range(0x80, 0x100)),
            length=lambda _start: _BCI_BYTES,
            check=_bci_wrong,
            max_bytes=_BCI_BYTES,
            policy="none in the protocol: the sync bits hold the frame",
        ),
    ),
    FrameType(
        "BERRY-V15",
        "Berry V1.5 frame",
        decode_v15,
        interpret_v15,
        Framing(
            first_bytes=frozenset({_V15_HEADER[0]}),
            length=_v15_length,
            check=_v15_wrong,
            max_bytes=_V15_BYTES,
            policy="sum modulo 256; if it does not fit, every field must be within its range",
        ),
        HeldToItsSum,
    ),
)
