"""The simulated ultrasound machine, fetched from as docs/ble-ultrasound.md tells a gateway to."""

from __future__ import annotations

import asyncio
import binascii
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError, BleakGATTProtocolError

from cunmai_sim import ultrasound
from cunmai_sim.air import Air, Central
from cunmai_sim.exam import make_exam
from cunmai_sim.ultrasound import Faults, Ultrasound

SERVICE = "b1e50001-7c0d-4f6a-9a1e-5550534d4554"
INFO = "b1e50002-7c0d-4f6a-9a1e-5550534d4554"
CTRL = "b1e50003-7c0d-4f6a-9a1e-5550534d4554"
DATA = "b1e50004-7c0d-4f6a-9a1e-5550534d4554"
ADDRESS = "F0:0D:00:00:55:53"
MADE_AT = datetime(2026, 3, 4, 7, 6, 7, tzinfo=UTC)
SMALL = make_exam(1, MADE_AT)
LARGE = make_exam(2, MADE_AT, images=1000)


class Refused(Exception):
    """An answer that is not OK: its status."""


@dataclass
class Gateway:
    """The other side, written from the document alone."""

    client: BleakClient
    answers: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    packets: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    met: Counter[str] = field(default_factory=Counter)
    epoch: int = 0
    silence_s: float = 0.1

    async def subscribe(self) -> None:
        await self.client.start_notify(CTRL, lambda _c, value: self.answers.put_nowait(bytes(value)))
        await self.client.start_notify(DATA, lambda _c, value: self.packets.put_nowait(bytes(value)))

    async def ask(self, request: bytes) -> bytes:
        await self.client.write_gatt_char(CTRL, request, response=True)
        answer = await asyncio.wait_for(self.answers.get(), 2)
        assert answer[0] == 0x80 | request[0]
        if answer[1]:
            raise Refused(answer[1])
        return answer[2:]

    async def receive(self, count: int) -> None:
        """Take so many packets, and see that no other follows."""
        async with asyncio.timeout(5):
            for _ in range(count):
                await self.packets.get()
        for _ in range(3):
            await self.client.read_gatt_char(INFO)
        assert self.packets.empty()

    async def list_ids(self) -> list[int]:
        ids: list[int] = []
        while True:
            page = await self.ask(struct.pack("<BI", 1, ids[-1] if ids else 0))
            remaining, count = struct.unpack_from("<HB", page)
            ids += [struct.unpack_from("<I", page, 3 + 13 * n)[0] for n in range(count)]
            if not remaining:
                return ids

    async def open(self, exam_id: int) -> tuple[int, int, int]:
        size, crc32, chunk = struct.unpack("<IIH", await self.ask(struct.pack("<BI", 2, exam_id)))
        return size, crc32, chunk

    async def start(self, offset: int, window: int) -> None:
        self.epoch = (self.epoch + 1) % 256
        self.met["start"] += 1
        await self.ask(struct.pack("<BBIH", 3, self.epoch, offset, window))

    async def fetch(
        self, exam_id: int, *, window: int = 16, held: bytearray | None = None, stop_at: int | None = None
    ) -> bytes:
        """The content; `held` is what an earlier connection left, and is filled as bytes come."""
        held = bytearray() if held is None else held
        size, crc32, chunk = await self.open(exam_id)
        await self.start(len(held), window)
        acknowledged = len(held)
        while len(held) < size:
            if stop_at is not None and len(held) >= stop_at:
                return bytes(held)
            if not await self._take(held):
                await self.start(len(held), window)
                acknowledged = len(held)
            elif len(held) - acknowledged >= (window + 1) // 2 * chunk or len(held) == size:
                acknowledged = len(held)
                await self.client.write_gatt_char(
                    CTRL, struct.pack("<BBI", 4, self.epoch, acknowledged), response=True
                )
        assert zlib.crc32(held) == crc32
        await self.ask(struct.pack("<BI", 5, crc32))
        return bytes(held)

    async def _take(self, held: bytearray) -> bool:
        """One packet into `held`, or dropped. False: start again at the bytes held."""
        try:
            packet = await asyncio.wait_for(self.packets.get(), self.silence_s)
        except TimeoutError:
            self.met["silence"] += 1
            return False
        epoch, offset, crc16 = struct.unpack_from("<BIH", packet)
        if binascii.crc_hqx(packet[:5] + packet[7:], 0xFFFF) != crc16:
            self.met["bad crc"] += 1
            return False
        if epoch != self.epoch or offset < len(held):
            self.met["stale"] += 1
            return True
        if offset > len(held):
            self.met["gap"] += 1
            return False
        held += packet[7:]
        return True


@dataclass
class Room:
    air: Air
    central: Central

    async def machine(self, *, faults: Faults | None = None, chunk_max: int = 180) -> Ultrasound:
        machine = Ultrasound(
            self.air, exams=[SMALL, LARGE], faults=faults or Faults(), chunk_max=chunk_max, address=ADDRESS
        )
        await machine.start()
        return machine

    async def gateway(self, *, subscribed: bool = True) -> Gateway:
        client = BleakClient(ADDRESS, backend=self.central.client, timeout=5)
        await client.connect()
        gateway = Gateway(client)
        if subscribed:
            await gateway.subscribe()
        return gateway


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with Air() as air:
        yield Room(air, await air.central("F0:F1:F2:F3:F4:F5"))


@pytest.fixture
async def small_mtu_room() -> AsyncIterator[Room]:
    async with Air() as air:
        yield Room(air, await air.central("F0:F1:F2:F3:F4:F5", mtu=23))


# -- without faults -----------------------------------------------------------------------------------


async def test_the_service_is_in_the_advertising_data(room: Room) -> None:
    await room.machine()
    device = await BleakScanner.find_device_by_filter(
        lambda _device, seen: SERVICE in seen.service_uuids, timeout=2, backend=room.central.scanner
    )
    assert device is not None
    assert device.name == "SIM-US"


async def test_info(room: Room) -> None:
    machine = await room.machine()
    gateway = await room.gateway()
    assert (
        await gateway.client.read_gatt_char(INFO)
    ).hex() == "01" + "b400" + "0200" + "02000000" + "01000000"
    machine.add_exam(SMALL)
    assert (await gateway.client.read_gatt_char(INFO))[3:9].hex() == "0300" + "03000000"


async def test_fetching_every_exam(room: Room) -> None:
    machine = await room.machine()
    gateway = await room.gateway()
    assert await gateway.list_ids() == [1, 2]
    assert await gateway.fetch(1) == SMALL.content
    assert machine.delivered_ids == [1]
    assert await gateway.fetch(2) == LARGE.content
    assert machine.delivered_ids == [1, 2]
    assert gateway.met == {"start": 2}


async def test_the_smallest_mtu(small_mtu_room: Room) -> None:
    await small_mtu_room.machine()
    gateway = await small_mtu_room.gateway()
    assert gateway.client.mtu_size == 23
    assert await gateway.list_ids() == [1, 2]
    assert (await gateway.open(1))[2] == 13
    assert await gateway.fetch(1) == SMALL.content


async def test_no_more_than_the_window_without_an_ack(room: Room) -> None:
    machine = await room.machine()
    gateway = await room.gateway()
    await gateway.open(2)
    await gateway.start(0, 5)
    await gateway.receive(5)
    assert machine.counts.packets_sent == 5


async def test_a_new_exam_while_connected(room: Room) -> None:
    machine = await room.machine()
    gateway = await room.gateway()
    await gateway.list_ids()
    added = machine.add_exam(make_exam(3, MADE_AT))
    assert await gateway.list_ids() == [1, 2, added]
    assert len(await gateway.fetch(added)) > 0


# -- faults -------------------------------------------------------------------------------------------


async def test_drops_and_bit_flips(room: Room) -> None:
    machine = await room.machine(faults=Faults(drop_rate=0.05, flip_rate=0.05, seed=4))
    gateway = await room.gateway()
    assert await gateway.fetch(2) == LARGE.content
    assert machine.counts.packets_dropped > 0
    assert machine.counts.packets_flipped > 0
    assert gateway.met["bad crc"] > 0
    assert gateway.met["gap"] + gateway.met["silence"] > 0


async def test_the_same_seed_makes_the_same_faults() -> None:
    counts = []
    for _ in range(2):
        async with Air() as air:
            room = Room(air, await air.central("F0:F1:F2:F3:F4:F5"))
            machine = await room.machine(faults=Faults(drop_rate=0.1, flip_rate=0.1, seed=5))
            gateway = await room.gateway()
            await gateway.open(2)
            await gateway.start(0, 60)
            for _ in range(200):  # each read lets the machine send some more
                await gateway.client.read_gatt_char(INFO)
            assert machine.counts.packets_sent == 60
            counts.append((machine.counts.packets_dropped, machine.counts.packets_flipped))
    assert counts[0] == counts[1]
    assert min(counts[0]) > 0


async def test_stale_packets_are_known_by_their_epoch(room: Room) -> None:
    await room.machine(faults=Faults(drop_rate=0.1, stale_packets=3, seed=6))
    gateway = await room.gateway()
    assert await gateway.fetch(2) == LARGE.content
    assert gateway.met["stale"] > 0


async def test_as_many_stale_packets_as_asked_for(room: Room) -> None:
    await room.machine(faults=Faults(stale_packets=40))
    gateway = await room.gateway()
    await gateway.open(2)
    await gateway.start(0, 60)  # far fewer than 40 packets fit between this and the next request
    await gateway.start(0, 1)
    received = [gateway.packets.get_nowait() for _ in range(gateway.packets.qsize())]
    assert 40 <= len([packet for packet in received if packet[0] == 1]) < 60


async def test_radio_loss_and_resume_from_where_it_was(room: Room) -> None:
    machine = await room.machine(faults=Faults(lose_radio_after_bytes=9000))
    held = bytearray()
    with pytest.raises((BleakError, TimeoutError)):
        await (await room.gateway()).fetch(2, held=held)
    had = len(held)
    assert 4000 < had <= 9180
    assert machine.last_disconnect_reason == 0x08
    before = machine.counts.payload_bytes
    again = await room.gateway()
    assert await again.fetch(2, held=held) == LARGE.content
    assert machine.counts.payload_bytes - before == len(LARGE.content) - had
    assert machine.counts.radio_losses == 1


async def test_a_new_connection_begins_with_nothing_open(room: Room) -> None:
    await room.machine()
    gateway = await room.gateway()
    await gateway.fetch(2, stop_at=1000)
    await gateway.client.disconnect()
    gateway = await room.gateway()
    with pytest.raises(Refused, match="4"):
        await gateway.start(1000, 4)


async def test_a_transfer_without_acks_is_abandoned_and_can_be_resumed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ultrasound, "_STALL_S", 0.05)
    machine = await room.machine()
    gateway = await room.gateway()
    await gateway.open(2)
    await gateway.start(0, 2)
    await gateway.receive(2)
    await asyncio.sleep(0.2)
    await gateway.client.write_gatt_char(CTRL, struct.pack("<BBI", 4, gateway.epoch, 180), response=True)
    await gateway.receive(0)
    await gateway.start(180, 2)
    await gateway.receive(2)
    assert machine.counts.packets_sent == 4


# -- refusals by ATT ----------------------------------------------------------------------------------


async def _att_code(gateway: Gateway, request: bytes) -> int | None:
    try:
        await gateway.client.write_gatt_char(CTRL, request, response=True)
    except BleakGATTProtocolError as error:
        return int(error.code)
    return None


async def test_requests_before_subscribing(room: Room) -> None:
    await room.machine()
    gateway = await room.gateway(subscribed=False)
    assert await _att_code(gateway, b"") == 0x0D
    assert await _att_code(gateway, b"\x06") == 0xFD
    assert await _att_code(gateway, b"\x04") is None
    await gateway.client.start_notify(CTRL, lambda _c, value: gateway.answers.put_nowait(bytes(value)))
    assert await gateway.open(1)
    assert await _att_code(gateway, struct.pack("<BBIH", 3, 1, 0, 1)) == 0xFD


async def test_a_request_before_the_answer_to_the_one_before(room: Room) -> None:
    await room.machine(faults=Faults(stale_packets=50))
    gateway = await room.gateway()
    await gateway.open(2)
    await gateway.start(0, 60)
    # Fifty packets still in flight hold the answer to this START up.
    assert await _att_code(gateway, struct.pack("<BBIH", 3, 99, 0, 1)) is None
    assert await _att_code(gateway, b"\x06") == 0xFE
    assert (await asyncio.wait_for(gateway.answers.get(), 1)).hex() == "83006300000000"
    assert await _att_code(gateway, b"\x06") is None
