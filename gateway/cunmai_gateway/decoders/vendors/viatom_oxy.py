"""Viatom O2Ring, CheckO2, SleepO2: service 14839AC4..., write 8B00ACE7..., notify 0734594A....

    AA cmd ~cmd block16le len16le data crc          request
    55 status ~status block16le len16le data crc    answer; status 0 is success

An answer does not say what it answers: the driver asks one thing at a time, flushes the parser before it asks,
and decodes with the format of what it asked. Command 1B (current firmware) answers

    SpO2 PR16le battery charging PI worn 3 bytes n16le wave

and command 17 (older)

    SpO2 PR16le steps32le battery charging motion PI worn [alarms]

PI in 0.1 %; SpO2 0 and 255, pulse 0, 255 and 65535 mean no value. Checksum policy: CRC-8 with polynomial 07;
else refused, so `ok` is always true.

The O2Ring S family speaks another protocol, OxyII, of which only the envelope is decoded here:

    A5 cmd ~cmd flag seq len16le data crc
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.checksums import crc8_smbus
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.stream import Framing
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import NotClinical, NotClinicalReason, Outcome
from cunmai_wire.quality import QualityFlag

CMD_CONFIG = 0x16
CMD_READ = 0x17
CMD_REALTIME = 0x1B
_REQUEST, _ANSWER, _OXYII = 0xAA, 0x55, 0xA5
_FRAME_BYTES = 8
_MAX_DATA = 256
"""A second of waveform is 125 bytes. More is rubbish: a larger limit would let it hold answers back longer."""
_WRITE_BYTES = 20
"""The device takes writes of at most this many bytes; a longer request is cut into pieces."""


@dataclass(frozen=True, slots=True)
class OxyRequest:
    """What a gateway asks."""

    cmd: int
    block: int
    data: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class OxyAnswer:
    """Live values. `status` 0 is success, else the values are None. `charging`: 0 no, 1 yes, 2 full."""

    status: int
    spo2: int | None
    pulse: int | None
    pi: float | None
    worn: bool | None
    battery_pct: int | None
    charging: int | None
    stabilising: bool
    ok: bool = True


@dataclass(frozen=True, slots=True)
class OxyIIFrame:
    """The envelope of the OxyII protocol, either way."""

    cmd: int
    flag: int
    seq: int
    len: int
    data: str
    ok: bool = True


def request(cmd: int, data: bytes = b"", block: int = 0) -> bytes:
    """A whole request; `pieces` cuts it for writing."""
    head = bytes([_REQUEST, cmd, cmd ^ 0xFF]) + block.to_bytes(2, "little") + len(data).to_bytes(2, "little")
    return head + data + bytes([crc8_smbus(head + data)])


def pieces(frame: bytes) -> list[bytes]:
    """A request as the writes that the device takes."""
    return [frame[at : at + _WRITE_BYTES] for at in range(0, len(frame), _WRITE_BYTES)]


def decode_request(frame: bytes) -> OxyRequest:
    """Decode a request. Raises Malformed."""
    data = _data(frame, _REQUEST)
    return OxyRequest(frame[1], int.from_bytes(frame[3:5], "little"), data.hex())


def decode_realtime(frame: bytes) -> OxyAnswer:
    """Decode the answer to 1B. Raises Malformed."""
    data = _data(frame, _ANSWER)
    if frame[1]:
        return _failed(frame[1])
    wave_bytes = int.from_bytes(data[10:12], "little")
    if len(data) < 12 or len(data) != 12 + wave_bytes:
        raise Malformed(f"data: {len(data)} bytes, expected 12 and a waveform of {wave_bytes}")
    return _answer(data[0], data[1:3], pi=data[5], worn=data[6] == 1, battery=data[3], charging=data[4])


def decode_read(frame: bytes) -> OxyAnswer:
    """Decode the answer to 17. Raises Malformed."""
    data = _data(frame, _ANSWER)
    if frame[1]:
        return _failed(frame[1])
    if len(data) not in (12, 13):
        raise Malformed(f"data: {len(data)} bytes, expected 12 or 13")
    worn = bool(data[11] & 0x01)
    return _answer(data[0], data[1:3], pi=data[10], worn=worn, battery=data[7], charging=data[8])


def decode_oxyii(frame: bytes) -> OxyIIFrame:
    """Decode an OxyII frame of either direction. Raises Malformed."""
    data = _data(frame, _OXYII)
    return OxyIIFrame(frame[1], frame[3], frame[4], len(data), data.hex())


def _failed(status: int) -> OxyAnswer:
    return OxyAnswer(status, None, None, None, None, None, None, stabilising=False)


def _answer(spo2: int, pulse: bytes, *, pi: int, worn: bool, battery: int, charging: int) -> OxyAnswer:
    pulse_bpm = int.from_bytes(pulse, "little")
    stabilising = worn and not spo2 and not pulse_bpm
    return OxyAnswer(
        0,
        known(spo2, 0, 255),
        known(pulse_bpm, 0, 255, 65535),
        pi / 10 if pi else None,
        worn,
        battery,
        charging,
        stabilising,
    )


def _data(frame: bytes, first: int) -> bytes:
    if len(frame) < _FRAME_BYTES:
        raise Malformed(f"frame: {len(frame)} bytes, expected at least {_FRAME_BYTES}")
    if frame[0] != first:
        raise Malformed(f"first byte: {frame[0]:#04x}, expected {first:#04x}")
    reason = _wrong(frame)
    if reason:
        raise Malformed(reason)
    expected = _length(frame)
    if len(frame) != expected:
        raise Malformed(f"frame: {len(frame)} bytes, expected {expected or 'a shorter one'}")
    return frame[7:-1]


def _length(start: bytes) -> int | None:
    if len(start) < 7:
        return 0 if len(start) > 2 and start[1] ^ start[2] != 0xFF else None
    size = start[5] | start[6] << 8
    return 0 if start[1] ^ start[2] != 0xFF or size > _MAX_DATA else _FRAME_BYTES + size


def _wrong(frame: bytes) -> str | None:
    if frame[1] ^ frame[2] != 0xFF:
        return f"header: {frame[2]:#04x} is not the complement of {frame[1]:#04x}"
    expected = crc8_smbus(frame[:-1])
    return None if frame[-1] == expected else f"CRC-8: {frame[-1]:#04x}, expected {expected:#04x}"


def interpret(record: OxyAnswer) -> Outcome | None:
    """What an answer says."""
    if record.status:
        return NotClinical(NotClinicalReason.UNAVAILABLE)
    if record.stabilising:
        return NotClinical(NotClinicalReason.CALIBRATING)
    flags = [] if record.worn else [QualityFlag.FINGER_OFF]
    return oximetry(record.spo2, record.pulse, record.pi, flags=flags)


def _framing(first: int) -> Framing:
    return Framing(
        first_bytes=frozenset({first}),
        length=_length,
        check=_wrong,
        max_bytes=_FRAME_BYTES + _MAX_DATA,
        policy="CRC-8, polynomial 07; else refused",
    )


FORMATS = (
    FrameType("VIATOM-OXY-REQ", "O2Ring request", decode_request, framing=_framing(_REQUEST)),
    FrameType("VIATOM-OXY-RT", "O2Ring answer to 1B", decode_realtime, interpret, _framing(_ANSWER)),
    FrameType("VIATOM-OXY-READ", "O2Ring answer to 17", decode_read, interpret, _framing(_ANSWER)),
    FrameType("OXYII-REQ", "O2Ring S frame", decode_oxyii, framing=_framing(_OXYII)),
)
