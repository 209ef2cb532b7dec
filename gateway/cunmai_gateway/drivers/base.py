"""What a driver is, what it may call, and how it makes itself known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Protocol

from bleak import BleakClient
from bleak.exc import BleakError

from cunmai_gateway.measurement import Measurement, NotClinical
from cunmai_runtime.clock import Clock


class WrongDevice(BleakError):
    """It is connected, and it is not what the driver speaks to. The text says what is missing."""


@dataclass(frozen=True)
class Sink:
    """Where a driver puts what it hears. None of these block."""

    measured: Callable[[Measurement | NotClinical], None]
    malformed: Callable[[str, bytes, str], None]
    """Frame type, frame, what was wrong."""
    alive: Callable[[], None]
    """It sent something that measures nothing: a waveform, an answer."""
    known: Callable[[str], Awaitable[bool]]
    """Whether something with this once_key is in the spool already."""


@dataclass(frozen=True)
class Setting:
    """What a driver is told of the device that it is made for."""

    device: str
    clinic_zone: tzinfo
    """For devices that tell a time without a zone."""
    clock: Clock


class Driver(Protocol):
    """Speaks to one connected device until the link drops or it has nothing left to do.

    There is one per device for as long as the gateway runs: what it must remember from one link to
    the next it keeps in itself, what must survive a restart it asks the spool for (`Sink.known`).
    """

    async def run(self, client: BleakClient, sink: Sink) -> None:
        """Subscribe and listen. Cancelled when the link drops. Raises BleakError where the device refuses."""


@dataclass(frozen=True)
class DriverSpec:
    """One driver, as its module declares it in `SPEC`. `docs/adding-a-driver.md` shows how."""

    name: str
    """What `gateway.yaml` calls it."""
    title_zh: str
    title_en: str
    make: Callable[[Setting], Driver]
    names: tuple[str, ...] = ()
    """Regular expressions of the names that such devices advertise, matched from the beginning."""
    services: tuple[str, ...] = ()
    """Services of which a device advertises or has at least one; four digits or a whole UUID."""
    silent_after_s: float | None = None
    """A connected device that sends all the time is silent after this long without a frame.

    None: it sends when it is used, and its silence means nothing.
    """
