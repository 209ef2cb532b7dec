"""Ultrasound exam transfer, version 1 (docs/ble-ultrasound.md): its messages, and the receiving side's
decisions as a pure state machine. No I/O: the driver writes what this returns."""

from __future__ import annotations

import struct
import zlib
from binascii import crc_hqx
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from cunmai_gateway.decoders.cursor import Cursor, Malformed

PROTOCOL_VERSION = 1
MAX_CONTENT_BYTES = 1 << 20
WINDOW_PACKETS = 16
MAX_FRUITLESS_STARTS = 20
MAX_DISCARDS = 3

_PACKET_HEADER = struct.Struct("<BIH")
_START = struct.Struct("<BBIH")
_ACK = struct.Struct("<BBI")


class Opcode(IntEnum):
    """Requests of the CTRL characteristic."""

    LIST = 1
    OPEN = 2
    START = 3
    ACK = 4
    CLOSE = 5
    ABORT = 6


class Status(IntEnum):
    """Statuses that the receiving side acts on; every other one is a failure."""

    OK = 0
    CRC_MISMATCH = 8


@dataclass(frozen=True, slots=True)
class MachineInfo:
    """INFO: what the machine offers."""

    version: int
    chunk_max: int
    exams: int
    newest_id: int


@dataclass(frozen=True, slots=True)
class ExamEntry:
    """One line of LIST. The three numbers together name one content."""

    exam_id: int
    size: int
    crc32: int


def decode_info(frame: bytes) -> MachineInfo:
    """Decode INFO; a longer value is a later minor revision. Raises Malformed."""
    cursor = Cursor(frame[:13])
    version = cursor.unsigned(1, "version")
    chunk_max = cursor.unsigned(2, "chunk_max")
    exams = cursor.unsigned(2, "exams")
    newest_id = cursor.unsigned(4, "newest id")
    cursor.unsigned(4, "capabilities")
    if version != PROTOCOL_VERSION:
        raise Malformed(f"protocol version {version}; {PROTOCOL_VERSION} is understood")
    return MachineInfo(version, chunk_max, exams, newest_id)


def decode_answer(frame: bytes, request: Opcode) -> tuple[int, bytes]:
    """Status and payload of the indication that answers `request`. Raises Malformed."""
    cursor = Cursor(frame)
    opcode = cursor.unsigned(1, "opcode")
    status = cursor.unsigned(1, "status")
    if opcode != 0x80 | request:
        raise Malformed(f"answer {opcode:#04x} to request {request.name}")
    return status, frame[2:]


def decode_list(payload: bytes) -> tuple[int, list[ExamEntry]]:
    """How many exams remain unlisted, and those listed. Raises Malformed."""
    cursor = Cursor(payload)
    remaining = cursor.unsigned(2, "remaining")
    count = cursor.unsigned(1, "count")
    entries = []
    for index in range(count):
        entry = ExamEntry(*(cursor.unsigned(4, f"entry {index}") for _ in range(3)))
        cursor.unsigned(1, f"flags of entry {index}")
        entries.append(entry)
    cursor.end()
    return remaining, entries


def decode_open(payload: bytes) -> tuple[int, int, int]:
    """Size, CRC-32 and chunk of the opened exam. Raises Malformed."""
    cursor = Cursor(payload)
    size, crc32 = cursor.unsigned(4, "size"), cursor.unsigned(4, "crc32")
    chunk = cursor.unsigned(2, "chunk")
    cursor.end()
    if chunk < 1:
        raise Malformed("chunk is 0")
    return size, crc32, chunk


def request_list(after: int) -> bytes:
    return struct.pack("<BI", Opcode.LIST, after)


def request_open(exam_id: int) -> bytes:
    return struct.pack("<BI", Opcode.OPEN, exam_id)


def request_close(crc32: int) -> bytes:
    return struct.pack("<BI", Opcode.CLOSE, crc32)


def request_abort() -> bytes:
    return bytes([Opcode.ABORT])


class Next(Enum):
    """What the driver does after a packet, or after a silence."""

    WAIT = "wait"
    ACK = "ack"
    START = "start"
    DONE = "done"
    GIVE_UP = "give_up"


@dataclass
class Transfer:
    """The receiving side of one opened exam.

    `held` keeps every good byte from the front; resuming is a START at its length.
    """

    size: int
    crc32: int
    chunk: int
    epoch: int
    held: bytearray = field(default_factory=bytearray)
    fruitless_starts: int = 0
    _acknowledged: int = 0
    _discards: int = 0

    def start(self) -> bytes:
        """The START request that (re)begins at the bytes held, under a new epoch."""
        self.epoch = (self.epoch + 1) & 0xFF
        self._acknowledged = len(self.held)
        self.fruitless_starts += 1
        return _START.pack(Opcode.START, self.epoch, len(self.held), WINDOW_PACKETS)

    def ack(self) -> bytes:
        """The ACK for all bytes held."""
        self._acknowledged = len(self.held)
        return _ACK.pack(Opcode.ACK, self.epoch, len(self.held))

    def silence(self) -> Next:
        """Nothing came for a while and bytes are missing."""
        return self._restart()

    def packet(self, packet: bytes) -> Next:
        """Take one DATA packet; what to do next, in the order of the protocol's table."""
        if len(packet) <= _PACKET_HEADER.size:
            return self._restart()
        epoch, offset, crc = _PACKET_HEADER.unpack_from(packet)
        payload = packet[_PACKET_HEADER.size :]
        if crc_hqx(packet[:5] + payload, 0xFFFF) != crc:
            return self._restart()
        if epoch != self.epoch or offset < len(self.held):
            return Next.WAIT
        if offset > len(self.held) or offset + len(payload) > self.size:
            return self._restart()
        self.held += payload
        self.fruitless_starts = 0
        if len(self.held) == self.size:
            return Next.DONE
        half_window_bytes = (WINDOW_PACKETS + 1) // 2 * self.chunk
        return Next.ACK if len(self.held) - self._acknowledged >= half_window_bytes else Next.WAIT

    def intact(self) -> bool:
        """Whether everything is here and is what OPEN promised."""
        return len(self.held) == self.size and zlib.crc32(self.held) == self.crc32

    def discard(self) -> bool:
        """Begin again from nothing, as the content was not what OPEN promised; False when that is hopeless."""
        self.held.clear()
        self._discards += 1
        return self._discards < MAX_DISCARDS

    def _restart(self) -> Next:
        return Next.GIVE_UP if self.fruitless_starts >= MAX_FRUITLESS_STARTS else Next.START
