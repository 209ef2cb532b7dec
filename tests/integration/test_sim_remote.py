"""The simulated air served to another process, which may be killed at any moment and come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from cunmai_sim import hci_server
from cunmai_sim.air import Air, Central, remote_central
from cunmai_sim.codec import CONTINUOUS, FEATURES, PLX_SERVICE
from cunmai_sim.hci_server import HciServer
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample

GATEWAY = "F0:F1:F2:F3:F4:F5"
SAMPLE = Sample(0.0, 97.5, 70.0, 1.2)

SIM = "from cunmai_sim.cli import app; app()"
CLIENT = f"""
import asyncio, sys
from bleak import BleakClient, BleakScanner
from cunmai_sim.air import remote_central

async def main():
    central = await remote_central(sys.argv[1], "{GATEWAY}")
    device = await BleakScanner.find_device_by_filter(
        lambda _, seen: "{PLX_SERVICE}" in seen.service_uuids, timeout=10, backend=central.scanner)
    client = BleakClient(device, backend=central.client)
    await client.connect()
    await client.start_notify("{CONTINUOUS}", lambda _, value: print(value.hex(), flush=True))
    await asyncio.Event().wait()

asyncio.run(main())
"""


class Program:
    """A Python program of ours and the lines it writes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), 20)).decode().strip()

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name."""
        while True:
            told: dict[str, Any] = json.loads(await self.line())
            if told["event"] == name:
                return told

    async def ended(self) -> tuple[int | None, str]:
        """Wait for its end: its status, and what it wrote to stderr."""
        _, errors = await asyncio.wait_for(self.process.communicate(), 10)
        return self.process.returncode, errors.decode()


Start = Callable[..., Awaitable[Program]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts Python programs, and ends those that the test leaves running."""
    started: list[Program] = []

    async def start_one(code: str, *arguments: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", code, *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(Program(process))
        return started[-1]

    yield start_one
    for program in started:
        if program.process.returncode is None:
            program.process.kill()
            await program.ended()


@dataclass
class Served:
    air: Air
    oximeter: Oximeter
    server: HciServer

    async def central(self) -> Central:
        return await remote_central(self.server.client_transport, GATEWAY)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with Air() as air:
        oximeter = Oximeter(air)
        await oximeter.start()
        yield Served(air, oximeter, await air.serve("tcp-server:127.0.0.1:0"))


async def _connect(central: Central) -> BleakClient:
    device = await BleakScanner.find_device_by_filter(
        lambda _device, seen: PLX_SERVICE in seen.service_uuids, timeout=5, backend=central.scanner
    )
    assert device is not None
    client = BleakClient(device, backend=central.client, timeout=5)
    await client.connect()
    return client


# -- two processes ------------------------------------------------------------------------------------


async def test_a_gateway_killed_amid_notifications_comes_back_and_goes_on(start: Start) -> None:
    simulator = await start(
        SIM,
        *("serve", "--scenario", "desaturation", "--loop", "--speed", "100", "--spot-every", "1"),
        *("--listen", "tcp-server:127.0.0.1:0", "--ultrasound"),
    )
    transport = (await simulator.event("listening"))["client"]
    for _ in range(3):
        gateway = await start(CLIENT, transport)
        assert (await simulator.event("host"))["connected"] is True
        frames = [await gateway.line() for _ in range(30)]
        assert all(len(bytes.fromhex(frame)) == 12 for frame in frames)
        gateway.process.send_signal(signal.SIGKILL)
        assert (await gateway.ended())[0] == -signal.SIGKILL
        assert (await simulator.event("host"))["connected"] is False
    simulator.process.send_signal(signal.SIGTERM)
    told = await simulator.event("ended")
    assert told["hosts_seen"] == 3
    assert told["continuous_sent"] >= 90
    assert await simulator.ended() == (0, "")


# -- one process, the same socket -----------------------------------------------------------------------


async def test_everything_works_through_the_socket(served: Served) -> None:
    central = await served.central()
    client = await _connect(central)
    got: list[str] = []
    await client.start_notify(CONTINUOUS, lambda _c, value: got.append(value.hex()))
    assert await served.oximeter.send_continuous(SAMPLE)
    assert (await client.read_gatt_char(FEATURES)).hex() == "4b002001000800"
    assert len(got) == 1
    await central.close()


async def test_a_host_that_vanishes_frees_the_peripheral(served: Served) -> None:
    central = await served.central()
    await _connect(central)
    gone = asyncio.Event()
    served.server.on_change = lambda connected: None if connected else gone.set()
    served.server.client.abort()  # type: ignore[union-attr]  # as the kernel does when a process dies
    await asyncio.wait_for(gone.wait(), 2)
    await asyncio.sleep(0)
    assert not served.oximeter.connected  # at once, not only when another host resets the controller
    client = await _connect(await served.central())
    assert client.is_connected
    assert served.oximeter.last_disconnect_reason == 0x08
    assert served.oximeter.connections_count == 2


async def test_a_host_killed_in_the_middle_of_a_packet_spoils_nothing(served: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    writer.write(bytes.fromhex("02010040"))  # the first half of an ACL packet's header
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await _connect(await served.central())).is_connected


async def test_a_second_host_takes_over(served: Served) -> None:
    first = await served.central()
    of_first = await _connect(first)
    of_second = await _connect(await served.central())
    assert of_second.is_connected
    assert not of_first.is_connected
    assert (await of_second.read_gatt_char(FEATURES)).hex() == "4b002001000800"


async def test_what_is_not_hci_is_turned_away(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()
    assert (await _connect(await served.central())).is_connected


async def test_a_host_that_does_not_read_is_dropped(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    central = await served.central()
    client = await _connect(central)
    await client.start_notify(CONTINUOUS, lambda _c, _value: None)
    gone = asyncio.Event()
    served.server.on_change = lambda connected: None if connected else gone.set()
    monkeypatch.setattr(hci_server, "_MAX_UNREAD_BYTES", -1)
    await served.oximeter.send_continuous(SAMPLE)
    await asyncio.wait_for(gone.wait(), 2)


async def test_the_gateway_learns_that_the_air_is_gone(served: Served) -> None:
    central = await served.central()
    lost = asyncio.Event()
    client = BleakClient(
        served.oximeter.address, backend=central.client, disconnected_callback=lambda _c: lost.set()
    )
    await client.connect()
    await served.air.close()
    await asyncio.wait_for(lost.wait(), 2)
    assert not client.is_connected
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner.discover(0.1, backend=central.scanner)
    with pytest.raises(BleakBluetoothNotAvailableError):
        await client.connect()
    await central.close()


async def test_a_connect_that_waits_learns_it_too(served: Served) -> None:
    central = await served.central()
    connecting = asyncio.ensure_future(
        BleakClient("F0:0D:00:00:99:99", backend=central.client, timeout=30).connect()
    )
    await asyncio.sleep(0.05)
    await served.air.close()
    with pytest.raises(BleakError):
        await asyncio.wait_for(connecting, 5)


async def test_nobody_serves_there(served: Served) -> None:
    transport = served.server.client_transport
    await served.air.close()
    with pytest.raises(ConnectionRefusedError):
        await remote_central(transport, GATEWAY)
