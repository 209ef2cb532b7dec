"""When a measurement was made: by the gateway's clock where it is live, by the device's where it was stored.

Decisions, in this order:

- no device time: measured when it was received, unless the device says that it stored it;
- no device time and stored, a device clock that was never set, or a date that does not exist: measured at
  an unknown time, so it bears the time of receipt, the flag `device_clock_not_set` and, if it comes from
  storage, an untrusted clock;
- ahead of the gateway's clock by more than two minutes: the device's clock is wrong, treated alike;
- within two minutes and not marked as stored: live, measured when it was received;
- older: stored. It bears the device's time and the flag `from_storage`. Where the device's clock was not
  compared with ours, how far to believe it is unknown.

A cuff or a scale sends what it stored when it reconnects without saying so; its time is what tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import StrEnum

from cunmai_gateway.decoders.cursor import DeviceTime
from cunmai_gateway.measurement import Measurement
from cunmai_wire.base import ClockTrust
from cunmai_wire.quality import QualityFlag

LIVE_WITHIN_MS = 2 * 60_000
FIRST_YEAR = 2015
"""Devices whose clock was never set begin in 2000, 2010 or their firmware's year."""


class PlacedBy(StrEnum):
    """Why a measurement bears its time."""

    NO_DEVICE_TIME = "no_device_time"
    CLOCK_NOT_SET = "clock_not_set"
    CLOCK_AHEAD = "clock_ahead"
    LIVE = "live"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Placed:
    """A measurement with its moment. `clock` is weaker than the gateway's own trust, or None for that."""

    measurement: Measurement
    t_ms: int
    by: PlacedBy
    clock: ClockTrust | None = None


def place(
    measurement: Measurement,
    *,
    device: str,
    received_ms: int,
    zone: tzinfo,
    device_ahead_ms: int | None = None,
) -> Placed:
    """Place one measurement of `device`, whose clock shows the wall time of `zone`.

    `device_ahead_ms` is how far its clock was ahead of the gateway's when they were compared
    (`ahead_ms`), or None where they were not.
    """
    measurement = _with_once_key(measurement, device)
    time = measurement.device_time
    if time is None:
        if QualityFlag.FROM_STORAGE in measurement.quality:
            return _unplaced(measurement, received_ms, PlacedBy.CLOCK_NOT_SET)
        return Placed(measurement, received_ms, PlacedBy.NO_DEVICE_TIME)
    shown_ms = None if QualityFlag.DEVICE_CLOCK_NOT_SET in measurement.quality else wall_ms(time, zone)
    if shown_ms is None or time.year < FIRST_YEAR:
        return _unplaced(measurement, received_ms, PlacedBy.CLOCK_NOT_SET)
    t_ms = shown_ms - (device_ahead_ms or 0)
    if t_ms - received_ms > LIVE_WITHIN_MS:
        return _unplaced(measurement, received_ms, PlacedBy.CLOCK_AHEAD)
    stored = QualityFlag.FROM_STORAGE in measurement.quality
    if not stored and received_ms - t_ms <= LIVE_WITHIN_MS:
        return Placed(measurement, received_ms, PlacedBy.LIVE)
    clock = ClockTrust.UNKNOWN if device_ahead_ms is None else None
    return Placed(_flagged(measurement, QualityFlag.FROM_STORAGE), t_ms, PlacedBy.STORED, clock)


def wall_ms(time: DeviceTime, zone: tzinfo) -> int | None:
    """Milliseconds since 1970 UTC of a device's wall time in `zone`; None where it is no date."""
    try:
        moment = datetime(time.year, time.month, time.day, time.hour, time.minute, time.second, tzinfo=zone)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def ahead_ms(device_shows: DeviceTime, received_ms: int, zone: tzinfo) -> int | None:
    """How far a device's clock is ahead of ours, from its current time (2A2B); None where it is not set."""
    shown_ms = wall_ms(device_shows, zone) if device_shows.year >= FIRST_YEAR else None
    return None if shown_ms is None else shown_ms - received_ms


def _unplaced(measurement: Measurement, received_ms: int, by: PlacedBy) -> Placed:
    clock = ClockTrust.UNTRUSTED if QualityFlag.FROM_STORAGE in measurement.quality else None
    return Placed(_flagged(measurement, QualityFlag.DEVICE_CLOCK_NOT_SET), received_ms, by, clock)


def _flagged(measurement: Measurement, flag: QualityFlag) -> Measurement:
    return replace(measurement, quality=tuple(sorted({*measurement.quality, flag.value})))


def _with_once_key(measurement: Measurement, device: str) -> Measurement:
    if measurement.record is None:
        return measurement
    key = f"record:{device}:{measurement.kind}:{measurement.record}"
    return replace(measurement, once_keys=(*measurement.once_keys, key))
