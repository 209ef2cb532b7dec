"""Cells that hold a day, a month or a moment. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

from cunmai_rules.moments import show_moment
from cunmai_rules.registry.cells import Cell, Lang, Stored, Unreadable, as_it_is, plain, remembered

_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_MONTH = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})月?|(\d{2}))")
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2199


@remembered
def _read_day(text: str) -> Stored:
    found = _DAY.fullmatch(plain(text).removesuffix(" 00:00:00").removesuffix(" 0:00"))
    try:
        year, month, day = (int(part) for part in found.groups()) if found else (0, 0, 0)
        value = date(year, month, day)
    except ValueError:
        raise Unreadable("应为日期, 如 2026-01-31", "a day such as 2026-01-31") from None
    if not _EARLIEST_YEAR <= value.year <= _LATEST_YEAR:
        raise Unreadable("应为日期, 如 2026-01-31", "a day such as 2026-01-31")
    return value.isoformat()


DAY = Cell(_read_day, as_it_is)


@remembered
def _read_month(text: str) -> Stored:
    value = plain(text)
    if _DAY.fullmatch(value):
        return str(_read_day(value))[:7]
    found = _MONTH.fullmatch(value)
    year, month = (int(found[1]), int(found[2] or found[3])) if found else (0, 0)
    if not (_EARLIEST_YEAR <= year <= _LATEST_YEAR and 1 <= month <= 12):
        raise Unreadable("应为出生年月, 如 1948-03", "a year and month such as 1948-03")
    return f"{year:04}-{month:02}"


MONTH = Cell(_read_month, as_it_is)
"""A full date is taken too, and its day is dropped."""

_MOMENT = re.compile(r"(.+?)[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?")


def moment(utc_offset_minutes: int) -> Cell:
    """Local time in the cell, ms since epoch in store."""
    zone = timezone(timedelta(minutes=utc_offset_minutes))

    def read(text: str) -> Stored:
        found = _MOMENT.fullmatch(plain(text))
        try:
            if found is None:
                raise ValueError
            day = date.fromisoformat(str(_read_day(found[1])))
            hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
            ends_the_day = hour == 24 and minute == second == 0
            at = datetime(
                day.year, day.month, day.day, 0 if ends_the_day else hour, minute, second, tzinfo=zone
            )
        except (ValueError, Unreadable):
            raise Unreadable(
                "应为日期和时间, 如 2026-01-31 08:00", "a time such as 2026-01-31 08:00"
            ) from None
        return int(at.timestamp() * 1000) + (86_400_000 if ends_the_day else 0)

    def show(value: Stored, _lang: Lang) -> str:
        if value is None:
            return ""
        return show_moment(int(value), utc_offset_minutes).removesuffix(":00")

    return Cell(read, show)
