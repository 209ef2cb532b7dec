"""Numbers and what they are held against: one limit, or a range. Pure."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from math import inf
from typing import Annotated

from pydantic import ConfigDict, Field, Strict, model_validator

from cunmai_rules.parts import Part

MAX_SPAN_S = 30 * 24 * 3600

Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seconds = Annotated[int, Strict(), Field(ge=0, le=MAX_SPAN_S)]


class Direction(StrEnum):
    """How a limit compares, and whether it includes its own value."""

    AT_OR_BELOW = "at_or_below"
    BELOW = "below"
    AT_OR_ABOVE = "at_or_above"
    ABOVE = "above"

    def meets(self, value: float, limit: float) -> bool:
        """Whether `value` is on the limit's side."""
        match self:
            case Direction.AT_OR_BELOW:
                return value <= limit
            case Direction.BELOW:
                return value < limit
            case Direction.AT_OR_ABOVE:
                return value >= limit
            case Direction.ABOVE:
                return value > limit

    @property
    def low_side(self) -> bool:
        """Whether it is low values that meet it."""
        return self in (Direction.AT_OR_BELOW, Direction.BELOW)


class Limit(Part):
    """Exactly one comparison."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in Direction]})

    at_or_below: Number | None = None
    below: Number | None = None
    at_or_above: Number | None = None
    above: Number | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Limit:
        if len(self._given()) != 1:
            names = ", ".join(Direction)
            raise ValueError(f"界限必须恰好写一个: {names} / give exactly one of {names}")
        return self

    def _given(self) -> list[Direction]:
        return [direction for direction in Direction if getattr(self, direction) is not None]

    @cached_property
    def direction(self) -> Direction:
        return self._given()[0]

    @cached_property
    def value(self) -> float:
        value: float = getattr(self, self.direction)
        return value

    def meets(self, value: float) -> bool:
        return self.direction.meets(value, self.value)


class Range(Part):
    """One bound or two."""

    at_or_below: Number | None = None
    below: Number | None = None
    at_or_above: Number | None = None
    above: Number | None = None

    @model_validator(mode="after")
    def _one_or_two(self) -> Range:
        low = [name for name in ("at_or_above", "above") if getattr(self, name) is not None]
        high = [name for name in ("at_or_below", "below") if getattr(self, name) is not None]
        if (not low and not high) or len(low) > 1 or len(high) > 1:
            raise ValueError(
                "范围写一个下限、一个上限或两个都写 / give a lower bound, an upper bound, or one of each"
            )
        if low and high and getattr(self, low[0]) > getattr(self, high[0]):
            raise ValueError("范围的下限高于上限 / the lower bound is above the upper bound")
        return self

    def holds(self, value: float | None) -> bool:
        """Whether the value is inside; what is not known is."""
        return value is None or all(
            direction.meets(value, bound)
            for direction in Direction
            if (bound := getattr(self, direction)) is not None
        )

    def may_hold(self, lowest: float, highest: float) -> bool:
        """Whether some value from `lowest` to `highest`, both included, is inside."""
        upper = all(
            direction.meets(lowest, bound)
            for direction in (Direction.AT_OR_BELOW, Direction.BELOW)
            if (bound := getattr(self, direction)) is not None
        )
        return upper and all(
            direction.meets(highest, bound)
            for direction in (Direction.AT_OR_ABOVE, Direction.ABOVE)
            if (bound := getattr(self, direction)) is not None
        )

    def overlaps(self, other: Range) -> bool:
        """Whether some value is inside both."""
        (low, outside), (high, inside) = max(self._low, other._low), min(self._high, other._high)
        return low < high or (low == high and inside and not outside)

    @property
    def _low(self) -> tuple[float, bool]:
        """The lower end, and whether it is itself outside."""
        if self.above is not None:
            return self.above, True
        return -inf if self.at_or_above is None else self.at_or_above, False

    @property
    def _high(self) -> tuple[float, bool]:
        """The upper end, and whether it is itself inside."""
        if self.below is not None:
            return self.below, False
        return inf if self.at_or_below is None else self.at_or_below, True

    @property
    def rest(self) -> str:
        """Everything else, as a file says it, where that is one range."""
        given = {name: bound for name in Direction if (bound := getattr(self, name)) is not None}
        return ", ".join(f"{_OTHER_SIDE[name]}: {bound:g}" for name, bound in given.items())


_OTHER_SIDE = {
    Direction.AT_OR_BELOW: Direction.ABOVE,
    Direction.BELOW: Direction.AT_OR_ABOVE,
    Direction.AT_OR_ABOVE: Direction.BELOW,
    Direction.ABOVE: Direction.AT_OR_BELOW,
}
