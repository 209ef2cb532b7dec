"""What an ultrasound machine answers on one connection, and what it sends next. Pure: no radio, no clock."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from cunmai_sim.ultrasound_wire import (
    CAPABILITY_LINK,
    OPERANDS,
    Op,
    Status,
    answer,
    chunk_for,
    data_packet,
    info,
    list_entry,
    list_payload,
)


@dataclass
class Offered:
    """One exam on the shelf."""

    content: bytes
    crc32: int
    delivered: bool = False


class Shelf:
    """The exams on offer. Ids count up from 1 and are never used twice."""

    def __init__(self) -> None:
        self.exams: dict[int, Offered] = {}
        self._newest_id = 0

    def add(self, content: bytes) -> int:
        self._newest_id += 1
        self.exams[self._newest_id] = Offered(content, zlib.crc32(content))
        return self._newest_id

    def remove(self, exam_id: int) -> None:
        del self.exams[exam_id]

    def info(self, chunk_max: int) -> bytes:
        return info(chunk_max, len(self.exams), max(self.exams, default=0), CAPABILITY_LINK)

    def page(self, after: int, mtu: int) -> bytes:
        entries = [
            list_entry(exam_id, len(exam.content), exam.crc32, delivered=exam.delivered)
            for exam_id, exam in sorted(self.exams.items())
            if exam_id > after
        ]
        return list_payload(entries, mtu)


@dataclass
class _Transfer:
    epoch: int
    next: int
    acknowledged: int
    window: int


class Session:
    """One connection's state: the open exam, the running transfer, the last epoch."""

    def __init__(self, shelf: Shelf, chunk_max: int) -> None:
        self._shelf = shelf
        self._chunk_max = chunk_max
        self._chunk = chunk_max
        self._open: Offered | None = None
        self._transfer: _Transfer | None = None
        self._last_epoch: int | None = None

    def answer(self, request: bytes, mtu: int) -> bytes | None:
        """The answer to one write to CTRL, or None for an ACK. `request` is not empty."""
        opcode = request[0]
        if opcode not in OPERANDS:
            return answer(opcode, Status.UNKNOWN_OPCODE)
        op = Op(opcode)
        try:
            operands = OPERANDS[op].unpack(request[1:])
        except struct.error:
            return None if op is Op.ACK else answer(op, Status.BAD_LENGTH)
        return self._perform(op, operands, mtu)

    def _perform(self, op: Op, operands: tuple[int, ...], mtu: int) -> bytes | None:
        match op:
            case Op.LIST:
                return answer(op, Status.OK, self._shelf.page(operands[0], mtu))
            case Op.OPEN:
                return self._open_exam(operands[0], mtu)
            case Op.START:
                return self._start(*operands)
            case Op.ACK:
                self._acknowledge(*operands)
                return None
            case Op.CLOSE:
                return self._close(*operands)
            case Op.ABORT:
                self._open = self._transfer = None
                return answer(op, Status.OK)

    def _open_exam(self, exam_id: int, mtu: int) -> bytes:
        exam = self._shelf.exams.get(exam_id)
        if exam is None:
            return answer(Op.OPEN, Status.NO_SUCH_EXAM)
        self._open, self._transfer = exam, None
        self._chunk = chunk_for(self._chunk_max, mtu)
        told = struct.pack("<IIH", len(exam.content), exam.crc32, self._chunk)
        return answer(Op.OPEN, Status.OK, told)

    def _start(self, epoch: int, offset: int, window: int) -> bytes:
        refusal = self._refuse_start(epoch, offset, window)
        if refusal is not None:
            return answer(Op.START, refusal)
        self._last_epoch = epoch
        self._transfer = _Transfer(epoch, next=offset, acknowledged=offset, window=window)
        return answer(Op.START, Status.OK, struct.pack("<BI", epoch, offset))

    def _refuse_start(self, epoch: int, offset: int, window: int) -> Status | None:
        if self._open is None:
            return Status.NOT_OPEN
        if offset > len(self._open.content):
            return Status.BAD_OFFSET
        if window == 0:
            return Status.BAD_WINDOW
        return Status.EPOCH_REUSED if epoch == self._last_epoch else None

    def _acknowledge(self, epoch: int, offset: int) -> None:
        transfer = self._transfer
        if (
            transfer is not None
            and epoch == transfer.epoch
            and transfer.acknowledged < offset <= transfer.next
        ):
            transfer.acknowledged = offset

    def _close(self, crc32: int) -> bytes:
        if self._open is None:
            return answer(Op.CLOSE, Status.NOT_OPEN)
        if crc32 != self._open.crc32:
            return answer(Op.CLOSE, Status.CRC_MISMATCH)
        self._open.delivered = True
        self._open = self._transfer = None
        return answer(Op.CLOSE, Status.OK)

    def next_packet(self) -> bytes | None:
        """The next DATA packet, or None while the window is full, all is sent, or nothing runs."""
        transfer, exam = self._transfer, self._open
        if transfer is None or exam is None or transfer.next >= len(exam.content):
            return None
        if transfer.next - transfer.acknowledged >= transfer.window * self._chunk:
            return None
        payload = exam.content[transfer.next : transfer.next + self._chunk]
        packet = data_packet(transfer.epoch, transfer.next, payload)
        transfer.next += len(payload)
        return packet

    def abandon(self) -> None:
        """Give the running transfer up; the exam stays open."""
        self._transfer = None
