"""Moments as people write and read them: the one place that knows what a zone is. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

CHINA_MINUTES = 480


def local_time(t_ms: int, utc_offset_minutes: int) -> datetime:
    """To the second, in the zone given."""
    return datetime.fromtimestamp(t_ms // 1000, timezone(timedelta(minutes=utc_offset_minutes)))


def show_moment(t_ms: int, utc_offset_minutes: int) -> str:
    """To the second, in the zone given."""
    return f"{local_time(t_ms, utc_offset_minutes):%Y-%m-%d %H:%M:%S}"


def day_of(t_ms: int, utc_offset_minutes: int) -> str:
    """The local day."""
    return f"{local_time(t_ms, utc_offset_minutes):%Y-%m-%d}"


def read_moment(text: str, utc_offset_minutes: int | None) -> int | None:
    """ISO 8601 in ms. None where it is no moment.

    Without a zone of its own it is in the one given; where none is given it must have its own.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        if utc_offset_minutes is None:
            return None
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=utc_offset_minutes)))
    return round(moment.timestamp() * 1000)
