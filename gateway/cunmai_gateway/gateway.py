"""The gateway of one clinic, its pipeline in one place:

devices --measurements--> recorder --readings--> spool --envelopes--> uplink --> broker
                                                   ^---------receipts---------'
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version

import structlog

from cunmai_gateway.clocktrust import read_clock_trust
from cunmai_gateway.connector import Connector
from cunmai_gateway.devices import Devices, Heard
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.radio import Radio
from cunmai_gateway.readings import Draft, NotInContract, to_reading
from cunmai_gateway.settings import GatewaySettings
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_gateway.uplink import Identity, Uplink
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.logs import OnChange
from cunmai_wire.base import ClockTrust

QUEUE_MEASUREMENTS = 10_000
"""What a stalled disk may hold up in memory: over ten minutes of sixteen oximeters at 1 Hz."""
GROUP_READINGS = 256
_TRUST_EVERY_S = 10.0


class Gateway:
    """One gateway. `run()` until cancelled."""

    def __init__(
        self,
        settings: GatewaySettings,
        radio: Radio,
        *,
        clock: Clock = system_clock,
        trust: Callable[[], ClockTrust] = read_clock_trust,
        limits: LaneLimits | None = None,
    ) -> None:
        self._settings = settings
        self._radio = radio
        self._clock = clock
        self._read_trust = trust
        self._trust = trust()
        self._limits = limits
        self._queue: asyncio.Queue[Heard] = asyncio.Queue(maxsize=QUEUE_MEASUREMENTS)
        self._devices = Devices(settings, clock, self._hear, self._known)
        self.tally = self._devices.tally
        self._log = structlog.get_logger("gateway").bind(gateway=settings.gateway)
        self._changed = OnChange()
        self._spool = SpoolThread(lambda: Spool(settings.spool_path, created_ms=clock()))
        self._uplink: Uplink | None = None

    async def run(self) -> None:
        """Measure, store and send until cancelled. What was measured by then is on the disk."""
        stream = await self._spool.open()
        identity = Identity(self._settings.gateway, stream, f"cunmai-{version('cunmai')}")
        uplink = Uplink(
            self._settings.mqtt, identity, self._spool, self._clock, lambda: self._trust, limits=self._limits
        )
        self._uplink = uplink
        connector = Connector(self._radio, self._devices.attachments(), self._devices.condition)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(uplink.run())
                tasks.create_task(self._record(uplink))
                tasks.create_task(self._watch_clock())
                tasks.create_task(connector.run())
        finally:
            await self._store(self._waiting())
            await self._spool.close()

    @property
    def up(self) -> bool:
        """Connected to the broker."""
        return self._uplink is not None and self._uplink.up

    async def pending(self) -> int:
        """How many readings some consumer still owes a receipt for."""
        return await self._spool.use(lambda spool: spool.pending()) + self._queue.qsize()

    # -- from devices ---------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> bool:
        try:
            self._queue.put_nowait(heard)
        except asyncio.QueueFull:
            return False
        return True

    async def _known(self, key: str) -> bool:
        return await self._spool.use(lambda spool: spool.has_once(key))

    # -- to the spool -----------------------------------------------------------------------------------

    async def _record(self, uplink: Uplink) -> None:
        while True:
            group = [await self._queue.get(), *self._waiting()]
            last_seq = await self._store(group)
            uplink.appended(last_seq)

    def _waiting(self) -> list[Heard]:
        return [self._queue.get_nowait() for _ in range(min(self._queue.qsize(), GROUP_READINGS))]

    async def _store(self, group: list[Heard]) -> int:
        """Put a group on the disk, in one commit; the highest sequence number so far."""
        drafts = [draft for heard in group if (draft := self._draft(heard)) is not None]
        return await self._spool.use(lambda spool: (spool.append(drafts), spool.measured())[1])

    def _draft(self, heard: Heard) -> Draft | None:
        """The reading of one measurement; None, counted, where the contract would refuse it."""
        device, tally = heard.device, self.tally[heard.device.id]
        resident = None if heard.measurement.kind == "device_status" else device.resident
        try:
            draft = to_reading(
                heard.measurement, device=device.id, resident=resident, t_ms=heard.t_ms, clock=self._trust
            )
        except NotInContract as error:
            tally.malformed += 1
            if self._changed(f"contract {device.id}", str(error)):
                self._log.warning("gateway.not_in_contract", device=device.id, reason=str(error))
            return None
        tally.readings += 1
        if draft.kind == "ultrasound_exam":
            self._log.info("gateway.exam", device=device.id)
        return draft

    async def _watch_clock(self) -> None:
        while True:
            self._trust = self._read_trust()
            await asyncio.sleep(_TRUST_EVERY_S)
