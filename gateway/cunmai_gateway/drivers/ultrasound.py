"""Ultrasound machines with the exam-metadata service of docs/ble-ultrasound.md: the receiving side."""

from __future__ import annotations

import asyncio
import secrets
from datetime import tzinfo

import structlog
from bleak import BleakClient
from bleak.exc import BleakError

from cunmai_gateway.decoders import exam_transfer as protocol
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.exam_transfer import ExamEntry, Next, Opcode, Status, Transfer
from cunmai_gateway.drivers.base import DriverSpec, Sink, WrongDevice
from cunmai_gateway.drivers.listening import has
from cunmai_gateway.interpret.exam import interpret_exam
from cunmai_gateway.measurement import Measurement

_SERVICE = "b1e50001-7c0d-4f6a-9a1e-5550534d4554"
_INFO = "b1e50002-7c0d-4f6a-9a1e-5550534d4554"
_CTRL = "b1e50003-7c0d-4f6a-9a1e-5550534d4554"
_DATA = "b1e50004-7c0d-4f6a-9a1e-5550534d4554"

ANSWER_TIMEOUT_S = 5.0
SILENCE_S = 2.0
POLL_S = 5.0
MAX_LIST_PAGES = 1000
_DATA_QUEUE_PACKETS = 4 * protocol.WINDOW_PACKETS


class UltrasoundDriver:
    """Asks for new exams at every visit, and again every few seconds while connected."""

    def __init__(self, device: str, clinic_zone: tzinfo) -> None:
        """One driver per device for as long as the gateway runs: what a lost link cut short is resumed."""
        self._device = device
        self._clinic_zone = clinic_zone
        self._unfinished: Transfer | None = None
        self._left_alone: set[str] = set()
        """Exams that cannot be taken; they are not asked for again until the gateway restarts."""

    async def run(self, client: BleakClient, sink: Sink) -> None:
        if not has(client, _INFO):
            raise WrongDevice("no exam-metadata service: not such an ultrasound machine")
        protocol.decode_info(bytes(await client.read_gatt_char(_INFO)))
        machine = _Machine(client)
        await machine.listen()
        while True:
            entries = await machine.exams()
            sink.alive()
            for entry in entries:
                key = self._entry_key(entry)
                if key not in self._left_alone and not await sink.known(key):
                    await self._fetch(machine, entry, sink)
            await asyncio.sleep(POLL_S)

    async def _fetch(self, machine: _Machine, entry: ExamEntry, sink: Sink) -> None:
        transfer = await machine.open(entry)
        if transfer is None:
            self._left_alone.add(self._entry_key(entry))
            return
        if not await machine.receive(self._resumed(transfer)):
            return
        self._unfinished = None
        try:
            exam = interpret_exam(bytes(transfer.held), transfer.crc32, self._clinic_zone)
        except Malformed as error:
            self._left_alone.add(self._entry_key(entry))
            sink.malformed("exam", bytes(transfer.held[:64]), str(error))
            return
        keys = (*exam.once_keys, self._entry_key(entry))
        sink.measured(Measurement(exam.kind, exam.values, exam.quality, keys))
        await machine.close(transfer)

    def _resumed(self, transfer: Transfer) -> Transfer:
        """Keep the good bytes of the last link, where they are of the same content."""
        before = self._unfinished
        if before is not None and (before.size, before.crc32) == (transfer.size, transfer.crc32):
            transfer.held = before.held
        self._unfinished = transfer
        return transfer

    def _entry_key(self, entry: ExamEntry) -> str:
        return f"exam-entry:{self._device}:{entry.exam_id}:{entry.size}:{entry.crc32:08x}"


class _Machine:
    """One connection's requests and packets."""

    def __init__(self, client: BleakClient) -> None:
        self._client = client
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(maxsize=8)
        self._packets: asyncio.Queue[bytes] = asyncio.Queue(maxsize=_DATA_QUEUE_PACKETS)
        self._log = structlog.get_logger("ultrasound").bind(address=client.address)

    async def listen(self) -> None:
        """Enable indications and notifications: the protocol wants both before the first request."""
        await self._client.start_notify(_CTRL, lambda _c, frame: _put(self._answers, bytes(frame)))
        await self._client.start_notify(_DATA, lambda _c, frame: _put(self._packets, bytes(frame)))

    async def exams(self) -> list[ExamEntry]:
        """Everything on offer, page by page."""
        entries: list[ExamEntry] = []
        for _page in range(MAX_LIST_PAGES):
            after = entries[-1].exam_id if entries else 0
            status, payload = await self._ask(Opcode.LIST, protocol.request_list(after))
            if status != Status.OK:
                raise BleakError(f"LIST was refused with status {status}")
            remaining, page = protocol.decode_list(payload)
            entries += page
            if not remaining or not page:
                break
        return entries

    async def open(self, entry: ExamEntry) -> Transfer | None:
        """Open an exam; None where it may not be fetched."""
        status, payload = await self._ask(Opcode.OPEN, protocol.request_open(entry.exam_id))
        if status != Status.OK:
            self._log.warning("ultrasound.open_refused", exam=entry.exam_id, status=status)
            return None
        size, crc32, chunk = protocol.decode_open(payload)
        if size > protocol.MAX_CONTENT_BYTES:
            self._log.warning("ultrasound.exam_too_large", exam=entry.exam_id, bytes=size)
            return None
        return Transfer(size, crc32, chunk, epoch=secrets.randbelow(256))

    async def receive(self, transfer: Transfer) -> bool:
        """Fetch the open exam; False where it had to be left for the next visit."""
        step = Next.START
        while step is not Next.GIVE_UP:
            if step is Next.START:
                await self._start(transfer)
            elif step is Next.ACK:
                await self._client.write_gatt_char(_CTRL, transfer.ack(), response=True)
            elif step is Next.DONE:
                await self._client.write_gatt_char(_CTRL, transfer.ack(), response=True)
                if transfer.intact():
                    return True
                if not transfer.discard():
                    break
                await self._start(transfer)
            step = await self._next(transfer)
        self._log.warning("ultrasound.gave_up", held_bytes=len(transfer.held), of_bytes=transfer.size)
        await self._ask(Opcode.ABORT, protocol.request_abort())
        return False

    async def close(self, transfer: Transfer) -> None:
        """Tell the machine that the exam is delivered. It only informs: what we hold is whole and checked."""
        status, _ = await self._ask(Opcode.CLOSE, protocol.request_close(transfer.crc32))
        if status != Status.OK:
            self._log.warning("ultrasound.close_refused", status=status)

    async def _start(self, transfer: Transfer) -> None:
        while not self._packets.empty():
            self._packets.get_nowait()
        status, _ = await self._ask(Opcode.START, transfer.start())
        if status != Status.OK:
            raise BleakError(f"START was refused with status {status}")

    async def _next(self, transfer: Transfer) -> Next:
        if len(transfer.held) == transfer.size:
            return Next.DONE
        try:
            async with asyncio.timeout(SILENCE_S):
                packet = await self._packets.get()
        except TimeoutError:
            return transfer.silence()
        return transfer.packet(packet)

    async def _ask(self, opcode: Opcode, request: bytes) -> tuple[int, bytes]:
        while not self._answers.empty():
            self._answers.get_nowait()
        await self._client.write_gatt_char(_CTRL, request, response=True)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            answer = await self._answers.get()
        return protocol.decode_answer(answer, opcode)


def _put(queue: asyncio.Queue[bytes], frame: bytes) -> None:
    """Bounded: a machine that sends more than its window allows loses packets and is asked again."""
    if not queue.full():
        queue.put_nowait(frame)


SPEC = DriverSpec(
    name="ultrasound",
    title_zh="超声机检查信息",
    title_en="ultrasound machine with the exam-metadata service",
    make=lambda setting: UltrasoundDriver(setting.device, setting.clinic_zone),
    services=(_SERVICE,),
)
