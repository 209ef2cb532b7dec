"""Conditions as clinicians write them, and what they say of the values at hand. Pure.

A condition is true, false, or unknown (None) where an input is missing or too old: `all` with an unknown
part is false only if another part is, `any` is true only if another part is. Unknown is never "normal".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    StringConstraints,
    Tag,
    model_validator,
)

from cunmai_wire.codes import CODES

MAX_SPAN_S = 30 * 24 * 3600
MOST_VALUES = 50
"""The most values of one input that a condition may look back on."""

Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seconds = Annotated[int, Strict(), Field(ge=0, le=MAX_SPAN_S)]
Truth = bool | None
Values = Mapping[str, Sequence[tuple[int, float]]]
"""By `kind.field`: when measured (ms) and the value, oldest first."""


class Part(BaseModel):
    """Base of every part of a threshold file: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Reads(Part):
    """Which value of which kind."""

    reads: Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z0-9_]+$")]
    """`kind.field` of the wire contract."""
    unit: str
    """UCUM, as the contract has it: a limit in another unit is a mistake that must not load."""

    @model_validator(mode="after")
    def _known_value_in_its_unit(self) -> Reads:
        kind, field = self.kind_and_field
        code = CODES.get((kind, field))
        if code is None:
            near = ", ".join(_nearest(self.reads))
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


def _nearest(reads: str) -> list[str]:
    """The values of the contract that an author may have meant."""
    known = sorted(f"{kind}.{field}" for kind, field in CODES)
    return get_close_matches(reads, known, n=4, cutoff=0.3) or known


class Value(Reads, Limit):
    """The newest value against a limit."""

    within_s: Annotated[Seconds, Field(ge=1)] | None = None
    """An older value is unknown. Default: the rule's `stale_after_s`."""

    def truth(self, values: Values, now_ms: int, stale_ms: int) -> Truth:
        at_hand = values.get(self.reads, ())
        within_ms = stale_ms if self.within_s is None else self.within_s * 1000
        if not at_hand or now_ms - at_hand[-1][0] > within_ms:
            return None
        return self.meets(at_hand[-1][1])

    def parts(self) -> Iterator[Leaf]:
        yield self

    @property
    def keeps(self) -> int:
        return 1


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

    def truth(self, values: Values, now_ms: int, stale_ms: int) -> Truth:
        within_ms = stale_ms if self.within_s is None else self.within_s * 1000
        newest = [value for t_ms, value in values.get(self.reads, ()) if now_ms - t_ms <= within_ms]
        newest = newest[-self.of_last :]
        met = sum(self.meets(value) for value in newest)
        if met >= self.at_least:
            return True
        return False if newest and met + self.of_last - len(newest) < self.at_least else None

    @property
    def keeps(self) -> int:
        return self.of_last


class Change(Reads):
    """How far the newest value lies from the highest (`falls_by`) or lowest (`rises_by`) of a span."""

    falls_by: Annotated[Number, Field(gt=0)] | None = None
    rises_by: Annotated[Number, Field(gt=0)] | None = None
    within_s: Annotated[Seconds, Field(ge=1)]

    @model_validator(mode="after")
    def _one_way(self) -> Change:
        if (self.falls_by is None) == (self.rises_by is None):
            raise ValueError(
                "falls_by 和 rises_by 必须恰好写一个 / give exactly one of falls_by and rises_by"
            )
        return self

    def truth(self, values: Values, now_ms: int, _stale_ms: int) -> Truth:
        span = [value for t_ms, value in values.get(self.reads, ()) if now_ms - t_ms <= self.within_s * 1000]
        if len(span) < 2:
            return None
        if self.falls_by is not None:
            return max(span) - span[-1] >= self.falls_by
        assert self.rises_by is not None, "exactly one is given"
        return span[-1] - min(span) >= self.rises_by

    def parts(self) -> Iterator[Leaf]:
        yield self

    @property
    def keeps(self) -> int:
        return MOST_VALUES


Leaf = Value | Change


class All(Part):
    """Every part holds."""

    all: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=20)]

    def truth(self, values: Values, now_ms: int, stale_ms: int) -> Truth:
        truths = [part.truth(values, now_ms, stale_ms) for part in self.all]
        return False if False in truths else None if None in truths else True

    def parts(self) -> Iterator[Leaf]:
        for part in self.all:
            yield from part.parts()


class AnyOf(Part):
    """At least one part holds."""

    any: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=20)]

    def truth(self, values: Values, now_ms: int, stale_ms: int) -> Truth:
        truths = [part.truth(values, now_ms, stale_ms) for part in self.any]
        return True if True in truths else None if None in truths else False

    def parts(self) -> Iterator[Leaf]:
        for part in self.any:
            yield from part.parts()


class Not(Part):
    """The part does not hold."""

    not_: Annotated[Condition, Field(alias="not")]

    def truth(self, values: Values, now_ms: int, stale_ms: int) -> Truth:
        truth = self.not_.truth(values, now_ms, stale_ms)
        return None if truth is None else not truth

    def parts(self) -> Iterator[Leaf]:
        yield from self.not_.parts()


def form_of(given: Any) -> str:
    """Which form of condition a mapping is, by its keys."""
    keys = given if isinstance(given, Mapping) else vars(given) if isinstance(given, Part) else ()
    for key, form in _FORMS:
        if key in keys:
            return form
    return "(value)"


_FORMS = (
    ("all", "(all)"), ("any", "(any)"), ("not", "(not)"), ("not_", "(not)"), ("nothing_heard", "(silence)"),
    ("at_least", "(count)"), ("of_last", "(count)"), ("falls_by", "(change)"), ("rises_by", "(change)"),
)  # fmt: skip

Condition = Annotated[
    Annotated[Value, Tag("(value)")]
    | Annotated[Count, Tag("(count)")]
    | Annotated[Change, Tag("(change)")]
    | Annotated[All, Tag("(all)")]
    | Annotated[AnyOf, Tag("(any)")]
    | Annotated[Not, Tag("(not)")],
    Discriminator(
        form_of,
        custom_error_type="silence_within",
        custom_error_message="nothing_heard 只能单独作为 when / nothing_heard can only be a rule's whole `when`",
    ),
]

for _model in (All, AnyOf, Not):
    _model.model_rebuild()
