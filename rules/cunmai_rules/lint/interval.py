"""Ranges of one value, each end included or not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import inf

from cunmai_rules.thresholds.limits import Direction, Limit, Range


@dataclass(frozen=True, slots=True)
class Interval:
    """All values between two ends."""

    low: float = -inf
    high: float = inf
    with_low: bool = True
    with_high: bool = True

    @property
    def empty(self) -> bool:
        return self.low > self.high or (self.low == self.high and not (self.with_low and self.with_high))

    @property
    def bounded(self) -> bool:
        """A band: limited on both sides."""
        return self.low > -inf and self.high < inf

    def __and__(self, other: Interval) -> Interval:
        low = max((self.low, not self.with_low), (other.low, not other.with_low))
        high = min((self.high, self.with_high), (other.high, other.with_high))
        return Interval(low[0], high[0], not low[1], high[1])

    def holds(self, other: Interval) -> bool:
        """Whether all of the other lies within this."""
        return other.empty or (self & other) == other

    def gap_to(self, other: Interval) -> Interval:
        """What lies between this and a higher one; empty where they touch or overlap."""
        return Interval(self.high, other.low, not self.with_high, not other.with_low)

    def words(self) -> tuple[str, str]:
        """For an author, in both languages."""
        if self.low == self.high:
            return f"{self.low:g}", f"{self.low:g}"
        if not self.bounded:
            end = f"{'≥' if self.with_low else '>'} {self.low:g}" if self.low > -inf else f"≤ {self.high:g}"
            return end, end
        return f"{self.low:g} 至 {self.high:g}", f"{self.low:g} to {self.high:g}"


EVERYTHING = Interval()


def of_side(direction: Direction, value: float) -> Interval:
    """The values that meet a limit."""
    match direction:
        case Direction.AT_OR_BELOW:
            return Interval(high=value)
        case Direction.BELOW:
            return Interval(high=value, with_high=False)
        case Direction.AT_OR_ABOVE:
            return Interval(low=value)
        case Direction.ABOVE:
            return Interval(low=value, with_low=False)


def of_limit(limit: Limit) -> Interval:
    """The values that meet a limit."""
    return of_side(limit.direction, limit.value)


def of_range(given: Range) -> Interval:
    """The values within a range of an applicability."""
    sides = [
        of_side(direction, bound)
        for direction in Direction
        if (bound := getattr(given, direction)) is not None
    ]
    return reduce(Interval.__and__, sides, EVERYTHING)


def complement(one: Interval) -> list[Interval]:
    """Everything else: none, one or two."""
    below = Interval(high=one.low, with_high=not one.with_low)
    above = Interval(low=one.high, with_low=not one.with_high)
    return [side for side, end in ((below, one.low), (above, one.high)) if abs(end) != inf]


def cover(parts: list[Interval], whole: Interval) -> bool:
    """Whether the parts together leave nothing of the whole out."""
    rest = whole
    for part in sorted(parts, key=lambda one: (one.low, not one.with_low)):
        head = rest & Interval(high=part.low, with_high=not part.with_low)
        if part.low > -inf and not head.empty:
            return False
        if part.high == inf:
            return True
        rest = rest & Interval(low=part.high, with_low=not part.with_high)
        if rest.empty:
            return True
    return rest.empty
