"""The other simulated devices, heard by bleak: health services, stored records, makers' oximeters."""

# ruff: noqa: DTZ001 (a device's own clock knows no zone)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakGATTProtocolError

from cunmai_sim.air import Air, Central
from cunmai_sim.codec_health import BloodPressure, encode_blood_pressure
from cunmai_sim.common_services import DeviceClock
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.scenario import Sample
from cunmai_sim.sensors import GlucoseMeter, cuff
from cunmai_sim.vendor_oximeters import BERRY, CONTEC, PC60, YUWELL, Make, VendorOximeter

AT = datetime(2025, 11, 22, 10, 30, 5)


def uuid(short: str) -> str:
    return f"0000{short.lower()}-0000-1000-8000-00805f9b34fb" if len(short) == 4 else short.lower()


class Bench:
    """One device and one client, with what the client was sent, in order."""

    def __init__(self, air: Air, central: Central) -> None:
        self.air = air
        self._central = central
        self.heard: list[tuple[str, str]] = []
        self.lost = asyncio.Event()
        self._came = asyncio.Event()

    async def connect(self, device: Peripheral, *characteristics: str) -> BleakClient:
        await device.start()
        client = BleakClient(
            device.address,
            disconnected_callback=lambda _client: self.lost.set(),
            backend=self._central.client,
        )
        await client.connect()
        for name in characteristics:
            await self.listen(client, name)
        return client

    async def listen(self, client: BleakClient, name: str) -> None:
        def hear(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            self.heard.append((name, value.hex()))
            self._came.set()

        await client.start_notify(uuid(name), hear)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                self._came.clear()
                await self._came.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with Air() as air:
        yield Bench(air, await air.central("F0:F1:F2:F3:F4:F5"))


async def test_a_cuff_indicates_and_has_battery_information_and_a_clock(bench: Bench) -> None:
    clock = DeviceClock(datetime(2000, 1, 1))
    device = cuff(bench.air, clock=clock)
    client = await bench.connect(device, "2A35")
    assert await device.send(encode_blood_pressure(BloodPressure(120, 80, 93)))
    assert bench.heard == [("2A35", "00780050005d00")]
    assert (await client.read_gatt_char(uuid("2A19"))).hex() == "57"
    assert await client.read_gatt_char(uuid("2A29")) == b"Cunmai"
    assert (await client.read_gatt_char(uuid("2A2B"))).hex() == "d0070101000000" + "06" + "0000"
    await client.write_gatt_char(uuid("2A2B"), bytes.fromhex("e9070b160a1e05060000"), response=True)
    assert clock.written == [AT]
    with pytest.raises(BleakGATTProtocolError):
        await client.write_gatt_char(uuid("2A2B"), bytes(10), response=True)


async def test_a_meter_sends_records_and_their_contexts_when_asked(bench: Bench) -> None:
    meter = GlucoseMeter(bench.air)
    meter.measure(5.4, AT)
    meter.measure(6.1, AT, meal=1)
    client = await bench.connect(meter, "2A18", "2A34", "2A52")
    await client.write_gatt_char(uuid("2A52"), b"\x01\x01", response=True)
    await bench.until(4)
    assert [name for name, _ in bench.heard] == ["2A18", "2A18", "2A34", "2A52"]
    assert bench.heard[2:] == [("2A34", "02020001"), ("2A52", "06000101")]


async def test_stored_spot_checks_stop_where_the_radio_is_lost(bench: Bench) -> None:
    oximeter = Oximeter(bench.air, storing=True)
    for spo2_pct in (97, 96, 95):
        oximeter.store(Sample(0, spo2_pct, 72, None), AT)
    oximeter.access.lose_radio_after_records = 2
    client = await bench.connect(oximeter, "2A5E", "2A52")
    await client.write_gatt_char(uuid("2A52"), b"\x01\x01", response=True)
    await bench.until(2)
    await bench.lost.wait()
    # flags: timestamp and status; 97, 72; the moment; fully qualified and from storage
    assert bench.heard[0] == ("2A5E", "03" + "61004800" + "e9070b160a1e05" + "0003")
    assert len(bench.heard) == 2
    await client.connect()
    await bench.listen(client, "2A5E")
    await bench.listen(client, "2A52")
    await client.write_gatt_char(uuid("2A52"), b"\x01\x01", response=True)
    await bench.until(6)
    assert bench.heard[2:] == [*bench.heard[:2], bench.heard[4], ("2A52", "06000101")]


@pytest.mark.parametrize("make", [YUWELL, BERRY, PC60], ids=lambda make: make.name)
async def test_a_makers_oximeter_sends_when_it_is_listened_to(bench: Bench, make: Make) -> None:
    oximeter = VendorOximeter(bench.air, make)
    assert not await oximeter.send(Sample(0, 97, 72, 1.5))
    client = await bench.connect(oximeter, make.notify)
    assert await oximeter.send(Sample(0, 96, 71, 1.5))
    await client.read_gatt_char(uuid("2A00"))  # answered after what was notified
    assert bench.heard == [(make.notify, make.frame(Sample(0, 96, 71, 1.5)).hex())]


async def test_a_contec_sends_only_between_start_and_stop(bench: Bench) -> None:
    oximeter = VendorOximeter(bench.air, CONTEC)
    client = await bench.connect(oximeter, CONTEC.notify)
    await client.write_gatt_char(uuid("FF01"), bytes.fromhex("9a1a"))  # a keepalive starts nothing
    assert not await oximeter.send(Sample(0, 96, 71, 1.5))
    await client.write_gatt_char(uuid("FF01"), bytes.fromhex("9b011c"), response=True)
    assert await oximeter.send(Sample(0, 96, 71, 1.5))
    await client.write_gatt_char(uuid("FF01"), bytes.fromhex("9b7f1a"), response=True)
    assert not await oximeter.send(Sample(0, 96, 71, 1.5))
    assert oximeter.unheard == 2
