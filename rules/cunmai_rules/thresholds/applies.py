"""Whom a rule applies to, and what is known of a subject. Pure.

A fact that is not known does not take a rule away: a missed alarm would be worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cunmai_rules.parts import Part, form
from cunmai_rules.thresholds.limits import Range

DEFAULT_LIMITS_UP_TO_M = 2500
"""Above this altitude healthy people are below the usual oxygen limits (clinical sources: median 94.5 % at
2,810 m, mean 87.3 % at 4,018 m): a rule on SpO2 that does not say its altitude does not apply there."""

Colour = Literal["green", "yellow", "red"]
FactName = Literal["age_years", "age_months", "pregnant", "risk_colour"]
"""What a score table may ask of a resident."""
_CONDITION = r"^[a-z][a-z0-9_-]{1,39}$"
ConditionName = Annotated[
    str,
    StringConstraints(pattern=_CONDITION),
    form(
        _CONDITION,
        "只用小写字母、数字和短横线, 例如 copd",
        "lower-case letters, digits and dashes, as in copd",
    ),
]


@dataclass(frozen=True, slots=True)
class PersonalLimits:
    """One resident's own limits for one rule: a clinician set them instead of the rule's."""

    raises: float
    clears: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a subject. None: not known."""

    age_years: float | None = None
    age_band_years: tuple[float, float] | None = None
    """The lowest and the highest age, where no more than that is known."""
    pregnant: bool | None = None
    conditions: frozenset[str] | None = None
    risk_colour: Colour | None = None
    altitude_m: float | None = None
    limits: Mapping[str, PersonalLimits] = field(default_factory=dict, hash=False)
    """By rule id."""
    age_months: float | None = None
    """Completed months, of a child: limits of infants differ by the month."""


NOTHING_KNOWN = Facts()


class Applies(Part):
    """Every line given must fit. An empty one fits everybody below 2,500 m."""

    age_years: Range | None = None
    age_months: Range | None = None
    pregnant: bool | None = None
    conditions: Annotated[tuple[ConditionName, ...], Field(max_length=20)] = ()
    """Has at least one of these."""
    without_conditions: Annotated[tuple[ConditionName, ...], Field(max_length=20)] = ()
    """Has none of these."""
    risk_colour: Annotated[tuple[Colour, ...], Field(max_length=3)] = ()
    altitude_m: Range | None = None
    where_unknown: Literal["applies", "does_not"] = "applies"
    """Whether the rule is for somebody of whom a fact that it asks for is not known. Left out, it is: a missed
    alarm would be worse. `does_not` is for rules of a few people (pregnant, a child, a diagnosis) where the rules
    for everybody hold anyway. The altitude is always taken as fitting where it is not known."""

    def fits(self, facts: Facts, *, reads_spo2: bool) -> bool:
        """Whether the rule applies to a subject of whom this is known."""
        if self.where_unknown == "does_not" and self.asks_for_unknown(facts):
            return False
        altitude = self.altitude_m
        if altitude is None and reads_spo2:
            altitude = _DEFAULT_ALTITUDE
        has = facts.conditions
        return (
            (altitude is None or altitude.holds(facts.altitude_m))
            and (self.age_years is None or _age_fits(self.age_years, facts))
            and (self.age_months is None or _months_fit(self.age_months, facts))
            and (self.pregnant is None or facts.pregnant in (None, self.pregnant))
            and (not self.conditions or has is None or not has.isdisjoint(self.conditions))
            and (has is None or has.isdisjoint(self.without_conditions))
            and (not self.risk_colour or facts.risk_colour in (None, *self.risk_colour))
        )

    def asks_for_unknown(self, facts: Facts) -> bool:
        """Whether a fact that this asks for is not known."""
        age_known = not (
            facts.age_years is None and facts.age_months is None and facts.age_band_years is None
        )
        return (
            ((self.age_years is not None or self.age_months is not None) and not age_known)
            or (self.pregnant is not None and facts.pregnant is None)
            or (bool(self.conditions or self.without_conditions) and facts.conditions is None)
            or (bool(self.risk_colour) and facts.risk_colour is None)
        )


def _age_fits(wanted: Range, facts: Facts) -> bool:
    if facts.age_years is None and facts.age_band_years is not None:
        return wanted.may_hold(*facts.age_band_years)
    if facts.age_years is None and facts.age_months is not None:
        return wanted.holds(facts.age_months / 12)
    return wanted.holds(facts.age_years)


def _months_fit(wanted: Range, facts: Facts) -> bool:
    """Whether an age in months fits; where only the years are known, whether one of their months does."""
    if facts.age_months is not None:
        return wanted.holds(facts.age_months)
    years = facts.age_band_years if facts.age_years is None else (facts.age_years, facts.age_years)
    return years is None or wanted.may_hold(int(years[0]) * 12, int(years[1]) * 12 + 11)


_DEFAULT_ALTITUDE = Range(at_or_below=DEFAULT_LIMITS_UP_TO_M)
