"""Conditions on one value that is a number: a limit, a count of readings, a change. Pure.

Each is true, false, or unknown (None) where the value is missing or too old. Unknown is never "normal".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field, Strict, model_validator

from cunmai_rules.parts import Part, ValueName
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.catalogue import NUMBERS, WORDED, nearest, one_of
from cunmai_rules.thresholds.limits import Limit, Number, Seconds

MOST_VALUES = 50
"""The most values of one input that a condition may look back on."""

Truth = bool | None
Values = dict[str, tuple[tuple[int, Any], ...]]
"""By `kind.field`: when measured (ms) and the value, oldest first."""
Within = Annotated[Seconds, Field(ge=1)]


class AtHand(NamedTuple):
    """What is known at one moment."""

    values: Values
    now_ms: int
    stale_ms: int
    """How old a value may be where the condition does not say it: the rule's `stale_after_s`."""
    facts: Facts = NOTHING_KNOWN

    def newest(self, name: str, within_s: int | None) -> Any:
        """The newest value, or None where there is none so young."""
        values = self.values.get(name)
        within_ms = self.stale_ms if within_s is None else within_s * 1000
        if not values or self.now_ms - values[-1][0] > within_ms:
            return None
        return values[-1][1]


class Need(NamedTuple):
    """One value that a condition looks at, and how much of it must be remembered."""

    name: str
    """`kind.field`; a kind alone: that one was heard; with `?` behind it: whether the value was there."""
    keeps: int = 1
    within_s: int | None = None
    """None: the rule's `stale_after_s`."""
    lowest: bool = False
    """Of a value that is a table (days of stock by medicine): whether its lowest or its highest counts."""


class Reads(Part):
    """Which number of which kind."""

    reads: Annotated[ValueName, one_of(NUMBERS)]
    """`kind.field` of the wire contract."""
    unit: Annotated[str, one_of(code.ucum for code in NUMBERS.values())]
    """UCUM, as the contract has it: a limit in another unit is a mistake that must not load."""

    @model_validator(mode="before")
    @classmethod
    def _not_a_word(cls, given: Any) -> Any:
        name = given.get("reads") if isinstance(given, Mapping) else None
        if isinstance(name, str) and name in WORDED:
            one = WORDED[name].choices[0]
            raise ValueError(
                f"{name} 不是数值: 用 is, 例如 is: {one}, 不写界限和 unit / "
                f"{name} is no number: use is, for example is: {one}, without a limit or a unit"
            )
        return given

    @model_validator(mode="after")
    def _known_value_in_its_unit(self) -> Reads:
        code = NUMBERS.get(self.reads)
        if code is None:
            near = nearest(self.reads, NUMBERS)
            raise ValueError(
                f"没有测量值 {self.reads}, 相近的有: {near} / no value {self.reads}; near it: {near}"
            )
        if code.ucum != self.unit:
            raise ValueError(
                f"{self.reads} 的单位是 {code.ucum!r}, 不是 {self.unit!r} / "
                f"{self.reads} is in {code.ucum!r}, not {self.unit!r}"
            )
        return self

    @property
    def kind_and_field(self) -> tuple[str, str]:
        kind, _, field = self.reads.partition(".")
        return kind, field


class Value(Reads, Limit):
    """The newest value against a limit."""

    within_s: Within | None = None
    """An older value is unknown. Default: the rule's `stale_after_s`."""

    def truth(self, at: AtHand) -> Truth:
        value = at.newest(self.reads, self.within_s)
        return None if value is None else self.meets(value)

    def meets_also(self, limit: Limit, at: AtHand) -> Truth:
        """Whether the newest value, however old, meets another limit."""
        values = at.values.get(self.reads)
        return limit.meets(values[-1][1]) if values else None

    def needs(self) -> Iterator[Need]:
        yield Need(self.reads, 1, self.within_s, self.direction.low_side)


class Count(Value):
    """So many of the newest values against a limit: "2 of the last 3"."""

    at_least: Annotated[int, Strict(), Field(ge=1, le=MOST_VALUES)]
    of_last: Annotated[int, Strict(), Field(ge=2, le=MOST_VALUES)]

    @model_validator(mode="after")
    def _possible(self) -> Count:
        if self.at_least > self.of_last:
            raise ValueError(
                f"at_least {self.at_least} 大于 of_last {self.of_last} / "
                f"at_least {self.at_least} is more than of_last {self.of_last}"
            )
        return self

    def truth(self, at: AtHand) -> Truth:
        within_ms = at.stale_ms if self.within_s is None else self.within_s * 1000
        newest = [value for t_ms, value in at.values.get(self.reads, ()) if at.now_ms - t_ms <= within_ms]
        newest = newest[-self.of_last :]
        met = sum(self.meets(value) for value in newest)
        if met >= self.at_least:
            return True
        return False if newest and met + self.of_last - len(newest) < self.at_least else None

    def needs(self) -> Iterator[Need]:
        yield Need(self.reads, self.of_last, self.within_s, self.direction.low_side)


class Change(Reads):
    """How far the newest value lies from the highest (`falls_by`) or lowest (`rises_by`) of a span."""

    falls_by: Annotated[Number, Field(gt=0)] | None = None
    rises_by: Annotated[Number, Field(gt=0)] | None = None
    within_s: Within

    @model_validator(mode="after")
    def _one_way(self) -> Change:
        if (self.falls_by is None) == (self.rises_by is None):
            raise ValueError(
                "falls_by 和 rises_by 必须恰好写一个 / give exactly one of falls_by and rises_by"
            )
        return self

    def truth(self, at: AtHand) -> Truth:
        within_ms = self.within_s * 1000
        span = [value for t_ms, value in at.values.get(self.reads, ()) if at.now_ms - t_ms <= within_ms]
        if len(span) < 2:
            return None
        if self.falls_by is not None:
            return bool(max(span) - span[-1] >= self.falls_by)
        assert self.rises_by is not None, "exactly one is given"
        return bool(span[-1] - min(span) >= self.rises_by)

    def needs(self) -> Iterator[Need]:
        yield Need(self.reads, MOST_VALUES, self.within_s, self.falls_by is not None)
