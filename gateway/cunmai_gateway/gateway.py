"""The gateway of one clinic, its pipeline in one place:

devices --measurements--> recorder --readings--> spool --envelopes--> uplink --> broker
                                                   ^---------receipts---------'
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone
from importlib.metadata import version

import structlog

from cunmai_gateway.clocktrust import read_clock_trust
from cunmai_gateway.connector import Attachment, Connector
from cunmai_gateway.drivers.base import Driver, Sink
from cunmai_gateway.drivers.plx import PlxDriver
from cunmai_gateway.drivers.ultrasound import UltrasoundDriver
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.measurement import Measurement, NotClinical
from cunmai_gateway.radio import Radio
from cunmai_gateway.readings import Draft, NotInContract, to_reading
from cunmai_gateway.settings import DeviceSettings, DriverName, GatewaySettings
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_gateway.tally import Tally
from cunmai_gateway.uplink import Identity, Uplink
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.logs import OnChange
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import DeviceCondition

QUEUE_MEASUREMENTS = 10_000
"""What a stalled disk may hold up in memory: over ten minutes of sixteen oximeters at 1 Hz."""
GROUP_READINGS = 256
_TRUST_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A measurement, and when the radio brought it."""

    device: DeviceSettings
    measurement: Measurement
    t_ms: int


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
        self.tally: dict[str, Tally] = defaultdict(Tally)
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
        connector = Connector(self._radio, self._attachments(), self._device_condition)
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

    def _attachments(self) -> dict[str, Attachment]:
        return {
            device.id: Attachment(device, self._driver(device), self._sink(device))
            for device in self._settings.devices
        }

    def _driver(self, device: DeviceSettings) -> Driver:
        match device.driver:
            case DriverName.PLX:
                return PlxDriver()
            case DriverName.ULTRASOUND:
                zone = timezone(timedelta(minutes=self._settings.utc_offset_minutes))
                return UltrasoundDriver(device.id, zone)

    def _sink(self, device: DeviceSettings) -> Sink:
        def measured(outcome: Measurement | NotClinical) -> None:
            if isinstance(outcome, NotClinical):
                self.tally[device.id].not_clinical[outcome.reason] += 1
            else:
                self._hear(device, outcome)

        def malformed(frame_type: str, frame: bytes, reason: str) -> None:
            self.tally[device.id].malformed += 1
            if self._changed(f"malformed {device.id}", reason):
                self._log.warning(
                    "gateway.malformed", device=device.id, type=frame_type, frame=frame.hex(), reason=reason
                )

        async def known(key: str) -> bool:
            return await self._spool.use(lambda spool: spool.has_once(key))

        return Sink(measured, malformed, known)

    def _hear(self, device: DeviceSettings, measurement: Measurement) -> None:
        heard = Heard(device, measurement, self._clock())
        try:
            self._queue.put_nowait(heard)
        except asyncio.QueueFull:
            self.tally[device.id].overrun += 1
            if self._changed("overrun", device.id):
                self._log.error("gateway.overrun", device=device.id, todo="the disk does not keep up")

    def _device_condition(self, id_: str, condition: DeviceCondition, reason: str) -> None:
        device = next(device for device in self._settings.devices if device.id == id_)
        tally = self.tally[id_]
        if self._changed(f"condition {id_}", f"{condition} {reason}"):
            self._log.info("gateway.device", device=id_, condition=condition, reason=reason)
            values: dict[str, object] = {
                "condition": condition,
                "reason": reason[:64],
                "not_clinical_count": tally.not_clinical.total(),
                "malformed_count": tally.malformed,
            }
            self._hear(device, Measurement("device_status", values))

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
