"""The gateway of one clinic, its pipeline in one place:

devices --measurements--> recorder --readings--> spool --envelopes--> uplink --> broker
                                                   ^---------receipts---------'
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import structlog

from cunmai_gateway.clocktrust import ClockWatch, boot_clock_ms, read_clock_trust
from cunmai_gateway.commanded import drop_prompt
from cunmai_gateway.configuration import Configuration
from cunmai_gateway.devices import Devices, Heard
from cunmai_gateway.kiosk.around import Surroundings
from cunmai_gateway.kiosk.kiosk import Kiosk
from cunmai_gateway.kiosk.server import serve
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.notify import notify
from cunmai_gateway.observed import observed
from cunmai_gateway.own_state import known_until_ms
from cunmai_gateway.pulse import Pulse
from cunmai_gateway.radio import Radio
from cunmai_gateway.readings import Draft, NotInContract, to_reading
from cunmai_gateway.recorder import Recorder
from cunmai_gateway.reserve import open_with_reserve
from cunmai_gateway.settings import GatewaySettings
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_bounds import SpoolLimits
from cunmai_gateway.spool_damage import open_spool, replace_damaged
from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_gateway.stated import Identity, Stated
from cunmai_gateway.uplink import Uplink
from cunmai_gateway.vitals import VitalsCollector
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import OnChange
from cunmai_wire.base import ClockTrust
from cunmai_wire.commands import Configure, Prompt
from cunmai_wire.state import GatewayState

_LOOK_EVERY_S = 10.0


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
        self._configuration = Configuration(settings)
        self._settings = settings = self._configuration.in_force
        self._radio = radio
        self._clock = clock
        self._watch = ClockWatch(clock, trust, steady_ms=boot_clock_ms if clock is system_clock else None)
        self._limits = limits
        """A pace that no configuration changes: for tests."""
        self._devices = Devices(settings, clock, self._hear, self._known)
        self.tally = self._devices.tally
        self._log = structlog.get_logger("gateway").bind(gateway=settings.gateway)
        self._changed = OnChange()
        self._spool = _spool_of(settings, clock)
        self.recorder = Recorder(self._spool, self._draft, self._stored)
        self._uplink: Uplink | None = None
        self._vitals = VitalsCollector()
        self.kiosk = None if settings.kiosk is None else self._make_kiosk(settings.kiosk)

    async def run(self) -> None:
        """Measure, store and send until cancelled. What was measured by then is on the disk."""
        with observed(self._settings.metrics_port, self._vitals):
            await self._run()

    async def _run(self) -> None:
        stream = await self._open_spool()
        identity = Identity(self._settings.gateway, f"cunmai-{version('cunmai')}")
        stated = Stated(identity, self._watch, stream)
        self._state_configuration(stated)
        configure = partial(self._configure, stated)
        uplink = Uplink(
            self._settings.mqtt,
            stated,
            self._spool,
            configure,
            prompt=self._prompt,
            renew=self._renew,
            limits=self._pace(),
        )
        self._uplink = uplink
        if self.kiosk is not None:
            await self.kiosk.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(uplink.run())
                tasks.create_task(self.recorder.run())
                tasks.create_task(self._look_at_the_clock())
                tasks.create_task(self._devices.run(self._radio, self._watch.trust))
                tasks.create_task(
                    Pulse(self._spool, self.recorder, stated, self._vitals).run(lambda: self.up)
                )
                if self.kiosk is not None:
                    tasks.create_task(self.kiosk.watch())
                    tasks.create_task(serve(self.kiosk))
        finally:
            notify("STOPPING=1")
            await self.recorder.finish()
            if self.kiosk is not None:
                await self.kiosk.close()
            await self._spool.close()

    async def _open_spool(self) -> str:
        try:
            return await self._spool.open()
        except (SpoolUnavailable, OSError) as error:
            raise UserError(
                f"暂存打不开, 无法测量: {error}\nthe spool in {self._settings.data_dir} cannot be opened; what to do: "
                "cunmai gateway doctor"
            ) from error

    @property
    def up(self) -> bool:
        """Connected to the broker."""
        return self._uplink is not None and self._uplink.up

    async def pending(self) -> int:
        """How many readings some consumer still owes a receipt for."""
        return await self._spool.use(lambda spool: spool.pending()) + self.recorder.waiting

    # -- from devices ---------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> bool:
        return self.recorder.hear(heard, self._watch.trust())

    async def _known(self, key: str) -> bool:
        return await self._spool.use(lambda spool: spool.has_once(key))

    # -- to the spool -----------------------------------------------------------------------------------

    def _stored(self, stream: str, last_seq: int) -> None:
        if self._uplink is not None:
            self._uplink.appended(stream, last_seq)

    def _draft(self, heard: Heard, trust: ClockTrust) -> Draft | None:
        """The reading of one measurement; None, counted, where the contract would refuse it."""
        device, tally = heard.device, self.tally[heard.device.id]
        resident = None if heard.measurement.kind == "device_status" else self._resident(heard)
        try:
            draft = to_reading(
                heard.measurement,
                device=device.id,
                resident=resident,
                t_ms=heard.t_ms,
                clock=heard.clock or trust,
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

    def _resident(self, heard: Heard) -> str | None:
        if self.kiosk is None:
            return heard.device.resident
        # A time by a clock that was never compared with ours does not say who was checked in then.
        t_ms = heard.t_ms if heard.clock is None else None
        return self.kiosk.resident_of(heard.device.id, heard.device.resident, t_ms)

    def _make_kiosk(self, settings: KioskSettings) -> Kiosk:
        around = Surroundings(
            self._spool,
            self._clock,
            trust=self._watch.trust,
            up=lambda: self.up,
            appended=self._stored,
            fault=lambda: self.recorder.fault,
        )
        kiosk = Kiosk(settings, self._settings.data_dir, _assignments(self._settings), around)
        self.recorder.listeners.append(
            lambda heard: kiosk.heard(heard.device.id, heard.measurement, heard.t_ms)
        )
        self.recorder.append = kiosk.append
        self._devices.on_not_clinical = kiosk.nothing
        return kiosk

    async def _look_at_the_clock(self) -> None:
        """So that a jump is seen though nothing is measured, and the spool knows how many days it has run."""
        while True:
            now = self._watch.stamp()
            note = partial(Spool.note_day, t_ms=now.t_ms, trusted=now.trust is ClockTrust.TRUSTED)
            with contextlib.suppress(SpoolUnavailable):
                await self._spool.use(note)
            await asyncio.sleep(_LOOK_EVERY_S)

    # -- from the server --------------------------------------------------------------------------------

    async def _configure(self, stated: Stated, command: Configure) -> None:
        """Take a configuration, or tell the server why not. What is being measured goes on."""
        if await asyncio.to_thread(self._configuration.take, command):
            self._settings = self._configuration.in_force
            self._devices.configure(self._settings)
            if self.kiosk is not None:
                self.kiosk.configure(_assignments(self._settings))
            if self._uplink is not None:
                self._uplink.set_limits(self._pace())
        self._state_configuration(stated)
        if self._uplink is not None:
            self._uplink.announce()

    async def _renew(self, ahead: GatewayState) -> tuple[str, int]:
        """The spool is an old copy: begin a new stream. What the page could correct had the old numbers."""
        now_ms = self._clock()
        until_ms = known_until_ms(ahead, now_ms)

        def renew(spool: Spool) -> tuple[str, int]:
            old = spool.renew(known_until_ms=until_ms, now_ms=now_ms)
            if self.kiosk is not None:
                self.kiosk.forget_stream(spool, old)
            return spool.stream, spool.measured()

        return await self._spool.use(renew)

    def _prompt(self, prompt: Prompt) -> None:
        if self.kiosk is not None:
            self.kiosk.prompt(prompt)
        else:
            drop_prompt(prompt)

    def _state_configuration(self, stated: Stated) -> None:
        stated.configuration_version = self._configuration.version
        stated.configuration_refused = self._configuration.refused

    def _pace(self) -> LaneLimits:
        uplink = self._settings.uplink
        return self._limits or LaneLimits(uplink.backlog_readings_per_s, uplink.resend_after_s)


def _assignments(settings: GatewaySettings) -> dict[str, str | None]:
    return {device.id: device.resident for device in settings.devices}


def _spool_of(settings: GatewaySettings, clock: Clock) -> SpoolThread:
    path = settings.spool_path
    limits = SpoolLimits(settings.spool.max_mb << 20, settings.spool.max_days)
    return SpoolThread(
        lambda: open_with_reserve(path, lambda: open_spool(path, created_ms=clock(), limits=limits)),
        replace_damaged=lambda fault: replace_damaged(path, fault, now_ms=clock(), limits=limits),
    )
