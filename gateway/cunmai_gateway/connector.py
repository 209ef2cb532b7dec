"""The connector: finds the clinic's devices, connects to each, and runs its driver until the link drops.

One radio operation at a time: scan until a wanted device is heard, stop scanning, connect. Adapters do
both at once badly. What goes wrong climbs the recovery ladder (`recovery.py`, `mender.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

import structlog
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.drivers.base import WrongDevice
from cunmai_gateway.greeting import Facts, Greeter
from cunmai_gateway.link import Attachment, Link, matches
from cunmai_gateway.mender import Mender
from cunmai_gateway.radio import Radio
from cunmai_gateway.recovery import Step, Trouble
from cunmai_gateway.report import Report, connected, disconnected, faulty, recovered
from cunmai_runtime.logs import OnChange

SCAN_S = 10.0
CONNECT_TIMEOUT_S = 30.0
DISCONNECT_TIMEOUT_S = 10.0
PAUSE_S = 1.0
DEAF_AFTER_S = 1800.0
WORKS_S = 600.0
"""A device that was heard so recently works: no step on the adapter may disturb it."""

LINK_ERRORS = (BleakError, TimeoutError, EOFError, OSError, Malformed)


class Connector:
    """Keeps every attached device connected."""

    def __init__(
        self,
        radio: Radio,
        attachments: Mapping[str, Attachment],
        on_report: Callable[[str, Report], None],
        greeter: Greeter,
    ) -> None:
        """`on_report` is told of each device: connected, disconnected and why, at fault, steps of recovery."""
        self._radio = radio
        self._attachments = attachments
        self._on_report = on_report
        self._greeter = greeter
        self._links = {id_: Link() for id_ in attachments}
        self._facts: dict[str, Facts] = {}
        self._mender = Mender(radio.stack)
        self._scan_failures = 0
        self._heard_any_s = time.monotonic()
        self._log = structlog.get_logger("radio")
        self._changed = OnChange()

    async def run(self) -> None:
        """Scan, connect and reconnect until cancelled; then disconnect from everything."""
        await self._drop_leftovers()
        async with asyncio.TaskGroup() as tasks:
            while True:
                found = await self._scan()
                # Those that fail must not keep those that work waiting.
                for id_ in sorted(found, key=lambda id_: self._links[id_].failures):
                    await self._connect(id_, *found[id_], tasks)
                    _heed_cancellation()

    def connected(self) -> set[str]:
        """Ids of the devices that are connected now."""
        return {id_ for id_, link in self._links.items() if link.task is not None}

    def change(self, attachments: Mapping[str, Attachment]) -> None:
        """From now on these devices. One whose attachment is the same object keeps its connection."""
        before, self._attachments = self._attachments, attachments
        for id_, link in list(self._links.items()):
            if attachments.get(id_) is before.get(id_):
                continue
            if link.task is not None:
                link.lose("reconfigured")
            elif id_ not in attachments:
                del self._links[id_]
        for id_ in attachments:
            self._links.setdefault(id_, Link())

    def drop(self, id_: str) -> None:
        """A link over which nothing comes any more: leave it and connect anew."""
        link = self._links[id_]
        if link.task is not None:
            link.lose("silent")

    async def _drop_leftovers(self) -> None:
        """A gateway that was killed leaves its links with the stack, and a connected device does not advertise."""
        addresses = [each.device.address for each in self._attachments.values() if each.device.address]
        await asyncio.gather(*(self._radio.stack.perform(Step.DISCONNECT, one) for one in addresses))

    # -- finding ------------------------------------------------------------------------------------

    async def _scan(self) -> dict[str, tuple[BLEDevice, int]]:
        """Listen until a wanted device is heard; those heard by then, each with its signal strength."""
        attachments = self._attachments
        wanted = {id_ for id_ in attachments if self._links[id_].wanted(time.monotonic())}
        if not wanted:
            await asyncio.sleep(PAUSE_S / 2)
            return {}
        found: dict[str, tuple[BLEDevice, int]] = {}
        heard_one = asyncio.Event()

        def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            self._heard_any_s = time.monotonic()
            for id_ in wanted - found.keys():
                if matches(attachments[id_].device, device, advertisement):
                    found[id_] = (device, advertisement.rssi)
                    heard_one.set()

        try:
            async with self._radio.scan(heard):
                self._scan_failures = 0
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SCAN_S):
                        await heard_one.wait()
        except LINK_ERRORS as error:
            await self._scan_failed(error)
            return {}
        if not found:
            await self._perhaps_deaf()
        # They may have been configured otherwise meanwhile.
        return {id_: who for id_, who in found.items() if self._attachments.get(id_) is attachments[id_]}

    async def _scan_failed(self, error: Exception) -> None:
        self._scan_failures += 1
        if self._changed("scan", str(error)):
            self._log.error("radio.scan_failed", error=str(error), todo="cunmai gateway doctor")
        await self._mend(None, Trouble.SCAN, self._scan_failures)
        await asyncio.sleep(PAUSE_S)

    async def _perhaps_deaf(self) -> None:
        if not self.connected() and time.monotonic() - self._heard_any_s > DEAF_AFTER_S:
            await self._mend(None, Trouble.DEAF, 1)

    # -- connecting ---------------------------------------------------------------------------------

    async def _connect(self, id_: str, device: BLEDevice, rssi: int, tasks: asyncio.TaskGroup) -> None:
        link, attachment = self._links.get(id_), self._attachments.get(id_)
        if link is None or attachment is None:
            return  # taken off the list since it was heard
        link.lost = asyncio.Event()
        link.address = device.address
        lost = link.lost
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                client = await self._radio.connect(device, id_, lost.set)
        except LINK_ERRORS as error:
            link.failed(time.monotonic())
            self._on_report(id_, disconnected(f"connect: {_text(error)}"))
            await self._mend(id_, Trouble.CONNECT, link.failures)
            return
        if self._attachments.get(id_) is not attachment:
            await _disconnect(client)
            return
        link.task = tasks.create_task(self._drive(id_, link, attachment, client, rssi))

    async def _drive(
        self, id_: str, link: Link, attachment: Attachment, client: BleakClient, rssi: int
    ) -> None:
        """Run the driver until the link drops, the device misbehaves, or we are cancelled."""
        began_s = time.monotonic()
        link.lost_why = "link lost"
        driving = asyncio.create_task(self._greet_and_drive(id_, attachment, client, rssi))
        losing = asyncio.create_task(link.lost.wait())
        try:
            await asyncio.wait({driving, losing}, return_when=asyncio.FIRST_COMPLETED)
            report, trouble = self._ended(id_, driving, link.lost_why)
            if attachment.heard_s() >= began_s:
                # Something came over this link: the ladder is climbed from its foot next time.
                link.worked()
                self._mender.worked()
            (link.ended if trouble is None else link.failed)(time.monotonic())
            self._on_report(id_, report)
        finally:
            await _end(driving, losing)
            await _disconnect(client)
            link.task = None
        if trouble is not None:
            await self._mend(id_, trouble, link.failures)

    async def _greet_and_drive(
        self, id_: str, attachment: Attachment, client: BleakClient, rssi: int
    ) -> None:
        facts = await self._greeter.greet(client, self._facts.get(id_))
        self._facts[id_] = facts
        self._on_report(id_, connected(facts, rssi))
        await attachment.driver.run(client, attachment.sink)

    def _ended(self, id_: str, driving: asyncio.Task[None], lost_why: str) -> tuple[Report, Trouble | None]:
        """Why a drive ended, and what that means for the ladder."""
        if not driving.done():
            return disconnected(lost_why), Trouble.SILENT_LINK if lost_why == "silent" else None
        error = driving.exception()
        if error is None:
            return disconnected("driver finished"), None
        if isinstance(error, WrongDevice):
            return faulty(_text(error)), Trouble.REFUSED
        if isinstance(error, LINK_ERRORS):
            return disconnected(_text(error)), Trouble.REFUSED
        # A driver is one device's loop: what is wrong with it must not stop the other devices.
        self._log.error("radio.driver_failed", device=id_, exc_info=error)
        return faulty(f"driver failed: {type(error).__name__}"), None

    async def _mend(self, id_: str | None, trouble: Trouble, failures: int) -> None:
        """Take the next step of the ladder, if there is one, and tell."""
        link = None if id_ is None else self._links.get(id_)
        address = None if link is None else link.address
        taken = await self._mender.mend(trouble, failures, address, others_work=self._others_work(id_))
        if taken is None:
            return
        step, outcome = taken
        concerned = [id_] if id_ is not None else sorted(self._attachments.keys() - self.connected())
        for each in concerned:
            self._on_report(each, recovered(step, outcome))

    def _others_work(self, id_: str | None) -> bool:
        now_s = time.monotonic()
        others = (self._attachments.get(other) for other in self.connected() - {id_})
        return any(other is not None and now_s - other.heard_s() < WORKS_S for other in others)


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _heed_cancellation() -> None:
    """Connecting goes through libraries that may have swallowed one: without this we would go on for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _end(*tasks: asyncio.Task[object] | asyncio.Task[None]) -> None:
    """Cancel, and again: a library below may swallow a cancellation that meets its answer."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=PAUSE_S)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnect(client: BleakClient) -> None:
    try:
        async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
            await client.disconnect()
    except LINK_ERRORS:
        return  # it is gone already, which is what we wanted
