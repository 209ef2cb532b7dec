"""Finding devices to put on the list: who is advertising here, how near, and which driver may fit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.guess import Guess, guess_drivers
from cunmai_gateway.link import matches
from cunmai_gateway.radio import Radio
from cunmai_gateway.settings import DeviceSettings

MOST_SEEN = 500
_MAX_NAME = 40


@dataclass(frozen=True, slots=True)
class Seen:
    """One device that advertises."""

    address: str
    name: str | None
    rssi_dbm: int
    """The strongest heard: held close to the machine, it tells a device from those next door."""
    guesses: tuple[Guess, ...]
    listed_as: str | None = None
    """Its id, where it is on the list already."""


async def look_around(
    radio: Radio,
    seconds: float,
    specs: Mapping[str, DriverSpec],
    listed: Sequence[DeviceSettings] = (),
) -> list[Seen]:
    """Listen, and tell who was heard: first what a driver may fit, the nearest first. Raises BleakError."""
    seen: dict[str, Seen] = {}

    def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
        before = seen.get(device.address)
        if before is None and len(seen) >= MOST_SEEN:
            return
        now = _seen(device, advertisement, specs, listed)
        seen[device.address] = now if before is None else _joined(before, now)

    async with radio.scan(heard):
        await asyncio.sleep(seconds)
    return sorted(seen.values(), key=lambda each: (not each.guesses, -each.rssi_dbm, each.address))


def _seen(
    device: BLEDevice,
    advertisement: AdvertisementData,
    specs: Mapping[str, DriverSpec],
    listed: Sequence[DeviceSettings],
) -> Seen:
    name = _plain(advertisement.local_name or device.name)
    guesses = guess_drivers(specs, name, advertisement.service_uuids)
    known = next((each.id for each in listed if matches(each, device, advertisement)), None)
    return Seen(device.address, name, advertisement.rssi, tuple(guesses), known)


def _joined(before: Seen, now: Seen) -> Seen:
    """A device may tell its name in one advertisement and its service in another."""
    guesses = tuple(dict.fromkeys((*now.guesses, *before.guesses)))
    return replace(
        now,
        name=now.name or before.name,
        rssi_dbm=max(before.rssi_dbm, now.rssi_dbm),
        guesses=guesses,
        listed_as=now.listed_as or before.listed_as,
    )


def _plain(name: str | None) -> str | None:
    """A name comes from the air: nothing in it may reach a terminal or a file but what can be read."""
    shown = "".join(char for char in name or "" if char.isprintable())[:_MAX_NAME].strip()
    return shown or None


def entries(seen: Sequence[Seen], taken: Sequence[str] = ()) -> str:
    """What to paste into gateway.yaml for those that are not on the list and that a driver may fit."""
    ids = set(taken)
    lines: list[str] = []
    for each in seen:
        if each.listed_as is not None or not each.guesses:
            continue
        driver, *others = (guess.driver for guess in each.guesses)
        id_ = _free_id(driver, ids)
        ids.add(id_)
        besides = f"; 或 / or: {', '.join(others)}" if others else ""
        lines += [
            f"  - id: {id_}",
            f"    driver: {driver}  # {each.name or '?'}, {each.rssi_dbm} dBm{besides}",
            f'    address: "{each.address}"',
        ]
    return "\n".join(["devices:", *lines]) if lines else ""


def _free_id(driver: str, taken: set[str]) -> str:
    return next(id_ for number in range(1, MOST_SEEN + 65) if (id_ := f"{driver}-{number}") not in taken)
