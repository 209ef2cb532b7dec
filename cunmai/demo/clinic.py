"""One simulated clinic: virtual devices, what they play, and a real gateway that hears them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cunmai_gateway.gateway import Gateway
from cunmai_gateway.kiosk.entering import assessment, respiration
from cunmai_gateway.kiosk.identify import Refusal
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.radio import Radio
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_runtime.clock import Clock
from cunmai_runtime.mqtt import MqttSettings
from cunmai_sim.air import Air
from cunmai_sim.exam import make_exam
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.player import Player
from cunmai_sim.scenario import Sample, endless, finger_off, in_turn, stable
from cunmai_sim.ultrasound import Ultrasound
from cunmai_wire.readings import Consciousness

_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class ClinicPlan:
    """What one clinic is and does. `samples` are played once, from the moment the oximeter is heard."""

    number: int
    gateway: str
    name: str
    resident: str
    samples: Callable[[], Iterable[Sample]]
    ultrasound: bool = False
    kiosk_port: int | None = None
    """Where the page for measuring is; it comes with an oximeter that is nobody's own."""

    @property
    def oximeter_address(self) -> str:
        return f"F0:0D:00:00:18:{self.number:02X}"

    @property
    def kiosk_address(self) -> str:
        return f"F0:0D:00:00:19:{self.number:02X}"

    @property
    def ultrasound_address(self) -> str:
        return f"F0:0D:00:00:55:{self.number:02X}"

    def settings(self, folder: Path, mqtt: MqttSettings) -> GatewaySettings:
        """The gateway's configuration, as its file would have it."""
        devices = [
            DeviceSettings(
                id=f"oximeter-{self.number}",
                driver="plx",
                address=self.oximeter_address,
                resident=self.resident,
            )
        ]
        if self.ultrasound:
            devices.append(
                DeviceSettings(
                    id=f"ultrasound-{self.number}",
                    driver="ultrasound",
                    address=self.ultrasound_address,
                )
            )
        if self.kiosk_port is not None:
            devices.append(DeviceSettings(id="shared-oximeter", driver="plx", address=self.kiosk_address))
        return GatewaySettings(
            gateway=self.gateway,
            data_dir=folder / self.gateway,
            mqtt=mqtt,
            devices=tuple(devices),
            kiosk=None if self.kiosk_port is None else KioskSettings(port=self.kiosk_port, altitude_m=40),
        )


class Clinic:
    """`run()` until cancelled; `stop_playing()` first, so that everything measured can drain."""

    def __init__(self, plan: ClinicPlan, settings: GatewaySettings, clock: Clock, speed: float) -> None:
        self.plan = plan
        self.settings = settings
        self._clock = clock
        self._speed = speed
        self._playing: list[asyncio.Task[None]] = []
        self._gateway: Gateway | None = None
        self.played_out = asyncio.Event()
        """Set when the samples have come to their end."""

    async def run(self) -> None:
        """Power the devices, run the gateway, play. Everything is closed at the end."""
        async with Air() as air:
            oximeter = Oximeter(air, address=self.plan.oximeter_address, name=f"SIM-OXI-{self.plan.number}")
            await oximeter.start()
            if self.plan.ultrasound:
                exam = make_exam(self.plan.number, datetime.now(_CHINA))
                machine = Ultrasound(
                    air,
                    exams=[exam],
                    address=self.plan.ultrasound_address,
                    name=f"SIM-US-{self.plan.number}",
                )
                await machine.start()
            shared = Oximeter(air, address=self.plan.kiosk_address, name=f"SIM-KIOSK-{self.plan.number}")
            if self.plan.kiosk_port is not None:
                await shared.start()
            central = await air.central(f"F0:F1:00:00:00:{self.plan.number:02X}")
            self._gateway = Gateway(self.settings, Radio(central.scanner, central.client), clock=self._clock)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._gateway.run())
                self._playing = [tasks.create_task(self._play(oximeter))]
                if self.plan.kiosk_port is not None:
                    self._playing.append(tasks.create_task(self._play_visits(shared)))

    async def _play(self, oximeter: Oximeter) -> None:
        await oximeter.until_subscribed(oximeter.continuous, oximeter.spot_check)
        player = Player(oximeter, speed=self._speed, spot_every_s=10)
        await player.play(self.plan.samples())
        self.played_out.set()

    async def _play_visits(self, oximeter: Oximeter) -> None:
        """At the kiosk one finger follows another, for whoever checks in on the page."""
        await oximeter.until_subscribed(oximeter.continuous)
        await self._look_at_the_resident()
        fingers = endless(lambda: in_turn(stable(seed=3, duration_s=40), finger_off(duration_s=20)))
        await Player(oximeter, speed=self._speed).play(fingers)

    async def _look_at_the_resident(self) -> None:
        """A nurse counts the breaths of this clinic's resident and looks, as the page under 观察记录 has it."""
        kiosk = None if self._gateway is None else self._gateway.kiosk
        if kiosk is None or isinstance(kiosk.check_in(self.plan.resident), Refusal):
            return
        began_ms = kiosk.state()["session"]["began_ms"]
        for number, seen in enumerate((respiration(16), assessment(Consciousness.ALERT, False, None, None))):
            if isinstance(seen, Measurement):
                await kiosk.entries.observe(seen, key=f"demo-{number}-{began_ms}", began_ms=began_ms)
        kiosk.check_out()

    def stop_playing(self) -> None:
        """No new frames from now on."""
        for playing in self._playing:
            playing.cancel()

    @property
    def up(self) -> bool:
        """The gateway is connected to the broker."""
        return self._gateway is not None and self._gateway.up

    async def pending(self) -> int:
        """How many readings some consumer still owes a receipt for."""
        return 0 if self._gateway is None else await self._gateway.pending()
