"""Bytes of the ultrasound exam-metadata protocol, as docs/ble-ultrasound.md lays them out. Pure."""

from __future__ import annotations

import binascii
import struct
from enum import IntEnum

SERVICE = "b1e50001-7c0d-4f6a-9a1e-5550534d4554"
INFO = "b1e50002-7c0d-4f6a-9a1e-5550534d4554"
CTRL = "b1e50003-7c0d-4f6a-9a1e-5550534d4554"
DATA = "b1e50004-7c0d-4f6a-9a1e-5550534d4554"

VERSION = 1
CAPABILITY_LINK = 1 << 0
LIST_ENTRY_BYTES = 13
ATT_HEADER_BYTES = 3
DATA_HEADER_BYTES = 7
_LIST_HEADER_BYTES = 5
_FLAG_DELIVERED = 1 << 0


class Op(IntEnum):
    """Requests on CTRL."""

    LIST = 1
    OPEN = 2
    START = 3
    ACK = 4
    CLOSE = 5
    ABORT = 6


OPERANDS: dict[Op, struct.Struct] = {
    Op.LIST: struct.Struct("<I"),  # after
    Op.OPEN: struct.Struct("<I"),  # exam id
    Op.START: struct.Struct("<BIH"),  # epoch, offset, window
    Op.ACK: struct.Struct("<BI"),  # epoch, offset
    Op.CLOSE: struct.Struct("<I"),  # crc32
    Op.ABORT: struct.Struct(""),
}


class Status(IntEnum):
    """Second byte of an answer."""

    OK = 0
    UNKNOWN_OPCODE = 1
    BAD_LENGTH = 2
    NO_SUCH_EXAM = 3
    NOT_OPEN = 4
    BAD_OFFSET = 5
    BAD_WINDOW = 6
    EPOCH_REUSED = 7
    CRC_MISMATCH = 8


def answer(opcode: int, status: Status, payload: bytes = b"") -> bytes:
    """An indication on CTRL."""
    return bytes([0x80 | opcode, status]) + payload


def info(chunk_max: int, exam_count: int, newest_id: int, capabilities: int) -> bytes:
    """The value of INFO."""
    return struct.pack("<BHHII", VERSION, chunk_max, exam_count, newest_id, capabilities)


def list_entry(exam_id: int, size: int, crc32: int, *, delivered: bool) -> bytes:
    """One entry of a LIST answer."""
    return struct.pack("<IIIB", exam_id, size, crc32, _FLAG_DELIVERED if delivered else 0)


def list_payload(entries: list[bytes], mtu: int) -> bytes:
    """The payload of a LIST answer: as many entries as one indication holds, and how many it does not."""
    room = mtu - ATT_HEADER_BYTES - _LIST_HEADER_BYTES
    page = entries[: min(room // LIST_ENTRY_BYTES, 0xFF)]
    return struct.pack("<HB", min(len(entries) - len(page), 0xFFFF), len(page)) + b"".join(page)


def chunk_for(chunk_max: int, mtu: int) -> int:
    """Payload bytes of a DATA packet on a link of this MTU."""
    return min(chunk_max, mtu - ATT_HEADER_BYTES - DATA_HEADER_BYTES)


def data_packet(epoch: int, offset: int, payload: bytes) -> bytes:
    """One notification on DATA, with its CRC-16/IBM-3740."""
    header = struct.pack("<BI", epoch, offset)
    return header + struct.pack("<H", binascii.crc_hqx(header + payload, 0xFFFF)) + payload
