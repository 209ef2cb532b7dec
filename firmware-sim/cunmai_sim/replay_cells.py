"""Single cells of a recording: numbers, missing values, and times. Pure."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from cunmai_sim.errors import SimError

_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "--", "---"})
_DAY_S = 86_400.0
_HALF_DAY_S = 43_200.0
_LONGEST_S = 7 * _DAY_S
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?")


class BadCell(SimError):
    """A cell that is neither a value nor a missing one."""


def read_number(cell: str) -> float:
    """A finite number. Raises BadCell."""
    try:
        number = float(cell) if "_" not in cell else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadCell(f"{cell[:40]!r} 不是数字", f"{cell[:40]!r} is not a number")
    return number


def read_value(cell: str, limit: float) -> float | None:
    """A value above 0 up to `limit`; None for a missing one and for 0, which means "no value". BadCell."""
    if cell.casefold() in _MISSING:
        return None
    number = read_number(cell)
    if not 0 <= number <= limit:
        raise BadCell(f"{cell} 不在 0 到 {limit:g} 之间", f"{cell} is not within 0 to {limit:g}")
    return number or None


class Clock:
    """Seconds since the first row, from cells in the recording's order.

    Takes seconds, clock times without a date (12 hours back or more means that midnight passed), and
    ISO 8601 dates with time.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._first_s: float | None = None
        self._last_s = 0.0
        self._days_s = 0.0

    def at_s(self, cell: str) -> float:
        """Seconds since the first. Raises BadCell where the time cannot be read, or goes backwards."""
        value_s, is_clock = _read_time(self._column, cell)
        if self._first_s is None:
            self._first_s = value_s
        days_s = self._days_s
        at_s = value_s - self._first_s + days_s
        if is_clock and self._last_s - at_s >= _HALF_DAY_S:
            days_s += _DAY_S
            at_s += _DAY_S
        if not self._last_s <= at_s <= _LONGEST_S:
            raise BadCell(
                f"{self._column}: {cell} 时间倒退或超过七天",
                f"{self._column}: {cell} goes back in time, or is more than seven days on",
            )
        self._days_s, self._last_s = days_s, at_s
        return at_s


def _read_time(column: str, cell: str) -> tuple[float, bool]:
    """Seconds from some beginning, and whether that was a time of day."""
    clock = _CLOCK.fullmatch(cell)
    if clock and int(clock[1]) < 24:
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3] or 0), True
    try:
        return read_number(cell), False
    except BadCell:
        pass
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise BadCell(f"{column}: {cell[:40]!r} 不是时间", f"{column}: {cell[:40]!r} is not a time") from None
    # Without a zone, any will do (only differences count), but one with summer time would not.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), False
