"""A threshold file as a model: what clinicians write, checked down to the last key.

Every limit says whether it includes its own value (`at_or_below`, `below`, `at_or_above`, `above`), in
which unit, and where it comes from. See rules/README.md for the format by example.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints, model_validator

from cunmai_wire.codes import CODES
from cunmai_wire.events import Grade, Lane
from cunmai_wire.quality import QualityFlag

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
MAX_SPAN_S = 30 * 24 * 3600

Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seconds = Annotated[int, Strict(), Field(ge=0, le=MAX_SPAN_S)]


class Part(BaseModel):
    """Base of every part of a threshold file: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Part):
    """A short text in both languages."""

    zh: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=120)]


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

    @property
    def direction(self) -> Direction:
        return self._given()[0]

    @property
    def value(self) -> float:
        value: float = getattr(self, self.direction)
        return value

    def meets(self, value: float) -> bool:
        return self.direction.meets(value, self.value)


class When(Limit):
    """The condition that raises: which value of which kind, against which limit, for how long."""

    reads: Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z0-9_]+$")]
    """`kind.field` of the wire contract."""
    unit: str
    """UCUM, as the contract has it: a limit in another unit is a mistake that must not load."""
    for_s: Seconds = 0
    """How long it must hold, from the first reading to the last. 0: one reading raises."""
    gap_s: Seconds = 600
    """Readings further apart than this are not one spell."""

    @model_validator(mode="after")
    def _known_value_in_its_unit(self) -> When:
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


class Clear(Limit):
    """The condition that ends an alarm. The distance to `when` is the hysteresis."""

    for_s: Seconds = 0


class Quality(Part):
    """Which quality flags do not matter to this rule. Any other flag makes a reading no evidence."""

    accept: tuple[QualityFlag, ...] = ()
    doubt_after_s: Annotated[int, Strict(), Field(ge=10, le=3600)] = 60
    """Flagged readings that meet the limit for so long, with no usable one between: a review asks to measure
    again, at most one an hour."""


class Rule(Part):
    """One rule of a pack."""

    id: RuleId
    title: Words
    grade: Literal[Grade.RED, Grade.YELLOW]
    when: When
    clear: Clear
    quality: Quality = Quality()
    lane: Lane
    """page: a message to a person, now. review: a task on the worklist."""
    stale_after_s: Seconds = 900
    """Without evidence for this long, green becomes grey: unknown. A raised alarm stays raised."""
    source: Annotated[str, StringConstraints(min_length=4, max_length=400)]
    """Guideline or decision that the limits come from, and who signed."""

    @model_validator(mode="after")
    def _clears_on_the_other_side(self) -> Rule:
        raised, cleared = self.when, self.clear
        if raised.direction.low_side == cleared.direction.low_side:
            raise ValueError(
                "clear 必须在 when 的另一侧, 例如 at_or_below 93 配 at_or_above 95 / "
                "clear must be on the other side of when, for example at_or_below 93 with at_or_above 95"
            )
        if raised.meets(cleared.value) and cleared.meets(cleared.value):
            raise ValueError(
                f"{cleared.value:g} 同时满足 when 和 clear / {cleared.value:g} meets both when and clear"
            )
        low = raised.direction.low_side
        if (cleared.value < raised.value) if low else (cleared.value > raised.value):
            raise ValueError("clear 与 when 重叠 / clear overlaps when")
        return self


class Pack(Part):
    """One threshold file."""

    pack: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
    version: Annotated[int, Strict(), Field(ge=1)]
    title: Words
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=500)]
