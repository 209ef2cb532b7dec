"""Every device of the clinic: its driver, what it says, and how it is doing."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta, timezone

import structlog

from cunmai_gateway.connector import Connector
from cunmai_gateway.device_metrics import DEVICE_CONNECTED, DEVICE_SILENT, FRAMES
from cunmai_gateway.drivers.base import DriverSpec, Setting, Sink
from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.greeting import Greeter
from cunmai_gateway.interpret.placing import place
from cunmai_gateway.link import Attachment
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason
from cunmai_gateway.radio import Radio
from cunmai_gateway.report import Report, heard_again, silent
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_gateway.silence import Hearing, Verdict, judge, silent_since_s
from cunmai_gateway.tally import Tally
from cunmai_runtime.clock import Clock
from cunmai_runtime.logs import OnChange
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import DeviceCondition

OLDEST_RECORD_MS = 90 * 24 * 3_600_000
"""As far back as anything of this system goes."""
LOG_MALFORMED_EVERY_S = 10.0
"""A device that sends rubbish sends much of it."""
_SILENCE_EVERY_S = 1.0
_MOST_FORMER = 256


@dataclass(frozen=True, slots=True)
class Heard:
    """A measurement, and when it was taken: when the radio brought it, unless the device said when."""

    device: DeviceSettings
    measurement: Measurement
    t_ms: int
    clock: ClockTrust | None = None
    """How far `t_ms` can be believed, where it is the device's word; None: as far as our own clock."""


@dataclass
class _Standing:
    """How one device is doing."""

    heard_s: float
    connected_s: float | None = None
    told_silent: bool = False
    log_malformed_s: float = 0.0
    ahead_ms: int | None = None
    """How far the device's clock was ahead of ours when it connected."""


class Devices:
    """What the connector attaches to, and what the devices are told to be."""

    def __init__(
        self,
        settings: GatewaySettings,
        clock: Clock,
        hear: Callable[[Heard], bool],
        known: Callable[[str], Awaitable[bool]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hear` takes a measurement and says whether there was room for it; `known` is `Sink.known`."""
        self._gateway = settings.gateway
        self._zone = clinic_zone(settings)
        self._by_id: dict[str, DeviceSettings] = {}
        self._former: dict[str, DeviceSettings] = {}
        """Devices that were taken off the list: what they still say while they are left is theirs."""
        self._specs: dict[str, DriverSpec] = {}
        self._attachments: dict[str, Attachment] = {}
        self._connector: Connector | None = None
        self._clock = clock
        self._monotonic = monotonic
        self._hear = hear
        self._known = known
        self._standing: dict[str, _Standing] = {}
        self._told: dict[str, Tally] = defaultdict(Tally)
        self.tally: dict[str, Tally] = defaultdict(Tally)
        self.on_not_clinical: Callable[[str, NotClinicalReason], None] = lambda _id, _reason: None
        """Told of every frame that measures nobody."""
        self._log = structlog.get_logger("gateway").bind(gateway=settings.gateway)
        self._changed = OnChange()
        self.configure(settings)

    def configure(self, settings: GatewaySettings) -> None:
        """From now on these devices. Where driver, address and name are as before, the connection stays."""
        before = self._by_id
        self._by_id = {device.id: device for device in settings.devices}
        former = [*(self._former | before).items()][-_MOST_FORMER:]
        self._former = {id_: device for id_, device in former if id_ not in self._by_id}
        known = self._former.keys() | self._by_id.keys()
        self._standing = {id_: standing for id_, standing in self._standing.items() if id_ in known}
        attachments = {}
        for id_, device in self._by_id.items():
            self._standing.setdefault(id_, _Standing(self._monotonic()))
            same = id_ in before and _how_reached(before[id_]) == _how_reached(device)
            attachments[id_] = self._attachments[id_] if same else self._attach(device)
        self._attachments = attachments
        if self._connector is not None:
            self._connector.change(attachments)

    async def run(self, radio: Radio, trust: Callable[[], ClockTrust]) -> None:
        """Keep every device connected, and watch for silence, until cancelled."""
        greeter = Greeter(self._clock, self._zone, trust)
        connector = self._connector = Connector(radio, self._attachments, self.report, greeter)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(connector.run())
            tasks.create_task(self._watch(connector))

    async def _watch(self, connector: Connector) -> None:
        while True:
            await asyncio.sleep(_SILENCE_EVERY_S)
            for id_ in self.watch_silence():
                connector.drop(id_)

    def _attach(self, device: DeviceSettings) -> Attachment:
        """Its driver lives until the device is configured otherwise."""
        spec = self._specs[device.id] = driver_specs()[device.driver]
        driver = spec.make(Setting(device.id, self._zone, self._clock))
        return Attachment(device, driver, self._sink(device.id), self._heard_s(device.id))

    def _device(self, id_: str) -> DeviceSettings:
        return self._by_id[id_] if id_ in self._by_id else self._former[id_]

    def report(self, id_: str, report: Report) -> None:
        """Log and publish how a device is doing, where that has changed."""
        standing = self._standing[id_]
        if report.condition is DeviceCondition.CONNECTED:
            standing.connected_s = standing.connected_s or self._monotonic()
            standing.ahead_ms = report.ahead_ms if report.ahead_ms is not None else standing.ahead_ms
        elif report.condition is not DeviceCondition.SILENT:
            standing.connected_s = None
        DEVICE_CONNECTED.labels(self._gateway, id_).set(standing.connected_s is not None)
        if not self._changed(f"condition {id_}", report.text):
            return
        self._log.info("gateway.device", device=id_, condition=report.condition, reason=report.reason)
        values = report.fields() | self._counts_since_last(id_)
        self._hear_now(self._device(id_), Measurement("device_status", values))

    def watch_silence(self) -> list[str]:
        """Tell of devices that have fallen silent, and of those that are back. Call it every second or so.

        Returns those that are connected and silent: their links are better left.
        """
        dead_links = []
        for id_ in self._by_id:
            standing = self._standing[id_]
            hearing = self._hearing(id_)
            verdict = judge(hearing, self._monotonic())
            if verdict is Verdict.SILENT:
                standing.told_silent = True
                self.report(id_, silent(self._monotonic() - (silent_since_s(hearing) or 0)))
                if standing.connected_s is not None:
                    dead_links.append(id_)
            elif verdict is Verdict.BACK:
                standing.told_silent = False
                self.report(id_, heard_again())
            DEVICE_SILENT.labels(self._gateway, id_).set(standing.told_silent)
        return dead_links

    def _hearing(self, id_: str) -> Hearing:
        standing = self._standing[id_]
        return Hearing(
            self._by_id[id_].expected_every_s,
            self._specs[id_].silent_after_s,
            standing.heard_s,
            standing.connected_s,
            standing.told_silent,
        )

    def _heard_s(self, id_: str) -> Callable[[], float]:
        return lambda: self._standing[id_].heard_s

    def _counts_since_last(self, id_: str) -> dict[str, object]:
        """What the contract wants beside a status: the frames since the last one that became no reading."""
        now, told = self.tally[id_], self._told[id_]
        counts = {
            "not_clinical_count": now.not_clinical.total() - told.not_clinical.total(),
            "malformed_count": now.malformed - told.malformed,
        }
        self._told[id_] = Tally(not_clinical=now.not_clinical.copy(), malformed=now.malformed)
        return dict(counts)

    # -- from a driver ------------------------------------------------------------------------------

    def _sink(self, id_: str) -> Sink:
        def measured(outcome: Measurement | NotClinical) -> None:
            alive()
            if isinstance(outcome, NotClinical):
                self._not_clinical(id_, outcome.reason)
                self.on_not_clinical(id_, outcome.reason)
            else:
                self._count(id_, "measured")
                self._place(self._device(id_), outcome)

        def malformed(frame_type: str, frame: bytes, reason: str) -> None:
            self.tally[id_].malformed += 1
            self._count(id_, "malformed")
            standing, now_s = self._standing[id_], self._monotonic()
            if now_s >= standing.log_malformed_s and self._changed(f"malformed {id_}", reason):
                standing.log_malformed_s = now_s + LOG_MALFORMED_EVERY_S
                self._log.warning(
                    "gateway.malformed", device=id_, type=frame_type, frame=frame.hex(), reason=reason
                )

        def alive() -> None:
            self._standing[id_].heard_s = self._monotonic()

        return Sink(measured, malformed, alive, self._known)

    def _not_clinical(self, id_: str, reason: NotClinicalReason) -> None:
        self.tally[id_].not_clinical[reason] += 1
        self._count(id_, "not_clinical")

    def _count(self, id_: str, outcome: str) -> None:
        FRAMES.labels(self._gateway, id_, outcome).inc()

    def _place(self, device: DeviceSettings, measurement: Measurement) -> None:
        """A stored record bears its own time, a live one ours."""
        now_ms = self._clock()
        placed = place(
            measurement,
            device=device.id,
            received_ms=now_ms,
            zone=self._zone,
            device_ahead_ms=self._standing[device.id].ahead_ms,
        )
        if now_ms - placed.t_ms > OLDEST_RECORD_MS:
            self._not_clinical(device.id, NotClinicalReason.TOO_OLD)
            return
        self._take(Heard(device, placed.measurement, placed.t_ms, placed.clock))

    def _hear_now(self, device: DeviceSettings, measurement: Measurement) -> None:
        self._take(Heard(device, measurement, self._clock()))

    def _take(self, heard: Heard) -> None:
        if self._hear(heard):
            return
        id_ = heard.device.id
        self.tally[id_].overrun += 1
        self._count(id_, "overrun")
        if self._changed("overrun", id_):
            self._log.error("gateway.overrun", device=id_, todo="the disk does not keep up")


def _how_reached(device: DeviceSettings) -> tuple[object, ...]:
    return device.driver, device.address, device.name


def clinic_zone(settings: GatewaySettings) -> timezone:
    """The clinic's own zone, for devices that tell a time without one."""
    return timezone(timedelta(minutes=settings.utc_offset_minutes))
