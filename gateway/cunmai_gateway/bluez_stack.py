"""The recovery ladder on Linux: BlueZ over D-Bus, and a USB adapter through its device file."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from cunmai_gateway.recovery import Step
from cunmai_gateway.stack import Outcome, StepResult

_ANSWER_TIMEOUT_S = 10.0
_OFF_S = 2.0
_USBDEVFS_RESET = 0x5514
"""_IO('U', 20) of linux/usbdevice_fs.h."""
_NOT_PERMITTED = (
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.bluez.Error.NotPermitted",
    "org.bluez.Error.NotAuthorized",
)
_NOT_THERE = ("org.freedesktop.DBus.Error.UnknownObject", "org.bluez.Error.DoesNotExist")
_NO_BLUEZ = ("org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner")


class BluezStack:
    """One adapter. Every step opens its own bus connection: the ladder is climbed when things are broken."""

    def __init__(
        self,
        adapter: str = "hci0",
        *,
        sys_bluetooth: Path = Path("/sys/class/bluetooth"),
        dev_usb: Path = Path("/dev/bus/usb"),
    ) -> None:
        self._path = f"/org/bluez/{adapter}"
        self._sys = sys_bluetooth / adapter
        self._dev_usb = dev_usb

    async def perform(self, step: Step, address: str | None) -> Outcome:
        """See `Stack`."""
        try:
            if step is Step.USB_RESET:
                return await asyncio.to_thread(self._usb_reset)
            async with asyncio.timeout(2 * _ANSWER_TIMEOUT_S + _OFF_S):
                return await self._over_dbus(step, address)
        except TimeoutError:
            return Outcome(StepResult.FAILED, "BlueZ did not answer")
        except (OSError, EOFError, DBusError, ValueError) as error:
            return Outcome(StepResult.SKIPPED, f"no system bus: {error}")

    async def _over_dbus(self, step: Step, address: str | None) -> Outcome:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        try:
            if step is Step.POWER_CYCLE:
                return await self._power_cycle(bus)
            device = f"{self._path}/dev_{(address or '').upper().replace(':', '_')}"
            if step is Step.REMOVE:
                return await _call(bus, self._path, "org.bluez.Adapter1", "RemoveDevice", "o", [device])
            return await _call(bus, device, "org.bluez.Device1", "Disconnect")
        finally:
            bus.disconnect()

    async def _power_cycle(self, bus: MessageBus) -> Outcome:
        for powered in (False, True):
            outcome = await _call(
                bus,
                self._path,
                "org.freedesktop.DBus.Properties",
                "Set",
                "ssv",
                ["org.bluez.Adapter1", "Powered", Variant("b", powered)],
            )
            if outcome.result is not StepResult.DONE:
                return outcome
            await asyncio.sleep(_OFF_S)
        return outcome

    def _usb_reset(self) -> Outcome:
        device_file = usb_device_file(self._sys, self._dev_usb)
        if device_file is None:
            return Outcome(StepResult.SKIPPED, "the adapter is not on USB")
        try:
            handle = os.open(device_file, os.O_WRONLY)
        except PermissionError:
            return Outcome(StepResult.SKIPPED, f"no permission to write {device_file}")
        except OSError as error:
            return Outcome(StepResult.FAILED, str(error))
        try:
            fcntl.ioctl(handle, _USBDEVFS_RESET, 0)
        except OSError as error:
            return Outcome(StepResult.FAILED, str(error))
        finally:
            os.close(handle)
        return Outcome(StepResult.DONE)


def usb_device_file(sys_adapter: Path, dev_usb: Path) -> Path | None:
    """The device file of the USB device that an adapter belongs to; None where it is on no USB."""
    device = (sys_adapter / "device").resolve()
    for folder in (device, *device.parents):
        numbers = [folder / "busnum", folder / "devnum"]
        if all(number.is_file() for number in numbers):
            bus, number = (int(path.read_text()) for path in numbers)
            return dev_usb / f"{bus:03d}" / f"{number:03d}"
    return None


async def _call(
    bus: MessageBus,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: list[object] | None = None,
) -> Outcome:
    message = Message(
        destination="org.bluez",
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=body or [],
    )
    async with asyncio.timeout(_ANSWER_TIMEOUT_S):
        reply = await bus.call(message)
    if reply.message_type is not MessageType.ERROR:
        return Outcome(StepResult.DONE)
    told = f"{reply.error_name}: {reply.body[0]}" if reply.body else str(reply.error_name)
    if reply.error_name in _NOT_THERE and member != "Set":
        return Outcome(StepResult.DONE, "it was gone already")
    if reply.error_name in (*_NOT_PERMITTED, *_NO_BLUEZ):
        return Outcome(StepResult.SKIPPED, told)
    return Outcome(StepResult.FAILED, told)
