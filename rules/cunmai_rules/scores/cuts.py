"""Where the verdict of a score table on one input can change. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from cunmai_rules.scores.table import Condition, Input, ScoreTable

_HALF = Decimal("0.5")


def cuts_of(table: ScoreTable, name: str) -> frozenset[float]:
    """Values of an input, as measured, at which points, rows or plausibility can change; of a choice, its numbers.

    Between two neighbours every value scores the same; the value of a cut itself may be with either side.
    """
    wanted = table.inputs[name]
    if wanted.step is None:
        return frozenset(float(choice) for choice in wanted.choices or () if type(choice) is int)
    return frozenset(float(cut) for bound in _bounds(table, name, wanted) for cut in _around(bound, wanted))


def _bounds(table: ScoreTable, name: str, wanted: Input) -> Iterator[Decimal]:
    """Everything that the rounded value is held against."""
    found = [wanted.lowest, wanted.highest]
    conditions = [row.given.get(name) for row in table.by_row]
    for one in (one for part in table.parts.values() for one in part):
        conditions.append(one.given.get(name))
        if one.reads == name:
            found += [bound for row in one.rows or () for bound in (row.lowest, row.highest)]
    for condition in conditions:
        if isinstance(condition, Condition):
            found += [condition.lowest, condition.below]
    return (bound for bound in found if bound is not None)


def _around(bound: Decimal, wanted: Input) -> Iterator[Decimal]:
    """The smallest rounded values that are not below the bound, and above it: from where they are rounded to."""
    assert wanted.step is not None, "a number has a step"
    steps = bound / wanted.step
    at_or_above = steps.to_integral_value(ROUND_CEILING)
    above = steps.to_integral_value(ROUND_FLOOR) + 1
    back = _HALF if wanted.rounding == "half_up" else Decimal(0)
    for count in (at_or_above, above):
        yield (count - back) * wanted.step
