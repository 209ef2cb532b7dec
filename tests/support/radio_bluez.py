"""An adapter of the kernel's whose controller is on a simulated air: bleak meets the real BlueZ.

Needs /dev/vhci, D-Bus and bluetoothd, as the virtual machine of tests/bluez has them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bumble import hci
from bumble.transport import open_transport

from cunmai_sim.air import Air

_BLUEZ = "org.bluez"
_POWER_TRIES = 300


@contextlib.asynccontextmanager
async def bluez_adapter(air: Air) -> AsyncIterator[None]:
    """An adapter of the kernel's whose controller is on `air`; gone, with what BlueZ remembers, at the end."""
    opened = await open_transport("vhci")
    controller = air.controller("bluez")
    # BlueZ 5.66 uses both where they are offered, and Bumble's controller has neither complete.
    controller.le_features &= ~(hci.LeFeatureMask.LL_PRIVACY | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
    opened.source.set_packet_sink(controller)
    controller.host = opened.sink
    try:
        path = await _power_on()
        yield
        await _forget_devices(path)
    finally:
        await opened.close()


async def _power_on() -> str:
    """Power the newest adapter on, as soon as BlueZ lets us; its D-Bus path."""
    from dbus_fast import Variant  # noqa: PLC0415 - Linux only, like everything of BlueZ

    for _ in range(_POWER_TRIES):
        adapters = [
            path for path, interfaces in (await _objects()).items() if f"{_BLUEZ}.Adapter1" in interfaces
        ]
        if adapters:
            done = await _call(
                adapters[-1], "org.freedesktop.DBus.Properties", "Set", "ssv",
                [f"{_BLUEZ}.Adapter1", "Powered", Variant("b", True)],
            )  # fmt: skip
            if done is not None:
                return adapters[-1]
        await asyncio.sleep(0.2)
    raise TimeoutError("BlueZ did not power the adapter on")


async def _forget_devices(adapter: str) -> None:
    for path, interfaces in (await _objects()).items():
        if f"{_BLUEZ}.Device1" in interfaces and path.startswith(adapter):
            await _call(adapter, f"{_BLUEZ}.Adapter1", "RemoveDevice", "o", [path])


async def _objects() -> dict[str, dict[str, object]]:
    found = await _call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "", [])
    return {} if found is None else found[0]


async def _call(
    path: str, interface: str, member: str, signature: str, body: list[object]
) -> list[dict[str, dict[str, object]]] | None:
    """One D-Bus call to BlueZ; None where it answers with an error."""
    from dbus_fast import BusType, Message, MessageType  # noqa: PLC0415
    from dbus_fast.aio import MessageBus  # noqa: PLC0415

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        message = Message(
            destination=_BLUEZ, path=path, interface=interface, member=member, signature=signature, body=body
        )
        answer = await bus.call(message)
        return None if answer.message_type is MessageType.ERROR else list(answer.body)
    finally:
        bus.disconnect()
