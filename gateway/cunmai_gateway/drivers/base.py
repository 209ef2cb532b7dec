"""What a driver is, and what it may call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bleak import BleakClient

from cunmai_gateway.measurement import Measurement, NotClinical


@dataclass(frozen=True)
class Sink:
    """Where a driver puts what it hears. None of these block."""

    measured: Callable[[Measurement | NotClinical], None]
    malformed: Callable[[str, bytes, str], None]
    """Frame type, frame, what was wrong."""
    known: Callable[[str], Awaitable[bool]]
    """Whether something with this once_key is in the spool already."""


class Driver(Protocol):
    """Speaks to one connected device until the link drops or it has nothing left to do."""

    async def run(self, client: BleakClient, sink: Sink) -> None:
        """Subscribe and listen. Cancelled when the link drops. Raises BleakError where the device refuses."""
