"""A real gateway under load, without a radio: run as a process, killed, and run again by fault tests.

A nursery process imports everything once and forks a gateway for each line on its standard input, so that
hundreds of starts cost seconds. The line says how many readings a second; the answer is the child's number.

Every number that the spool gives out is printed after the append has returned, with the value that was
measured: what a killed gateway owes. Each measurement has a time of its own, so that one that is stored
twice under two numbers shows.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from unittest import mock

from cunmai_gateway.cli import until_signal
from cunmai_gateway.devices import Heard
from cunmai_gateway.gateway import Gateway
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.radio import Radio
from cunmai_gateway.readings import Draft
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_gateway.spool import Spool
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import OximetryMode

GATEWAY = "cz-01"
_DEVICE = DeviceSettings(id="oxi-1", driver="plx", address="F0:0D:00:00:18:22")
_TICK_S = 0.02


class SayingSpool(Spool):
    """Says what it has stored, in one write, so that a kill never cuts a line."""

    def append(self, drafts: Iterable[Draft], *, not_stored: Mapping[int, int] | None = None) -> list[int]:
        group = list(drafts)
        seqs = super().append(group, not_stored=not_stored)
        lines = [f"{self.stream} {seq} {draft.t_ms}\n" for seq, draft in zip(seqs, group, strict=True)]
        os.write(1, "".join(lines).encode())
        return seqs


async def load(gateway: Gateway, readings_per_s: int) -> None:
    """Measurements as from a radio, each at a millisecond of its own."""
    last_ms = 0
    due_s = time.monotonic()
    while True:
        due_s += 1 / readings_per_s
        last_ms = max(last_ms + 1, time.time_ns() // 1_000_000)
        values = {"mode": OximetryMode.CONTINUOUS, "spo2_pct": 97.0, "pulse_bpm": 72.0}
        gateway.recorder.hear(Heard(_DEVICE, Measurement("oximetry", values), last_ms), ClockTrust.TRUSTED)
        if due_s > time.monotonic():
            await asyncio.sleep(max(_TICK_S, due_s - time.monotonic()))


async def run(folder: Path, port: int, readings_per_s: int) -> None:
    settings = GatewaySettings(gateway=GATEWAY, data_dir=folder, mqtt=MqttSettings(port=port))
    gateway = Gateway(
        settings,
        Radio(),
        trust=lambda: ClockTrust.TRUSTED,
        limits=LaneLimits(sweep_readings_per_s=2000, resend_after_s=1.0, full_pass_at_most_every_s=4.0),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(gateway.run())
        if readings_per_s:
            tasks.create_task(load(gateway, readings_per_s))


def nursery(folder: Path, port: int) -> None:
    """Until standard input ends; the last gateway is stopped in good order then."""
    child = 0
    for line in sys.stdin:
        if child:
            os.waitpid(child, 0)  # the test has killed it
        child = os.fork()
        if child == 0:
            asyncio.run(until_signal(partial(run, folder, port, int(line))))
            os._exit(0)
        os.write(1, f"child {child}\n".encode())
    if child:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    configure_logging(level="ERROR")
    with mock.patch("cunmai_gateway.spool_damage.Spool", SayingSpool):
        nursery(Path(sys.argv[1]), int(sys.argv[2]))
