"""The radio: an adapter, not blocked, and a BlueZ that we may speak to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cunmai_gateway.doctor.finding import Finding

_SYSTEM = Path("/sys/class")
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class BlueZ:
    """What BlueZ says over D-Bus. `fault` is a D-Bus error name, or empty."""

    powered: dict[str, bool]
    fault: str = ""


def check_bluetooth(system: Path = _SYSTEM, bluez: BlueZ | None = None) -> Iterator[Finding]:
    """`system` and `bluez`: what is there, for tests."""
    adapters = sorted(path.name for path in system.glob("bluetooth/hci*") if ":" not in path.name)
    if not adapters:
        yield Finding(
            "adapter",
            "没有蓝牙适配器",
            "there is no Bluetooth adapter",
            "插上 USB 蓝牙适配器, 或在 BIOS 中启用蓝牙, 再运行 lsusb 查看",
            "plug in a USB Bluetooth adapter or enable the built-in one; lsusb shows it",
        )
        return
    yield Finding("adapter", f"蓝牙适配器 {', '.join(adapters)}", f"Bluetooth adapter {', '.join(adapters)}")
    if _blocked(system):
        yield Finding(
            "adapter_blocked", "蓝牙被关闭", "Bluetooth is switched off", "执行: sudo rfkill unblock bluetooth",
            "run: sudo rfkill unblock bluetooth",
        )  # fmt: skip
    yield from _judge(bluez or asyncio.run(ask_bluez()))


def _blocked(system: Path) -> bool:
    for switch in system.glob("rfkill/rfkill*"):
        try:
            kind, soft, hard = ((switch / name).read_text().strip() for name in ("type", "soft", "hard"))
        except OSError:
            continue
        if kind == "bluetooth" and "1" in (soft, hard):
            return True
    return False


def _judge(bluez: BlueZ) -> Iterator[Finding]:
    if "AccessDenied" in bluez.fault:
        yield Finding(
            "bluez", "没有使用蓝牙的权限", "we may not use Bluetooth",
            "执行: sudo usermod -aG bluetooth cunmai, 然后重启网关",
            "run: sudo usermod -aG bluetooth cunmai, then restart the gateway",
        )  # fmt: skip
    elif bluez.fault:
        yield Finding(
            "bluez", f"BlueZ 没有应答 ({bluez.fault})", f"BlueZ does not answer ({bluez.fault})",
            "执行: sudo apt install bluez && sudo systemctl enable --now bluetooth",
            "run: sudo apt install bluez && sudo systemctl enable --now bluetooth",
        )  # fmt: skip
    elif not any(bluez.powered.values()):
        yield Finding(
            "bluez", "蓝牙适配器未通电", "the adapter is not powered", "执行: bluetoothctl power on",
            "run: bluetoothctl power on",
        )  # fmt: skip
    else:
        on = ", ".join(name for name, powered in bluez.powered.items() if powered)
        yield Finding("bluez", f"BlueZ 可用, 已通电: {on}", f"BlueZ answers, powered: {on}")


async def ask_bluez() -> BlueZ:
    """Ask BlueZ for its adapters, over the system bus."""
    from dbus_fast import BusType, Message, MessageType  # noqa: PLC0415 - Linux only, as BlueZ is
    from dbus_fast.aio import MessageBus  # noqa: PLC0415

    try:
        async with asyncio.timeout(_ANSWER_S):
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            reply = await bus.call(
                Message(
                    destination="org.bluez",
                    path="/",
                    interface="org.freedesktop.DBus.ObjectManager",
                    member="GetManagedObjects",
                )
            )
            bus.disconnect()
    except (OSError, TimeoutError, EOFError, ValueError) as error:
        return BlueZ({}, f"D-Bus: {getattr(error, 'strerror', None) or type(error).__name__}")
    if reply.message_type is MessageType.ERROR:
        return BlueZ({}, str(reply.error_name))
    adapters = {
        path.rpartition("/")[2]: interfaces["org.bluez.Adapter1"]["Powered"].value
        for path, interfaces in reply.body[0].items()
        if "org.bluez.Adapter1" in interfaces
    }
    return BlueZ(adapters)
