"""The radio behind bleak: BlueZ unless another backend is passed in, as simulators and tests do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak_retry_connector import establish_connection

from cunmai_gateway.stack import NoStack, Stack

Heard = Callable[[BLEDevice, AdvertisementData], None]


@dataclass(frozen=True)
class Radio:
    """Backend classes for bleak's own `backend` arguments; None for the platform's."""

    scanner: type[BaseBleakScanner] | None = None
    client: type[BaseBleakClient] | None = None
    stack: Stack = field(default_factory=NoStack)
    """What the recovery ladder works on."""

    def scan(self, heard: Heard) -> BleakScanner:
        """A scanner that calls `heard` for every advertisement. Use it as a context manager."""
        chosen: dict[str, Any] = {} if self.scanner is None else {"backend": self.scanner}
        return BleakScanner(detection_callback=heard, **chosen)

    async def connect(self, device: BLEDevice, name: str, lost: Callable[[], None]) -> BleakClient:
        """Connect, with retries. `lost` is called when the link drops. Raises BleakError, TimeoutError."""
        chosen: dict[str, Any] = {} if self.client is None else {"backend": self.client}
        return await establish_connection(
            BleakClient, device, name, disconnected_callback=lambda _client: lost(), max_attempts=2, **chosen
        )


def platform_radio() -> Radio:
    """The machine's own Bluetooth, with all that its stack lets us do when it hangs."""
    if not sys.platform.startswith("linux"):
        return Radio()
    from cunmai_gateway.bluez_stack import BluezStack  # noqa: PLC0415 - dbus_fast exists on Linux only

    return Radio(stack=BluezStack())
