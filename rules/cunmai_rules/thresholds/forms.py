"""The forms that a rule's `when` and `clear` may take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from cunmai_rules.thresholds.conditions import (
    All,
    AnyOf,
    Change,
    Count,
    Limit,
    Not,
    Part,
    Seconds,
    Value,
    form_of,
)
from cunmai_wire.readings import KINDS


class Spell(Part):
    """How long a condition must hold."""

    for_s: Seconds = 0
    """From the first reading to the last. 0: one reading raises."""
    gap_s: Seconds = 600
    """Readings that meet it further apart than this are not one spell."""


class When(Value, Spell):
    """The newest value against a limit, for so long."""


class WhenCount(Count, Spell):
    """So many of the newest values, for so long."""


class WhenChange(Change, Spell):
    """A fall or rise."""


class WhenAll(All, Spell):
    """Every part holds at once, for so long."""


class WhenAny(AnyOf, Spell):
    """At least one part holds, for so long."""


class WhenNot(Not, Spell):
    """The part does not hold, for so long."""


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise ValueError(f"没有 {kind} 这类数据, 可选: {known} / no kind {kind}; one of: {known}")
    return kind


KindName = Annotated[str, AfterValidator(_known_kind)]


class Silence(Part):
    """Nothing of a kind was heard for so long: since the last, or, with `after`, since one of that kind."""

    nothing_heard: KindName
    after: KindName | None = None
    for_s: Annotated[Seconds, Field(ge=1)]

    @model_validator(mode="after")
    def _two_kinds(self) -> Silence:
        if self.after == self.nothing_heard:
            raise ValueError(
                "after 与 nothing_heard 不能相同; 只等下一次时不写 after / "
                "after and nothing_heard must differ; without after it waits for the next one"
            )
        return self


AnyWhen = Annotated[
    Annotated[When, Tag("(value)")]
    | Annotated[WhenCount, Tag("(count)")]
    | Annotated[WhenChange, Tag("(change)")]
    | Annotated[WhenAll, Tag("(all)")]
    | Annotated[WhenAny, Tag("(any)")]
    | Annotated[WhenNot, Tag("(not)")]
    | Annotated[Silence, Tag("(silence)")],
    Discriminator(form_of),
]


class ClearLimit(Limit):
    """A limit on the other side. The distance to `when` is the hysteresis."""

    for_s: Seconds = 0


class ClearNoLonger(Part):
    """`when` has not held for so long."""

    for_s: Seconds


class ClearAll(All):
    """Every part holds, for so long."""

    for_s: Seconds = 0


class ClearAny(AnyOf):
    """At least one part holds, for so long."""

    for_s: Seconds = 0


def _clear_form(given: Any) -> str:
    keys = given if isinstance(given, Mapping) else vars(given) if isinstance(given, Part) else ()
    if "all" in keys or "any" in keys:
        return "(all)" if "all" in keys else "(any)"
    return "(no_longer)" if set(keys) == {"for_s"} else "(limit)"


AnyClear = Annotated[
    Annotated[ClearLimit, Tag("(limit)")]
    | Annotated[ClearNoLonger, Tag("(no_longer)")]
    | Annotated[ClearAll, Tag("(all)")]
    | Annotated[ClearAny, Tag("(any)")],
    Discriminator(_clear_form),
]
