"""The simulated ultrasound machine: the exam-metadata service of docs/ble-ultrasound.md, with faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass

from bumble.att import ATT_Error
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from cunmai_sim.air import Air
from cunmai_sim.exam import Exam
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.ultrasound_session import Session, Shelf
from cunmai_sim.ultrasound_wire import CTRL, DATA, DATA_HEADER_BYTES, INFO, SERVICE, Op

CHUNK_MAX = 180
_STALL_S = 30.0

# ATT and common profile error codes (Core Supplement, part B)
_INVALID_LENGTH = 0x0D
_NOT_CONFIGURED = 0xFD
_IN_PROGRESS = 0xFE


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on the air. Rates are of DATA packets, drawn from `seed`."""

    drop_rate: float = 0.0
    flip_rate: float = 0.0
    """One random bit of the packet is inverted."""
    lose_radio_after_bytes: int | None = None
    """The link is lost once, when this many payload bytes have been sent since the machine was made."""
    stale_packets: int = 0
    """A START that replaces a running transfer first finds this many packets of it still in flight."""
    seed: int = 0


NO_FAULTS = Faults()


@dataclass
class UltrasoundCounts:
    """What a machine did."""

    packets_sent: int = 0
    packets_dropped: int = 0
    packets_flipped: int = 0
    payload_bytes: int = 0
    starts: int = 0
    radio_losses: int = 0


class Ultrasound(Peripheral):
    """An ultrasound machine with exams to fetch."""

    def __init__(
        self,
        air: Air,
        *,
        exams: Iterable[Exam] = (),
        faults: Faults = NO_FAULTS,
        chunk_max: int = CHUNK_MAX,
        address: str = "F0:0D:00:00:55:53",
        name: str = "SIM-US",
    ) -> None:
        self.shelf = Shelf()
        self.counts = UltrasoundCounts()
        self.faults = faults
        self._chunk_max = chunk_max
        self._draw = random.Random(f"air {faults.seed}")  # noqa: S311 (faults, not secrets)
        self._session = Session(self.shelf, chunk_max)
        self._answer: bytes | None = None
        self._answering = False
        self._in_flight: list[bytes] = []
        self._wake = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        properties, permissions = Characteristic.Properties, Characteristic.Permissions
        self._ctrl = Characteristic[bytes](
            CTRL,
            properties.WRITE | properties.INDICATE,
            permissions.WRITEABLE,
            CharacteristicValue(write=self._on_write),
        )
        self._data = Characteristic[bytes](DATA, properties.NOTIFY, permissions.READABLE, b"")
        self._info = Characteristic[bytes](
            INFO, properties.READ, permissions.READABLE, CharacteristicValue(read=self._on_info)
        )
        service = Service(SERVICE, [self._info, self._ctrl, self._data])
        super().__init__(air, address=address, name=name, services=[service], advertised=SERVICE)
        for exam in exams:
            self.add_exam(exam)

    def add_exam(self, exam: Exam) -> int:
        """Offer an exam, also while a gateway is connected. Returns its id."""
        return self.shelf.add(exam.content)

    @property
    def delivered_ids(self) -> list[int]:
        """Exams that some gateway has closed with the right CRC."""
        return [exam_id for exam_id, exam in self.shelf.exams.items() if exam.delivered]

    # -- the link -----------------------------------------------------------------------------

    def _on_connection(self, connection: Connection) -> None:
        super()._on_connection(connection)
        self._session = Session(self.shelf, self._chunk_max)
        self._answer, self._answering, self._in_flight = None, False, []
        self._work = asyncio.ensure_future(self._serve())

    def _on_disconnection(self, reason: int) -> None:
        super()._on_disconnection(reason)
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _on_confirmation(self) -> None:
        self._answering = False

    def _on_info(self, _connection: Connection) -> bytes:
        return self.shelf.info(self._chunk_max)

    def _on_write(self, connection: Connection, request: bytes) -> None:
        if not request:
            raise ATT_Error(_INVALID_LENGTH)
        opcode = request[0]
        if opcode != Op.ACK:
            self._refuse_write(opcode)
        if opcode == Op.START:
            self.counts.starts += 1
            self._in_flight = self._take_packets(self.faults.stale_packets)
        answer = self._session.answer(request, connection.att_mtu)
        if answer is not None:
            self._answer, self._answering = answer, True
        self._wake.set()

    def _take_packets(self, count: int) -> list[bytes]:
        packets = (self._session.next_packet() for _ in range(count))
        return [packet for packet in packets if packet is not None]

    def _refuse_write(self, opcode: int) -> None:
        if not self.is_subscribed(self._ctrl) or (opcode == Op.START and not self.is_subscribed(self._data)):
            raise ATT_Error(_NOT_CONFIGURED)
        if self._answering:
            raise ATT_Error(_IN_PROGRESS)

    # -- sending ------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Answers first; then packets, as far as the window allows; then wait for the gateway."""
        while True:
            self._wake.clear()
            answer, self._answer = self._answer, None
            if answer is not None:
                await self._send_answer(answer)
            elif (packet := self._session.next_packet()) is not None:
                await self._send_packet(packet)
                await asyncio.sleep(0)  # let a write in: the window may be long
            else:
                await self._rest()

    async def _send_answer(self, answer: bytes) -> None:
        for packet in self._in_flight:
            await self._send_packet(packet)
        self._in_flight = []
        if not await self.indicate(self._ctrl, answer):
            await self.hang_up()  # an indication that nobody confirms ends the link (Core 3.F 3.3.3)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_STALL_S):
                await self._wake.wait()
        except TimeoutError:
            self._session.abandon()

    async def _send_packet(self, packet: bytes) -> None:
        self.counts.packets_sent += 1
        self.counts.payload_bytes += len(packet) - DATA_HEADER_BYTES
        if self._draw.random() < self.faults.drop_rate:
            self.counts.packets_dropped += 1
        elif self._draw.random() < self.faults.flip_rate:
            self.counts.packets_flipped += 1
            await self.notify(self._data, self._flipped(packet))
        else:
            await self.notify(self._data, packet)
        limit = self.faults.lose_radio_after_bytes
        if limit is not None and self.counts.payload_bytes >= limit and not self.counts.radio_losses:
            self.counts.radio_losses += 1
            self.lose_radio()

    def _flipped(self, packet: bytes) -> bytes:
        bit = self._draw.randrange(8 * len(packet))
        spoiled = bytearray(packet)
        spoiled[bit // 8] ^= 1 << bit % 8
        return bytes(spoiled)

    async def close(self) -> None:
        await super().close()
        if self._work is not None:
            self._work.cancel()
