"""Whom a score is not for, said in words and in facts. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from cunmai_rules.parts import Part
from cunmai_rules.thresholds.applies import Applies, ConditionName, Facts
from cunmai_rules.thresholds.limits import Range


class Words(Part):
    """A short text in both languages."""

    zh: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=160)]


class NotFor(Words):
    """People whom the score says nothing about, and, where it can be said in facts, how they are known."""

    age_years: Range | None = None
    pregnant: bool | None = None
    without_conditions: Annotated[tuple[ConditionName, ...], Field(max_length=20)] = ()
    """Only those who have none of these."""

    def surely(self, facts: Facts) -> bool:
        """Whether this subject is known to be one of them."""
        tests: list[bool] = []
        if self.age_years is not None:
            tests.append(_surely_of_age(self.age_years, facts))
        if self.pregnant is not None:
            tests.append(facts.pregnant is self.pregnant)
        if self.without_conditions:
            has = facts.conditions
            tests.append(has is not None and has.isdisjoint(self.without_conditions))
        return bool(tests) and all(tests)

    def how_to_leave_out(self, applies: Applies) -> str:
        """What a rule's `applies` must say so that it is for none of them; empty where that is said."""
        ages, conditions = self.age_years, self.without_conditions
        if self.pregnant is not None and applies.pregnant is (not self.pregnant):
            return ""
        if ages is not None and _apart(ages, applies):
            return ""
        if conditions and applies.conditions and set(applies.conditions) <= set(conditions):
            return ""
        if self.pregnant is not None:
            return f"pregnant: {str(not self.pregnant).lower()}"
        return "" if ages is None else f"age_years: {{{ages.rest}}}"


def _surely_of_age(ages: Range, facts: Facts) -> bool:
    band = facts.age_band_years if facts.age_years is None else (facts.age_years, facts.age_years)
    if band is None and facts.age_months is not None:
        band = (facts.age_months / 12, facts.age_months / 12)
    return band is not None and all(map(ages.holds, band))


def _apart(ages: Range, applies: Applies) -> bool:
    """Whether a rule is for nobody of these ages."""
    if applies.age_years is not None and not ages.overlaps(applies.age_years):
        return True
    months = {name: bound * 12 for name, bound in ages.model_dump(exclude_none=True).items()}
    return applies.age_months is not None and not Range(**months).overlaps(applies.age_months)
