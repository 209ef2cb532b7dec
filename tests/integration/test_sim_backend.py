"""The unmodified bleak API over the simulated air: what a gateway meets, pleasant or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDeviceNotFoundError,
    BleakError,
)
from bleak_retry_connector import establish_connection
from bumble import hci

from cunmai_sim.air import Air, Central
from cunmai_sim.codec import CONTINUOUS, FEATURES, PLX_SERVICE, SPOT_CHECK
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.radio import Radio
from cunmai_sim.scenario import Sample
from cunmai_sim.ultrasound import Ultrasound

GATEWAY, OTHER = "F0:F1:F2:F3:F4:F5", "F0:F1:F2:F3:F4:F6"
ABSENT = "F0:0D:00:00:99:99"
SAMPLE = Sample(0.0, 97.5, 70.0, 1.2)


@pytest.fixture
async def air() -> AsyncIterator[Air]:
    async with Air() as made:
        yield made


@pytest.fixture
async def central(air: Air) -> Central:
    return await air.central(GATEWAY)


@pytest.fixture
async def oximeter(air: Air) -> Oximeter:
    made = Oximeter(air)
    await made.start()
    return made


async def _find(central: Central, **kwargs: Any) -> BLEDevice | None:
    return await BleakScanner.find_device_by_filter(
        lambda _device, seen: PLX_SERVICE in seen.service_uuids,
        timeout=5,
        backend=central.scanner,
        **kwargs,
    )


async def _connect(central: Central, device: BLEDevice | str = "F0:0D:00:00:18:22") -> BleakClient:
    client = BleakClient(device, backend=central.client, timeout=5)
    await client.connect()
    return client


# -- scanning ---------------------------------------------------------------------------------------


async def _heard(scanner: BleakScanner) -> tuple[BLEDevice, AdvertisementData]:
    """The next advertisement that this scanner hears."""
    async with asyncio.timeout(5):
        async for heard in scanner.advertisement_data():
            return heard
    raise AssertionError("the scanner ended")


async def test_a_scan_tells_name_services_and_strength(central: Central, oximeter: Oximeter) -> None:
    async with BleakScanner(backend=central.scanner) as scanner:
        device, seen = await _heard(scanner)
    assert (device.address, device.name) == ("F0:0D:00:00:18:22", "SIM-OXI")
    assert seen.service_uuids == [PLX_SERVICE]
    assert -100 < seen.rssi < 0


async def test_a_scan_filters_by_service(air: Air, central: Central, oximeter: Oximeter) -> None:
    assert await _find(central, service_uuids=[PLX_SERVICE]) is not None
    heart_rate = "0000180d-0000-1000-8000-00805f9b34fb"
    assert await BleakScanner.discover(0.3, service_uuids=[heart_rate], backend=central.scanner) == []


async def test_two_scanners_share_one_radio(central: Central, oximeter: Oximeter) -> None:
    async with BleakScanner(backend=central.scanner) as first:
        async with BleakScanner(backend=central.scanner) as second:
            await _heard(first)
            await _heard(second)
        await _heard(first)  # the second one's stop has not stopped the first
    assert [device.address for device in second.discovered_devices] == ["F0:0D:00:00:18:22"]


async def test_a_connected_peripheral_does_not_advertise(
    air: Air, central: Central, oximeter: Oximeter
) -> None:
    client = await _connect(central)
    assert await BleakScanner.discover(0.3, backend=(await air.central(OTHER)).scanner) == []
    await client.disconnect()
    assert await _find(central) is not None


# -- connecting -------------------------------------------------------------------------------------


async def test_services_as_bluez_would_tell_them(central: Central, oximeter: Oximeter) -> None:
    client = await _connect(central)
    assert client.mtu_size == 517
    continuous = client.services.get_characteristic(CONTINUOUS)
    assert continuous is not None
    assert continuous.properties == ["notify"]
    assert continuous.max_write_without_response_size == 514
    (descriptor,) = continuous.descriptors
    assert descriptor.uuid.startswith("00002902")
    # The declaration's handle, two below the descriptor's: declaration, value, descriptor.
    assert descriptor.handle - continuous.handle == 2
    spot = client.services.get_characteristic(SPOT_CHECK)
    assert spot is not None
    assert spot.properties == ["indicate"]


async def test_the_retry_connector_works_as_it_is(central: Central, oximeter: Oximeter) -> None:
    device = await _find(central)
    assert device is not None
    gone = asyncio.Event()
    client = await establish_connection(
        BleakClient, device, "oximeter", lambda _client: gone.set(), backend=central.client
    )
    assert client.is_connected
    assert (await client.read_gatt_char(FEATURES)).hex() == "4b002001000800"
    oximeter.lose_radio()
    await asyncio.wait_for(gone.wait(), 2)
    again = await establish_connection(BleakClient, device, "oximeter", backend=central.client)
    assert again.is_connected


async def test_only_the_wanted_services(central: Central, oximeter: Oximeter) -> None:
    client = BleakClient("F0:0D:00:00:18:22", services=[PLX_SERVICE], backend=central.client)
    async with client:
        assert [service.uuid for service in client.services] == [PLX_SERVICE]


async def test_an_address_never_seen_is_not_found(central: Central) -> None:
    with pytest.raises(BleakDeviceNotFoundError):
        await BleakClient(ABSENT, backend=central.client, timeout=0.2).connect()


async def test_a_known_device_that_is_gone_times_out(central: Central, oximeter: Oximeter) -> None:
    device = await _find(central)
    assert device is not None
    await oximeter.vanish()
    with pytest.raises(TimeoutError):
        await BleakClient(device, backend=central.client, timeout=0.2).connect()


async def test_after_an_absent_device_others_can_be_connected(central: Central, oximeter: Oximeter) -> None:
    """Without a working cancel, the controller refuses every later connection."""
    for _ in range(2):
        with pytest.raises(BleakDeviceNotFoundError):
            await BleakClient(ABSENT, backend=central.client, timeout=0.1).connect()
    assert (await _connect(central)).is_connected


@pytest.mark.parametrize("rounds", [0, 1, 2, 5, 20])
async def test_a_cancelled_connect_leaves_nothing_pending(
    central: Central, oximeter: Oximeter, rounds: int
) -> None:
    attempt = asyncio.ensure_future(BleakClient(ABSENT, backend=central.client, timeout=5).connect())
    for _ in range(rounds):
        await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert (await _connect(central)).is_connected


async def test_connects_at_once_take_turns(air: Air, central: Central) -> None:
    oximeters = [Oximeter(air, address=f"F0:0D:00:00:18:{n:02X}", name=f"OXI-{n}") for n in range(8)]
    for oximeter in oximeters:
        await oximeter.start()
    clients = await asyncio.gather(*(_connect(central, oximeter.address) for oximeter in oximeters))
    assert all(client.is_connected for client in clients)
    assert all(oximeter.connected for oximeter in oximeters)


async def test_two_centrals_cannot_both_win_one_peripheral(air: Air, oximeter: Oximeter) -> None:
    centrals = [await air.central(GATEWAY), await air.central(OTHER)]
    clients = [BleakClient(oximeter.address, backend=c.client, timeout=0.5) for c in centrals]
    results = await asyncio.gather(*(client.connect() for client in clients), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["BleakDeviceNotFoundError", "NoneType"]
    assert sorted(client.is_connected for client in clients) == [False, True]
    winner = next(client for client in clients if client.is_connected)
    assert await winner.read_gatt_char(FEATURES)


async def test_disconnecting_twice_or_before_connecting_is_nothing(
    central: Central, oximeter: Oximeter
) -> None:
    client = BleakClient(oximeter.address, backend=central.client)
    states = []
    for step in (client.disconnect, client.connect, client.disconnect, client.disconnect, client.connect):
        await step()
        states.append(client.is_connected)
    assert states == [False, True, False, False, True]


# -- values -----------------------------------------------------------------------------------------


async def test_stopping_notifications(central: Central, oximeter: Oximeter) -> None:
    client = await _connect(central)
    got: list[bytearray] = []
    await client.start_notify(CONTINUOUS, lambda _c, value: got.append(value))
    assert await oximeter.send_continuous(SAMPLE)
    await client.stop_notify(CONTINUOUS)  # its answer comes after the notification
    assert not await oximeter.send_continuous(SAMPLE)
    assert len(got) == 1


async def test_thousands_of_notifications_arrive_in_order(central: Central, oximeter: Oximeter) -> None:
    client = await _connect(central)
    got: list[bytes] = []
    await client.start_notify(CONTINUOUS, lambda _c, value: got.append(bytes(value)))
    sent = [number.to_bytes(4, "big") * 3 for number in range(2000)]
    for frame in sent:
        assert await oximeter.send_raw(frame)
    await client.read_gatt_char(FEATURES)  # comes after them on the same link
    assert got == sent


# -- losing -----------------------------------------------------------------------------------------


async def test_radio_loss_reaches_both_ends_as_a_timeout(central: Central, oximeter: Oximeter) -> None:
    client = await _connect(central)
    reasons: asyncio.Queue[int] = asyncio.Queue()
    client._backend._connection.once("disconnection", reasons.put_nowait)  # type: ignore[attr-defined]
    oximeter.lose_radio()
    assert await asyncio.wait_for(reasons.get(), 2) == 0x08
    await asyncio.sleep(0)
    assert oximeter.last_disconnect_reason == 0x08
    assert (client.is_connected, oximeter.connected) == (False, False)


async def test_losing_a_link_amid_traffic_leaves_no_complaint_in_the_log(
    central: Central, oximeter: Oximeter, caplog: pytest.LogCaptureFixture
) -> None:
    client = await _connect(central)
    await client.start_notify(CONTINUOUS, lambda _c, _value: None)
    for _ in range(100):
        await oximeter.send_continuous(SAMPLE)
    oximeter.lose_radio()
    await _connect(central)
    assert caplog.records == []


async def test_a_request_that_meets_radio_loss_is_an_error_not_a_cancellation(
    central: Central, oximeter: Oximeter
) -> None:
    client = await _connect(central)
    reading = asyncio.ensure_future(client.read_gatt_char(FEATURES))
    await asyncio.sleep(0)
    oximeter.lose_radio()
    with pytest.raises(BleakError, match="disconnected"):
        await reading


async def test_a_cancelled_request_stays_a_cancellation(central: Central, oximeter: Oximeter) -> None:
    client = await _connect(central)
    reading = asyncio.ensure_future(client.read_gatt_char(FEATURES))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_vanished_means_not_heard_until_it_appears(central: Central, oximeter: Oximeter) -> None:
    client = await _connect(central)
    await oximeter.vanish()
    assert not oximeter.connected
    assert not client.is_connected
    assert await BleakScanner.discover(0.3, backend=central.scanner) == []
    await oximeter.appear()
    assert await _find(central) is not None


async def test_a_peripheral_that_hangs_up(central: Central, oximeter: Oximeter) -> None:
    gone = asyncio.Event()
    client = BleakClient(
        oximeter.address, backend=central.client, disconnected_callback=lambda _c: gone.set()
    )
    await client.connect()
    await oximeter.hang_up()
    await asyncio.wait_for(gone.wait(), 2)
    assert (await _connect(central)).is_connected
    assert not client.is_connected


async def test_a_restarted_host_resets_its_controller(air: Air, oximeter: Oximeter) -> None:
    """A host killed with a link up, a scan on and a connection pending; another takes its controller."""
    controller = air.controller("adapter")
    killed = await Radio.power_on(GATEWAY, controller, controller)
    await killed.connect(hci.Address(oximeter.address), timeout_s=2)
    await killed.device.start_scanning()
    pending = asyncio.ensure_future(killed.device.connect(hci.Address(ABSENT), timeout=None))
    await asyncio.sleep(0.05)
    was_pending = controller.pending_le_connection is not None

    restarted = await Radio.power_on(GATEWAY, controller, controller)

    assert was_pending
    assert controller.pending_le_connection is None
    assert not controller.le_scan_enable
    assert not controller.le_connections
    await restarted.connect(hci.Address(oximeter.address), timeout_s=2)
    assert oximeter.last_disconnect_reason == 0x08
    assert oximeter.connections_count == 2
    pending.cancel()
    await asyncio.wait({pending})
    await restarted.close()


async def test_centrals_in_one_process_are_apart(air: Air) -> None:
    oximeters = [Oximeter(air, address=f"F0:0D:00:00:18:{n:02X}", name=f"OXI-{n}") for n in range(2)]
    for oximeter in oximeters:
        await oximeter.start()
    first, second = await air.central(GATEWAY), await air.central(OTHER)
    of_first, of_second = (
        await _connect(first, oximeters[0].address),
        await _connect(second, oximeters[1].address),
    )
    await first.close()
    assert not of_first.is_connected
    assert of_second.is_connected
    with pytest.raises(BleakBluetoothNotAvailableError):
        await _connect(first, oximeters[0].address)


async def test_closing_the_air_disconnects_silences_and_leaves_no_task() -> None:
    air = Air()
    central = await air.central(GATEWAY)
    oximeter, machine = Oximeter(air), Ultrasound(air)
    await oximeter.start()
    await machine.start()
    clients = [await _connect(central, device.address) for device in (oximeter, machine)]
    await air.close()
    assert [client.is_connected for client in clients] == [False, False]
    assert not oximeter.connected
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner.discover(0.1, backend=central.scanner)
    await air.close()
