"""A gateway on a radio lab, without a broker: what it measured is read off its spool."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cunmai_gateway.gateway import Gateway
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_gateway.stack import Stack
from cunmai_gateway.tally import Tally
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.mqtt import MqttSettings
from cunmai_sim.peripheral import Peripheral
from cunmai_wire.base import ClockTrust
from support.radio_lab import RadioLab
from support.servers import free_port


class RadioBench:
    """Start a gateway for some devices, and look at what it has."""

    def __init__(self, folder: Path, lab: RadioLab) -> None:
        self.lab = lab
        self.air = lab.air
        self._radio = lab.radio
        self._folder = folder
        self._mqtt = MqttSettings(port=free_port())
        self._running: asyncio.Task[None] | None = None
        self.gateway: Gateway | None = None

    def use_stack(self, stack: Stack) -> None:
        """Let the recovery ladder work on this."""
        self._radio = replace(self.lab.radio, stack=stack)

    async def start(
        self,
        *devices: DeviceSettings,
        clock: Clock = system_clock,
        trust: ClockTrust = ClockTrust.TRUSTED,
    ) -> None:
        """Start a gateway, or another one on the same spool."""
        settings = GatewaySettings(gateway="cz-01", data_dir=self._folder, mqtt=self._mqtt, devices=devices)
        self.gateway = Gateway(settings, self._radio, clock=clock, trust=lambda: trust)
        self._running = asyncio.create_task(self.gateway.run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    def tally(self, device: str) -> Tally:
        assert self.gateway is not None
        return self.gateway.tally[device]

    def readings(self, kind: str | None = None, device: str | None = None) -> list[dict[str, Any]]:
        """What is on the spool, oldest first, each with its `seq`."""
        path = self._folder / "spool.sqlite"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            try:
                rows = db.execute("SELECT seq, body FROM reading ORDER BY seq").fetchall()
            except sqlite3.OperationalError:
                return []
        every = [{"seq": seq, **json.loads(body)} for seq, body in rows]
        return [
            reading
            for reading in every
            if kind in (None, reading["kind"]) and device in (None, reading["device"])
        ]

    def conditions(self, device: str) -> list[str]:
        return [reading["condition"] for reading in self.readings("device_status", device)]

    async def until(self, condition: Callable[[], object], what: str, timeout_s: float = 20) -> None:
        """Wait for a condition, or fail saying what was waited for, or with the gateway's own failure."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s * self.lab.patience):
                while not condition():
                    if self._running is not None and self._running.done():
                        self._running.result()
                    await asyncio.sleep(0.02)
        assert condition(), f"not within {timeout_s} s: {what}; {self.readings()[-3:]}"


def listed(peripheral: Peripheral, id_: str, driver: str, **more: Any) -> DeviceSettings:
    """A peripheral as the gateway's configuration names it."""
    return DeviceSettings(id=id_, driver=driver, address=peripheral.address, **more)
