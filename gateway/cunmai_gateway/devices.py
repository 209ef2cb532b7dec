"""Every device of the clinic: its driver, what it says, and how it is doing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone

import structlog

from cunmai_gateway.connector import Attachment
from cunmai_gateway.drivers.base import Setting, Sink
from cunmai_gateway.drivers.registry import driver_specs
from cunmai_gateway.measurement import Measurement, NotClinical
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_gateway.tally import Tally
from cunmai_runtime.clock import Clock
from cunmai_runtime.logs import OnChange
from cunmai_wire.readings import DeviceCondition

_MAX_REASON = 64


@dataclass(frozen=True, slots=True)
class Heard:
    """A measurement, and when it was taken: when the radio brought it, unless the device said when."""

    device: DeviceSettings
    measurement: Measurement
    t_ms: int


class Devices:
    """What the connector attaches to, and what the devices are told to be."""

    def __init__(
        self,
        settings: GatewaySettings,
        clock: Clock,
        hear: Callable[[Heard], bool],
        known: Callable[[str], Awaitable[bool]],
    ) -> None:
        """`hear` takes a measurement and says whether there was room for it; `known` is `Sink.known`."""
        self._settings = settings
        self._by_id: Mapping[str, DeviceSettings] = {device.id: device for device in settings.devices}
        self._clock = clock
        self._hear = hear
        self._known = known
        self.tally: dict[str, Tally] = defaultdict(Tally)
        self._log = structlog.get_logger("gateway").bind(gateway=settings.gateway)
        self._changed = OnChange()

    def attachments(self) -> dict[str, Attachment]:
        """One per device: its driver lives as long as the gateway runs."""
        zone = timezone(timedelta(minutes=self._settings.utc_offset_minutes))
        specs = driver_specs()
        return {
            id_: Attachment(
                device, specs[device.driver].make(Setting(id_, zone, self._clock)), self._sink(device)
            )
            for id_, device in self._by_id.items()
        }

    def condition(self, id_: str, condition: DeviceCondition, reason: str) -> None:
        """Log and publish how a device is doing, where that has changed."""
        tally = self.tally[id_]
        if not self._changed(f"condition {id_}", f"{condition} {reason}"):
            return
        self._log.info("gateway.device", device=id_, condition=condition, reason=reason)
        values: dict[str, object] = {
            "condition": condition,
            "reason": reason[:_MAX_REASON],
            "not_clinical_count": tally.not_clinical.total(),
            "malformed_count": tally.malformed,
        }
        self._take(self._by_id[id_], Measurement("device_status", values))

    # -- from a driver ------------------------------------------------------------------------------

    def _sink(self, device: DeviceSettings) -> Sink:
        def measured(outcome: Measurement | NotClinical) -> None:
            if isinstance(outcome, NotClinical):
                self.tally[device.id].not_clinical[outcome.reason] += 1
            else:
                self._take(device, outcome)

        def malformed(frame_type: str, frame: bytes, reason: str) -> None:
            self.tally[device.id].malformed += 1
            if self._changed(f"malformed {device.id}", reason):
                self._log.warning(
                    "gateway.malformed", device=device.id, type=frame_type, frame=frame.hex(), reason=reason
                )

        return Sink(measured, malformed, self._known)

    def _take(self, device: DeviceSettings, measurement: Measurement) -> None:
        if self._hear(Heard(device, measurement, self._clock())):
            return
        self.tally[device.id].overrun += 1
        if self._changed("overrun", device.id):
            self._log.error("gateway.overrun", device=device.id, todo="the disk does not keep up")
