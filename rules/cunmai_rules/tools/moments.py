"""Moments as people write and read them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone


def read_moment(text: str, utc_offset_minutes: int) -> int | None:
    """ISO 8601 in ms; without a zone, in the one given. None where it is no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(minutes=utc_offset_minutes)))
    return round(moment.timestamp() * 1000)


def show_moment(t_ms: int, utc_offset_minutes: int) -> str:
    """To the second, in the zone given."""
    moment = datetime.fromtimestamp(t_ms // 1000, UTC) + timedelta(minutes=utc_offset_minutes)
    return f"{moment:%Y-%m-%d %H:%M:%S}"
