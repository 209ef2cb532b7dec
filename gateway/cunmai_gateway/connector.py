"""The connector: finds the clinic's devices, connects to each, and runs its driver until the link drops.

One radio operation at a time: scan until a wanted device is heard, stop scanning, connect. Adapters do
both at once badly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.drivers.base import Driver, Sink
from cunmai_gateway.radio import Radio
from cunmai_gateway.settings import DeviceSettings
from cunmai_runtime.logs import OnChange
from cunmai_wire.readings import DeviceCondition

SCAN_S = 10.0
CONNECT_TIMEOUT_S = 30.0
RETRY_MIN_S = 1.0
RETRY_MAX_S = 60.0

_LINK_ERRORS = (BleakError, TimeoutError, EOFError, OSError, Malformed)


@dataclass(frozen=True)
class Attachment:
    """One device with its driver and the sink for what it says."""

    device: DeviceSettings
    driver: Driver
    sink: Sink


@dataclass
class _Link:
    """How things stand with one device."""

    task: asyncio.Task[None] | None = None
    retry_at_s: float = 0.0
    retry_wait_s: float = RETRY_MIN_S
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def wanted(self, now_s: float) -> bool:
        return self.task is None and now_s >= self.retry_at_s


class Connector:
    """Keeps every attached device connected."""

    def __init__(
        self,
        radio: Radio,
        attachments: Mapping[str, Attachment],
        on_condition: Callable[[str, DeviceCondition, str], None],
    ) -> None:
        """`on_condition` is told of each device: connected, or disconnected and why."""
        self._radio = radio
        self._attachments = attachments
        self._on_condition = on_condition
        self._links = {id_: _Link() for id_ in attachments}
        self._log = structlog.get_logger("radio")
        self._changed = OnChange()

    async def run(self) -> None:
        """Scan, connect and reconnect until cancelled; then disconnect from everything."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                found = await self._scan()
                for id_, device in found.items():
                    await self._connect(id_, device, tasks)

    def connected(self) -> set[str]:
        """Ids of the devices that are connected now."""
        return {id_ for id_, link in self._links.items() if link.task is not None}

    # -- finding ------------------------------------------------------------------------------------

    async def _scan(self) -> dict[str, BLEDevice]:
        """Listen until a wanted device is heard; those heard by then. Empty where none is wanted or heard."""
        wanted = {id_ for id_, link in self._links.items() if link.wanted(time.monotonic())}
        if not wanted:
            await asyncio.sleep(RETRY_MIN_S / 2)
            return {}
        found: dict[str, BLEDevice] = {}
        heard_one = asyncio.Event()

        def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            for id_ in wanted - found.keys():
                if _matches(self._attachments[id_].device, device, advertisement):
                    found[id_] = device
                    heard_one.set()

        try:
            async with self._radio.scan(heard), asyncio.timeout(SCAN_S):
                await heard_one.wait()
        except TimeoutError:
            return {}
        except _LINK_ERRORS as error:
            if self._changed("scan", str(error)):
                self._log.error("radio.scan_failed", error=str(error), todo="cunmai gateway doctor")
            await asyncio.sleep(RETRY_MIN_S)
        return found

    # -- connecting ---------------------------------------------------------------------------------

    async def _connect(self, id_: str, device: BLEDevice, tasks: asyncio.TaskGroup) -> None:
        link = self._links[id_]
        link.lost = asyncio.Event()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                client = await self._radio.connect(device, id_, link.lost.set)
        except _LINK_ERRORS as error:
            self._failed(id_, f"connect: {_text(error)}")
            return
        link.task = tasks.create_task(self._drive(id_, client))

    async def _drive(self, id_: str, client: BleakClient) -> None:
        """Run the driver until the link drops, the device misbehaves, or we are cancelled."""
        link, attachment = self._links[id_], self._attachments[id_]
        self._on_condition(id_, DeviceCondition.CONNECTED, "connected")
        began_s = time.monotonic()
        driving = asyncio.create_task(attachment.driver.run(client, attachment.sink))
        losing = asyncio.create_task(link.lost.wait())
        try:
            await asyncio.wait({driving, losing}, return_when=asyncio.FIRST_COMPLETED)
            reason = _reason(driving)
            if time.monotonic() - began_s > RETRY_MAX_S:
                link.retry_wait_s = RETRY_MIN_S
            self._failed(id_, reason)
        finally:
            await _end(driving, losing)
            await _disconnect(client)
            link.task = None

    def _failed(self, id_: str, reason: str) -> None:
        link = self._links[id_]
        link.retry_at_s = time.monotonic() + link.retry_wait_s
        link.retry_wait_s = min(2 * link.retry_wait_s, RETRY_MAX_S)
        self._on_condition(id_, DeviceCondition.DISCONNECTED, reason)


def _reason(driving: asyncio.Task[None]) -> str:
    """Why a drive ended. Anything but a link error is a fault of ours, and is raised."""
    if not driving.done():
        return "link lost"
    error = driving.exception()
    if error is None:
        return "driver finished"
    if isinstance(error, _LINK_ERRORS):
        return _text(error)
    raise error


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _end(*tasks: asyncio.Task[object] | asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnect(client: BleakClient) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.disconnect()
    except _LINK_ERRORS:
        return  # it is gone already, which is what we wanted


def _matches(wanted: DeviceSettings, device: BLEDevice, advertisement: AdvertisementData) -> bool:
    if wanted.address is not None:
        return device.address.upper() == wanted.address.upper()
    return wanted.name is not None and wanted.name == (advertisement.local_name or device.name)
