"""TaiDoc TD-8255 and TD-8201 (FORA): service 00001523-1212-EFDE-1523-785FEABCD123, characteristic 00001524-....

    51 49 00 00 00 00 A3 sum        request
    51 49 SpO2 d1 d2 d3 A5 sum      answer

The driver asks, once a second. 0 means no value. Of the answer only SpO2 is known for certain: d3 is thought
to be the pulse, and as long as nobody has compared it with the display it is not published. Checksum policy:
the sum modulo 256 of all bytes before it; else refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_gateway.decoders.checksums import sum8
from cunmai_gateway.decoders.cursor import Malformed, need_size
from cunmai_gateway.decoders.format import FrameType
from cunmai_gateway.decoders.stream import Framing
from cunmai_gateway.interpret.oximetry import known, oximetry
from cunmai_gateway.measurement import Outcome

REQUEST = bytes.fromhex("51 49 00 00 00 00 a3 3d")
_BYTES = 8
_START, _LATEST = 0x51, 0x49
_ENDS = (0xA3, 0xA5)


@dataclass(frozen=True, slots=True)
class TaidocValues:
    """`data` are the four data bytes, in hex. `answer` is False for the request itself."""

    spo2: int | None
    data: str
    answer: bool


def decode(frame: bytes) -> TaidocValues:
    """Decode a request or an answer. Raises Malformed."""
    need_size(frame, _BYTES)
    reason = _wrong(frame)
    if reason:
        raise Malformed(reason)
    answer = frame[6] == 0xA5
    return TaidocValues(known(frame[2], 0) if answer else None, frame[2:6].hex(), answer)


def _wrong(frame: bytes) -> str | None:
    if (frame[0], frame[1]) != (_START, _LATEST) or frame[6] not in _ENDS:
        return f"frame: {frame.hex()} does not begin with 5149 and end with a3 or a5"
    expected = sum8(frame[:-1])
    return None if frame[-1] == expected else f"checksum: {frame[-1]:#04x}, expected {expected:#04x}"


def interpret(record: TaidocValues) -> Outcome | None:
    """What an answer says. It has no pulse: see above."""
    return oximetry(record.spo2, None) if record.answer else None


FORMATS = (
    FrameType(
        "TAIDOC-1524",
        "TaiDoc oximeter frame",
        decode,
        interpret,
        Framing(
            first_bytes=frozenset({_START}),
            length=lambda _start: _BYTES,
            check=_wrong,
            max_bytes=_BYTES,
            policy="sum modulo 256; else refused",
        ),
    ),
)
