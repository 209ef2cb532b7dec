"""How things stand with one device's link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from cunmai_gateway.drivers.base import Driver, Sink
from cunmai_gateway.settings import DeviceSettings

RETRY_MIN_S = 1.0
RETRY_MAX_S = 60.0
ENDED_MAX_S = 10.0
"""A cuff advertises for half a minute or so when it is used: it must not be missed."""


@dataclass(frozen=True)
class Attachment:
    """One device with its driver and the sink for what it says."""

    device: DeviceSettings
    driver: Driver
    sink: Sink
    heard_s: Callable[[], float]
    """When a frame of it last came, by the monotonic clock."""


@dataclass
class Link:
    """How things stand with one device."""

    task: asyncio.Task[None] | None = None
    retry_at_s: float = 0.0
    retry_wait_s: float = RETRY_MIN_S
    failures: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    lost_why: str = "link lost"
    address: str | None = None

    def wanted(self, now_s: float) -> bool:
        return self.task is None and now_s >= self.retry_at_s

    def worked(self) -> None:
        """Something came over it."""
        self.failures = 0
        self.retry_wait_s = RETRY_MIN_S

    def ended(self, now_s: float) -> None:
        """It ended as links do: a device that is used now and then hangs up, and comes again."""
        self._wait(now_s, ENDED_MAX_S)

    def failed(self, now_s: float) -> None:
        """Something is wrong with it: one more failure in a row, for the recovery ladder."""
        self.failures += 1
        self._wait(now_s, RETRY_MAX_S)

    def _wait(self, now_s: float, most_s: float) -> None:
        self.retry_at_s = now_s + min(self.retry_wait_s, most_s)
        self.retry_wait_s = min(2 * self.retry_wait_s, most_s)

    def lose(self, why: str) -> None:
        """The first reason stays: what follows from it is no news."""
        if not self.lost.is_set():
            self.lost_why = why
            self.lost.set()


def matches(wanted: DeviceSettings, device: BLEDevice, advertisement: AdvertisementData) -> bool:
    """Whether an advertisement is that of a device on the list."""
    if wanted.address is not None:
        return device.address.upper() == wanted.address.upper()
    return wanted.name is not None and wanted.name == (advertisement.local_name or device.name)
