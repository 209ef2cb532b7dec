"""Current Time Service (CTS 1.1): current time 2A2B, date and time 2A08. Both ways: a device's clock can be set."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

from cunmai_gateway.decoders.cursor import Cursor, DeviceTime, Malformed

EXTERNAL_REFERENCE = 0x02


@dataclass(frozen=True, slots=True)
class CurrentTime:
    """2A2B. `weekday` is 1 for Monday to 7 for Sunday, 0 for unknown.

    `adjusted` is why the clock last changed: 1 by hand, 2 by a reference, 4 by a change of zone, 8 by a
    change to or from summer time; a sum of these.
    """

    time: DeviceTime
    weekday: int
    fraction_256: int
    adjusted: int


@dataclass(frozen=True, slots=True)
class BareTime:
    """2A08 on its own."""

    time: DeviceTime


def decode_current_time(frame: bytes) -> CurrentTime:
    """Decode a 2A2B value. Raises Malformed."""
    cursor = Cursor(frame)
    time = cursor.device_time("time")
    weekday = cursor.unsigned(1, "day of week")
    fraction = cursor.unsigned(1, "fraction of a second")
    adjusted = cursor.unsigned(1, "adjust reason")
    cursor.end()
    if weekday > 7:
        raise Malformed(f"day of week: {weekday} is reserved")
    return CurrentTime(time, weekday, fraction, adjusted)


def decode_date_time(frame: bytes) -> BareTime:
    """Decode a 2A08 value. Raises Malformed."""
    cursor = Cursor(frame)
    time = cursor.device_time("time")
    cursor.end()
    return BareTime(time)


def encode_date_time(local: datetime) -> bytes:
    """2A08 of the wall-clock fields of `local`; a zone it may have is not sent, as there is no field for it."""
    return struct.pack("<HBBBBB", local.year, local.month, local.day, local.hour, local.minute, local.second)


def encode_current_time(local: datetime, adjusted: int = EXTERNAL_REFERENCE) -> bytes:
    """2A2B of the wall-clock fields of `local`, to write to a device whose clock is to be set."""
    fraction = local.microsecond * 256 // 1_000_000
    return encode_date_time(local) + bytes([local.isoweekday(), fraction, adjusted])
