"""Whether the time of a reading can be true at all. Pure.

Stated rules: nothing was measured before 2020 (a gateway without a clock starts at 1970), and nothing is
measured more than a day after it arrived. Everything between is kept: a reading may be late by months.
"""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z."""

MAX_AHEAD_MS = 24 * 3600 * 1000


def time_fault(t_ms: int, arrived_ms: int) -> str | None:
    """What is wrong with a time, in one sentence, or None."""
    if t_ms < EARLIEST_MS:
        return f"dated {_date(t_ms)}, before {_date(EARLIEST_MS)}"
    if t_ms > arrived_ms + MAX_AHEAD_MS:
        return f"dated {_date(t_ms)}, more than 24 h after it arrived on {_date(arrived_ms)}"
    return None


def _date(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%d")
