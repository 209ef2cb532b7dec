"""What is done with every device once it is connected, whatever its driver: battery, who made it, its clock.

All of it is extra: a device that refuses any of it is none the worse, and nothing of it may keep the
measurements waiting for long.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from bleak import BleakClient
from bleak.exc import BleakError

from cunmai_gateway.decoders.clock import decode_current_time, encode_current_time
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.device_information import decode_battery, decode_text
from cunmai_gateway.drivers.uuids import uuid_of
from cunmai_gateway.interpret.placing import ahead_ms
from cunmai_runtime.clock import Clock
from cunmai_wire.base import ClockTrust

GREETING_TIMEOUT_S = 5.0
CLOCK_TOLERANCE_MS = 2_000
_MAX_TEXT = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """What a device says of itself. None: it does not say."""

    battery_pct: float | None = None
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    ahead_ms: int | None = None
    """How far its clock was ahead of ours before it was set."""

    def values(self) -> dict[str, object]:
        """The fields of `device_status` that are known."""
        told = {name: getattr(self, name) for name in ("battery_pct", "manufacturer", "model", "firmware")}
        told["clock_offset_s"] = None if self.ahead_ms is None else round(self.ahead_ms / 1000, 1)
        return {name: value for name, value in told.items() if value is not None}


class Greeter:
    """One gateway's."""

    def __init__(self, clock: Clock, clinic_zone: tzinfo, trust: Callable[[], ClockTrust]) -> None:
        """A device's clock is set only while ours is trusted."""
        self._clock = clock
        self._zone = clinic_zone
        self._trust = trust

    async def greet(self, client: BleakClient, before: Facts | None) -> Facts:
        """Read, and set the clock. `before`: what was read on an earlier link; who made it does not change."""
        read: dict[str, object] = {}
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                read["ahead_ms"] = await self._set_clock(client)
                read["battery_pct"] = await _battery(client)
                for name, characteristic in (
                    ("manufacturer", "2A29"),
                    ("model", "2A24"),
                    ("firmware", "2A26"),
                ):
                    known = None if before is None else getattr(before, name)
                    read[name] = known or await _text(client, characteristic)
        except TimeoutError:
            pass  # what was read by then is what we know
        return Facts(**read)  # type: ignore[arg-type]  # each name with its own type, just above

    async def _set_clock(self, client: BleakClient) -> int | None:
        frame = await _read(client, "2A2B")
        if frame is None:
            return None
        try:
            ahead = ahead_ms(decode_current_time(frame).time, self._clock(), self._zone)
        except Malformed:
            ahead = None
        if self._trust() is ClockTrust.TRUSTED and (ahead is None or abs(ahead) > CLOCK_TOLERANCE_MS):
            # A clock that refuses to be set is a clock that is known to be off.
            with contextlib.suppress(BleakError):
                await client.write_gatt_char(uuid_of("2A2B"), encode_current_time(self._now()), response=True)
        return ahead

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / 1000, UTC).astimezone(self._zone)


async def _read(client: BleakClient, characteristic: str) -> bytes | None:
    found = client.services.get_characteristic(uuid_of(characteristic))
    if found is None or "read" not in found.properties:
        return None
    try:
        return bytes(await client.read_gatt_char(found))
    except BleakError:
        return None


async def _battery(client: BleakClient) -> float | None:
    frame = await _read(client, "2A19")
    try:
        return None if frame is None else float(decode_battery(frame).battery_pct)
    except Malformed:
        return None


async def _text(client: BleakClient, characteristic: str) -> str | None:
    frame = await _read(client, characteristic)
    try:
        return None if frame is None else decode_text(frame).text[:_MAX_TEXT].strip() or None
    except Malformed:
        return None
