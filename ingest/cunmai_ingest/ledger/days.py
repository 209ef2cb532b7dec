"""The clinic's day: the calendar day at a stated offset from UTC, as a number. Pure."""

from __future__ import annotations

from datetime import date

DAY_MS = 86_400_000
MINUTE_MS = 60_000

_EPOCH = date(1970, 1, 1).toordinal()


def day_of(t_ms: int, utc_offset_minutes: int) -> int:
    """The day, counted from 1970-01-01, that `t_ms` falls on at that offset."""
    return (t_ms + utc_offset_minutes * MINUTE_MS) // DAY_MS


def day_start_ms(day: int, utc_offset_minutes: int) -> int:
    """When that day begins, in ms since 1970 UTC."""
    return day * DAY_MS - utc_offset_minutes * MINUTE_MS


def day_text(day: int) -> str:
    """`2026-07-01`."""
    return date.fromordinal(day + _EPOCH).isoformat()


def day_from_text(text: str) -> int:
    """The inverse of `day_text`. Raises ValueError."""
    return date.fromisoformat(text).toordinal() - _EPOCH


def offset_text(utc_offset_minutes: int) -> str:
    """`UTC+08:00`."""
    sign = "-" if utc_offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(utc_offset_minutes), 60)
    return f"UTC{sign}{hours:02d}:{minutes:02d}"
