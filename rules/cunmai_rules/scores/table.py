"""A score table as a model: what clinicians write, checked for gaps, overlaps and forgotten cases. Pure.

A part gives points for one input. A number is first rounded half up to the input's own step (the
precision of the printed table), so 35.04 degrees is 35.0, as a thermometer would show it. Rows then
name whole ranges of it, both ends included, from the lowest to the highest, with nothing left out.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, StringConstraints, model_validator

from cunmai_rules.parts import Part, ValueName
from cunmai_rules.scores.whom import NotFor, Words
from cunmai_rules.thresholds.applies import ConditionName, FactName

InputName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
BandName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$")]
Points = Annotated[int, Strict(), Field(ge=0, le=20)]
Choice = str | bool | int


def _exact(value: object) -> object:
    """A number as it was written: 0.1 is one tenth."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return Decimal(str(value))


Exact = Annotated[Decimal, BeforeValidator(_exact), Field(allow_inf_nan=False)]


def _several(given: object) -> object:
    return [given] if isinstance(given, str) else given


class Input(Part):
    """One thing that the score asks for: a number (unit, step, lowest, highest) or a choice."""

    title: Words
    unit: str | None = None
    """UCUM."""
    step: Exact | None = None
    lowest: Exact | None = None
    """Below this, or above `highest`, a number is a mistake of the entry and scores nothing."""
    highest: Exact | None = None
    rounding: Literal["half_up", "down"] = "half_up"
    """To the step. An age goes down: nobody is 80 before the birthday."""
    choices: tuple[Choice, ...] | None = None
    default: Choice | None = None
    """What holds where nothing is said. Without it, silence is unknown."""
    also: tuple[InputName, ...] = ()
    """Other names by which the input may be given."""
    reads: Annotated[
        tuple[ValueName, ...], BeforeValidator(_several, json_schema_input_type=str | list[str])
    ] = ()
    """Where a rule finds it: `kind.field`. Of several, the newest."""
    fact: FactName | None = None
    """Or: what is known of the resident."""
    by_condition: dict[ConditionName, Choice] = Field(default_factory=dict)
    """Or: the choice of a resident who has this documented condition; `default` holds for the others."""

    @property
    def has_source(self) -> bool:
        """Whether a rule can find it."""
        return bool(self.reads or self.fact or self.by_condition)

    @model_validator(mode="after")
    def _number_or_choice(self) -> Input:
        number = (self.unit, self.step, self.lowest, self.highest)
        if self.choices is None:
            if any(value is None for value in number):
                raise ValueError(
                    "数值项要写 unit, step, lowest, highest, 选择项要写 choices / "
                    "a number needs unit, step, lowest and highest; a choice needs choices"
                )
        elif any(value is not None for value in number):
            raise ValueError(
                "choices 不能与 unit, step, lowest, highest 同写 / choices excludes the keys of a number"
            )
        if self.default is not None and self.default not in (self.choices or ()):
            raise ValueError("default 必须是 choices 之一 / default must be one of choices")
        if self.step is not None and self.step <= 0:
            raise ValueError("step 必须大于 0 / step must be greater than 0")
        return self

    def rounded(self, value: Decimal) -> Decimal:
        """`value` at the input's own step."""
        assert self.step is not None
        mode = ROUND_HALF_UP if self.rounding == "half_up" else ROUND_FLOOR
        return (value / self.step).quantize(Decimal(1), mode) * self.step


class Row(Part):
    """Points for a range, both ends included. A missing end is open."""

    lowest: Exact | None = Field(default=None, alias="from")
    highest: Exact | None = Field(default=None, alias="to")
    points: Points

    def holds(self, value: Decimal) -> bool:
        """Whether `value` lies in the range."""
        return (self.lowest is None or value >= self.lowest) and (
            self.highest is None or value <= self.highest
        )


class Condition(Part):
    """When a table applies, said of another number."""

    lowest: Exact | None = Field(default=None, alias="from")
    below: Exact | None = None

    def holds(self, value: Decimal) -> bool:
        """Whether `value` lies in the half-open range."""
        return (self.lowest is None or value >= self.lowest) and (self.below is None or value < self.below)


class Table(Part):
    """Points for one input, in the circumstances of `given`."""

    given: dict[InputName, Choice | Condition] = Field(default_factory=dict)
    reads: InputName
    rows: Annotated[tuple[Row, ...], Field(min_length=1)] | None = None
    choices: dict[str, Points] | None = None
    """By the choice as it is written in the file."""
    not_evidence: Words | None = None
    """In these circumstances the input says nothing; why."""

    @model_validator(mode="after")
    def _one_way_to_score(self) -> Table:
        ways = [way for way in (self.rows, self.choices, self.not_evidence) if way is not None]
        if len(ways) != 1:
            raise ValueError(
                "rows, choices, not_evidence 恰好写一个 / give exactly one of rows, choices, not_evidence"
            )
        return self

    def all_points(self) -> tuple[int, ...]:
        """Every number of points that it can give."""
        if self.rows is not None:
            return tuple(row.points for row in self.rows)
        return tuple((self.choices or {}).values())


class Band(Part):
    """A name for a range of totals, or for a single part that is high by itself."""

    band: BandName
    title: Words
    lowest: Points | None = Field(default=None, alias="from")
    highest: Points | None = Field(default=None, alias="to")
    any_part: Points | None = None
    """The band where one part alone has at least so many points, and the total says nothing worse."""


class NamedRow(Part):
    """A row that names the band outright, before points are asked."""

    given: dict[InputName, Choice | Condition | tuple[Choice, ...]]
    band: BandName


class ScoreTable(Part):
    """One score."""

    score: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: Annotated[int, Strict(), Field(ge=1)]
    title: Words
    source: Annotated[str, StringConstraints(min_length=4, max_length=400)]
    not_for: tuple[NotFor, ...] = ()
    inputs: Annotated[dict[InputName, Input], Field(min_length=1, max_length=30)]
    parts: Annotated[dict[InputName, Annotated[tuple[Table, ...], Field(min_length=1)]], Field(min_length=1)]
    by_row: tuple[NamedRow, ...] = ()
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    """From the mildest to the gravest."""

    @property
    def most(self) -> int:
        """The highest total that there is."""
        return sum(
            max(points for table in tables for points in table.all_points() or (0,))
            for tables in self.parts.values()
        )


def as_written(choice: Choice) -> str:
    """A choice as the file has it."""
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def among(one: object, choices: tuple[Any, ...]) -> bool:
    """`in`, without 1 being True."""
    return any(one == choice and type(one) is type(choice) for choice in choices)


def fits(wanted: object, value: Choice | Decimal) -> bool:
    """Whether a known value is what `given` asks for."""
    if isinstance(wanted, Condition):
        return isinstance(value, Decimal) and wanted.holds(value)
    return among(value, wanted if isinstance(wanted, tuple) else (wanted,))
