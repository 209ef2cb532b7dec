"""Conditions as clinicians combine them. Pure.

`all` with an unknown part is false only if another part is, `any` is true only if another part is. Unknown is
never "normal".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from cunmai_rules.parts import Part
from cunmai_rules.thresholds.leaves import AtHand, Change, Count, Truth, Value
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.worded import Heard, Is, Missing

Leaf = Value | Change | Is | Heard | Missing | ScoreAt | ScoreBand


class All(Part):
    """Every part holds."""

    all: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=20)]

    def truth(self, at: AtHand) -> Truth:
        found: Truth = True
        for part in self.all:
            truth = part.truth(at)
            if truth is False:
                return False
            found = found and truth
        return found


class AnyOf(Part):
    """At least one part holds."""

    any: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=20)]

    def truth(self, at: AtHand) -> Truth:
        found: Truth = False
        for part in self.any:
            truth = part.truth(at)
            if truth:
                return True
            found = found if truth is False else None
        return found


class Not(Part):
    """The part does not hold."""

    not_: Annotated[Condition, Field(alias="not")]

    def truth(self, at: AtHand) -> Truth:
        truth = self.not_.truth(at)
        return None if truth is None else not truth


def leaves_of(condition: Condition) -> Iterator[Leaf]:
    """Every condition on a single value, in the order of the file."""
    match condition:
        case All():
            parts: tuple[Condition, ...] = condition.all
        case AnyOf():
            parts = condition.any
        case Not():
            parts = (condition.not_,)
        case _:
            yield condition
            return
    for part in parts:
        yield from leaves_of(part)


def form_of(given: Any) -> str:
    """Which form of condition a mapping is, by its keys."""
    keys = given if isinstance(given, Mapping) else vars(given) if isinstance(given, Part) else ()
    for key, form in _FORMS:
        if key in keys:
            return form
    return "(value)"


_FORMS = (
    ("all", "(all)"), ("any", "(any)"), ("not", "(not)"), ("not_", "(not)"), ("nothing_heard", "(silence)"),
    ("heard", "(heard)"), ("missing", "(missing)"), ("at_least", "(count)"), ("of_last", "(count)"),
    ("falls_by", "(change)"), ("rises_by", "(change)"), ("band", "(band)"), ("score", "(score)"),
    ("is", "(is)"), ("is_", "(is)"),
)  # fmt: skip

Condition = Annotated[
    Annotated[Value, Tag("(value)")]
    | Annotated[Count, Tag("(count)")]
    | Annotated[Change, Tag("(change)")]
    | Annotated[Is, Tag("(is)")]
    | Annotated[Heard, Tag("(heard)")]
    | Annotated[Missing, Tag("(missing)")]
    | Annotated[ScoreAt, Tag("(score)")]
    | Annotated[ScoreBand, Tag("(band)")]
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
