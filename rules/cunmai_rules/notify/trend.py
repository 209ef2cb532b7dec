"""Which way a value is going, from the readings before an alarm. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

UP, DOWN, LEVEL = "↑", "↓", "→"
_ENDS = 3


def trend_arrow(values: Sequence[float]) -> str:
    """Compare the mean of the first and of the last three values; a change under 2 % is level."""
    if len(values) < 2:
        return LEVEL
    ends = min(_ENDS, len(values) // 2)
    before, after = fmean(values[:ends]), fmean(values[-ends:])
    if abs(after - before) < 0.02 * max(abs(before), 1.0):
        return LEVEL
    return UP if after > before else DOWN
