"""Viatom O2Ring, CheckO2, SleepO2: asked every two seconds, by the command that their firmware knows."""

from __future__ import annotations

import asyncio

from bleak import BleakClient

from cunmai_gateway.decoders.vendors import viatom_oxy
from cunmai_gateway.drivers.base import DriverSpec, Sink, WrongDevice
from cunmai_gateway.drivers.listening import Channel, Ear, has
from cunmai_gateway.drivers.uuids import uuid_of
from cunmai_gateway.measurement import Outcome

_WRITE = "8B00ACE7-EB0B-49B0-BBE9-9AEE0A26E1A3"
_NOTIFY = "0734594A-A8E7-4B1A-A6B1-CD5243059A57"
ASK_EVERY_S = 2.0
ANSWER_TIMEOUT_S = 5.0
_COMMANDS = ((viatom_oxy.CMD_REALTIME, "VIATOM-OXY-RT"), (viatom_oxy.CMD_READ, "VIATOM-OXY-READ"))
"""Newer firmware first. An answer does not say what it answers, so the format goes with the question."""


class O2RingDriver:
    """Finds the command that is answered, and keeps to it."""

    async def run(self, client: BleakClient, sink: Sink) -> None:
        if not has(client, _NOTIFY) or not has(client, _WRITE):
            raise WrongDevice("no O2Ring service: another make of device")
        for command, format_name in _COMMANDS:
            await self._ask_with(command, format_name, client, sink)
        raise WrongDevice("it answers neither of the commands that this driver knows")

    async def _ask_with(self, command: int, format_name: str, client: BleakClient, sink: Sink) -> None:
        """Ask with one command until it is left unanswered."""
        answered = asyncio.Event()

        def measured(outcome: Outcome) -> None:
            answered.set()
            sink.measured(outcome)

        ear = Ear(Channel(_NOTIFY, format_name), sink, client.name, measured)
        await client.start_notify(uuid_of(_NOTIFY), ear.hear)
        try:
            while True:
                answered.clear()
                for piece in viatom_oxy.pieces(viatom_oxy.request(command)):
                    await client.write_gatt_char(uuid_of(_WRITE), piece)
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await answered.wait()
                await asyncio.sleep(ASK_EVERY_S)
        except TimeoutError:
            await client.stop_notify(uuid_of(_NOTIFY))


SPEC = DriverSpec(
    name="o2ring",
    title_zh="Viatom O2Ring 血氧指环",
    title_en="Viatom O2Ring, CheckO2 or SleepO2",
    make=lambda _setting: O2RingDriver(),
    names=(r"O2Ring", r"CheckO2", r"Check02", r"SleepO2", r"SleepU", r"O2M", r"WearO2", r"OxyLink"),
    services=("14839AC4-7D7E-415C-9A42-167340CF2339",),
    silent_after_s=60.0,
)
