"""Settings sent by the server while the gateway measures: over a simulated radio and a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from cunmai_gateway.gateway import Gateway
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.radio import Radio
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_runtime.mqtt import MqttSettings
from cunmai_sim.air import Air
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from cunmai_wire.base import ClockTrust
from support.broker import Mosquitto
from support.consumer_peer import ConsumerPeer

pytestmark = pytest.mark.server

GATEWAY = "cz-01"
FIRST = {"id": "oxi-1", "driver": "plx", "address": "F0:0D:00:00:18:01"}
SECOND = {"id": "oxi-2", "driver": "plx", "address": "F0:0D:00:00:18:02"}


class Clinic:
    """Two oximeters, of which the local file knows the first, and a server that the test speaks for."""

    def __init__(self, settings: GatewaySettings, radio: Radio, air: Air, peer: ConsumerPeer) -> None:
        self.first = Oximeter(air, address=FIRST["address"], name="SIM-OXI-1")
        self.second = Oximeter(air, address=SECOND["address"], name="SIM-OXI-2")
        self.peer = peer
        self._settings = settings
        self._radio = radio
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        gateway = Gateway(
            self._settings,
            self._radio,
            trust=lambda: ClockTrust.TRUSTED,
            limits=LaneLimits(resend_after_s=0.5),
        )
        self._running = asyncio.create_task(gateway.run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(40):
            while not condition():
                if self._running is not None and self._running.done():
                    self._running.result()
                await asyncio.to_thread(self.peer.collect)
        assert condition(), what

    def configure(self, id_: str, version: int, **configuration: Any) -> None:
        self.peer.command(GATEWAY, id=id_, command="configure", version=version, configuration=configuration)

    async def in_force(self, version: int) -> None:
        await self.until(
            lambda: any(state.get("configuration_version") == version for state in self.peer.states),
            f"version {version} is in force",
        )

    async def measure(self, oximeter: Oximeter, spo2_pct: float) -> dict[str, Any]:
        """Measure once; the reading as the server gets it."""
        await oximeter.send_continuous(Sample(0, spo2_pct, 72, 1.5))

        def came() -> list[dict[str, Any]]:
            return [reading for reading in self.peer.readings if reading.get("spo2_pct") == spo2_pct]

        await self.until(came, f"{spo2_pct} came")
        return came()[0]


async def heard(oximeter: Oximeter) -> None:
    await oximeter.until_subscribed(oximeter.continuous, oximeter.spot_check)


@pytest.fixture
async def clinic(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Clinic]:
    peer = ConsumerPeer(mosquitto.port)
    peer.start()
    settings = GatewaySettings(
        gateway=GATEWAY,
        data_dir=tmp_path,
        mqtt=MqttSettings(port=mosquitto.port),
        devices=(DeviceSettings.model_validate(FIRST),),
    )
    async with Air() as air:
        central = await air.central("F0:F1:F2:F3:F4:F5")
        clinic = Clinic(settings, Radio(central.scanner, central.client), air, peer)
        await clinic.first.start()
        await clinic.second.start()
        await clinic.until(lambda: peer.up, "the server is subscribed")
        await clinic.start()
        await heard(clinic.first)
        # The broker keeps nothing for a gateway that has never subscribed.
        await clinic.until(lambda: peer.states, "the gateway hears commands")
        yield clinic
        await clinic.stop()
    await asyncio.to_thread(peer.stop)


async def test_devices_come_and_go_and_the_others_keep_their_connection(clinic: Clinic) -> None:
    clinic.configure("c1", 1, devices=[FIRST, SECOND], assignments={"oxi-1": "R-7F3K"})
    await clinic.in_force(1)
    await heard(clinic.second)
    assert (await clinic.measure(clinic.second, 91))["device"] == "oxi-2"
    reading = await clinic.measure(clinic.first, 92)
    assert (reading["device"], reading["resident"]) == ("oxi-1", "R-7F3K")

    clinic.configure("c2", 2, assignments={"oxi-1": "R-2B2B"})
    await clinic.in_force(2)
    assert (await clinic.measure(clinic.first, 93))["resident"] == "R-2B2B"
    await clinic.until(
        lambda: any(
            (reading["device"], reading.get("reason")) == ("oxi-2", "reconfigured")
            for reading in clinic.peer.readings
        ),
        "the second is left",
    )
    assert clinic.first.connections_count == 1
    assert clinic.second.connections_count == 1


async def test_a_device_that_is_reached_otherwise_is_connected_anew(clinic: Clinic) -> None:
    clinic.configure("c1", 1, devices=[SECOND | {"id": "oxi-1"}])
    await clinic.in_force(1)
    await heard(clinic.second)
    assert (await clinic.measure(clinic.second, 91))["device"] == "oxi-1"
    assert clinic.first.connections_count == 1


async def test_a_refusal_reaches_the_server_and_nothing_changes(clinic: Clinic) -> None:
    clinic.configure("c1", 4, devices=[FIRST], data_dir="/elsewhere")
    await clinic.until(
        lambda: any("configuration_refused" in state for state in clinic.peer.states), "the refusal is told"
    )
    refused = clinic.peer.states[-1]["configuration_refused"]
    assert (refused["id"], refused["version"], refused["reason"]) == ("c1", 4, "not_remote")
    assert refused["detail"].startswith("data_dir 不能远程更改")
    assert "configuration_version" not in clinic.peer.states[-1]
    assert "resident" not in await clinic.measure(clinic.first, 92)
    assert clinic.first.connections_count == 1


async def test_after_a_restart_it_is_in_force_and_the_same_command_is_not_obeyed_again(
    clinic: Clinic,
) -> None:
    clinic.configure("c1", 1, assignments={"oxi-1": "R-7F3K"})
    await clinic.in_force(1)
    await clinic.stop()
    clinic.peer.states.clear()
    await clinic.start()
    await heard(clinic.first)
    await clinic.in_force(1)
    clinic.configure("c1", 1, assignments={"oxi-1": "R-XXXX"})
    clinic.configure("c2", 1, assignments={"oxi-1": "R-YYYY"})
    await clinic.until(
        lambda: any("configuration_refused" in state for state in clinic.peer.states), "the refusal is told"
    )
    assert clinic.peer.states[-1]["configuration_refused"]["id"] == "c2"
    assert clinic.peer.states[-1]["configuration_refused"]["reason"] == "same_version"
    assert (await clinic.measure(clinic.first, 92))["resident"] == "R-7F3K"
