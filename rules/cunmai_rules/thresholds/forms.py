"""The forms that a rule's `when` and `clear` may take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from cunmai_rules.parts import Part
from cunmai_rules.thresholds.catalogue import KindName, known_kind
from cunmai_rules.thresholds.conditions import All, AnyOf, Not, form_of
from cunmai_rules.thresholds.leaves import Change, Count, Value
from cunmai_rules.thresholds.limits import Limit, Seconds
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.worded import Is, Missing


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


class WhenIs(Is, Spell):
    """The newest value is a certain word."""


class WhenMissing(Missing, Spell):
    """The newest reading came without a value."""


class WhenScoreAt(ScoreAt, Spell):
    """A score against a limit, for so long."""


class WhenScoreBand(ScoreBand, Spell):
    """A score in certain bands, for so long."""


class WhenAll(All, Spell):
    """Every part holds at once, for so long."""


class WhenAny(AnyOf, Spell):
    """At least one part holds, for so long."""


class WhenNot(Not, Spell):
    """The part does not hold, for so long."""


def _kinds(given: Any) -> Any:
    """One kind or several, as several."""
    several = given if isinstance(given, list | tuple) else [given]
    if not several or not all(isinstance(one, str) for one in several):
        raise ValueError("写一类数据, 或几类的列表 / give a kind, or a list of kinds")
    return tuple(known_kind(kind) for kind in several)


class Silence(Part):
    """Nothing of some kinds was heard for so long: since the last, or, with `after`, since one of that kind."""

    nothing_heard: Annotated[
        tuple[str, ...], BeforeValidator(_kinds, json_schema_input_type=KindName | list[KindName])
    ]
    """Any of several ends it."""
    after: KindName | None = None
    for_s: Annotated[Seconds, Field(ge=1)]

    @model_validator(mode="after")
    def _two_kinds(self) -> Silence:
        if self.after in self.nothing_heard:
            raise ValueError(
                "after 与 nothing_heard 不能相同; 只等下一次时不写 after / "
                "after and nothing_heard must differ; without after it waits for the next one"
            )
        return self


AnyWhen = Annotated[
    Annotated[When, Tag("(value)")]
    | Annotated[WhenCount, Tag("(count)")]
    | Annotated[WhenChange, Tag("(change)")]
    | Annotated[WhenIs, Tag("(is)")]
    | Annotated[WhenMissing, Tag("(missing)")]
    | Annotated[WhenScoreAt, Tag("(score)")]
    | Annotated[WhenScoreBand, Tag("(band)")]
    | Annotated[WhenAll, Tag("(all)")]
    | Annotated[WhenAny, Tag("(any)")]
    | Annotated[WhenNot, Tag("(not)")]
    | Annotated[Silence, Tag("(silence)")],
    Discriminator(
        form_of,
        custom_error_type="heard_alone",
        custom_error_message="heard 不能单独作为 when, 与测量值一起写在 all 里 / "
        "heard cannot be a rule's whole `when`: put it in all, beside a condition on a value",
    ),
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
    if any(key in keys for key in ("reads", "is", "heard", "missing", "score", "not", "nothing_heard")):
        return "(bare)"
    return "(no_longer)" if set(keys) == {"for_s"} else "(limit)"


AnyClear = Annotated[
    Annotated[ClearLimit, Tag("(limit)")]
    | Annotated[ClearNoLonger, Tag("(no_longer)")]
    | Annotated[ClearAll, Tag("(all)")]
    | Annotated[ClearAny, Tag("(any)")],
    Discriminator(
        _clear_form,
        custom_error_type="bare_clear",
        custom_error_message="clear 里带 reads、is、score 的条件写在 all 或 any 里 / "
        "in clear, conditions with reads, is or score go into all or any",
    ),
]
