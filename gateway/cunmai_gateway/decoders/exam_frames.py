"""Single frames of the ultrasound exam transfer (docs/ble-ultrasound.md), as `cunmai decode` shows them.

The transfer itself, which knows what was asked, is `exam_transfer.py`.
"""

from __future__ import annotations

from binascii import crc_hqx
from dataclasses import dataclass

from cunmai_gateway.decoders.cursor import Cursor, Malformed
from cunmai_gateway.decoders.exam_transfer import Opcode

_OPCODES = frozenset(Opcode)
_ANSWER = 0x80
_OPERAND_BYTES = {
    Opcode.LIST: 4,
    Opcode.OPEN: 4,
    Opcode.START: 7,
    Opcode.ACK: 5,
    Opcode.CLOSE: 4,
    Opcode.ABORT: 0,
}


@dataclass(frozen=True, slots=True)
class ExamControl:
    """A CTRL value: a request, or the answer to one. The rest is in hex."""

    request: str
    answer: bool
    status: int | None
    payload: str


@dataclass(frozen=True, slots=True)
class ExamPacket:
    """A DATA notification, its CRC-16 verified."""

    epoch: int
    offset: int
    payload: str


def decode_control(frame: bytes) -> ExamControl:
    """Decode a CTRL value, either way. Raises Malformed."""
    cursor = Cursor(frame)
    first = cursor.unsigned(1, "opcode")
    opcode = first & ~_ANSWER
    if opcode not in _OPCODES:
        raise Malformed(f"opcode: {first:#04x} is not one of the protocol")
    answer = bool(first & _ANSWER)
    status = cursor.unsigned(1, "status") if answer else None
    if not answer and cursor.left() != _OPERAND_BYTES[Opcode(opcode)]:
        raise Malformed(f"operand of {Opcode(opcode).name}: {cursor.left()} bytes")
    return ExamControl(Opcode(opcode).name, answer, status, cursor.take(cursor.left(), "payload").hex())


def decode_packet(frame: bytes) -> ExamPacket:
    """Decode a DATA notification. Raises Malformed."""
    cursor = Cursor(frame)
    epoch = cursor.unsigned(1, "epoch")
    offset = cursor.unsigned(4, "offset")
    crc = cursor.unsigned(2, "CRC-16")
    payload = cursor.take(cursor.left(), "payload")
    if not payload:
        raise Malformed("payload: empty")
    if crc_hqx(frame[:5] + payload, 0xFFFF) != crc:
        raise Malformed("CRC-16 does not fit")
    return ExamPacket(epoch, offset, payload.hex())
