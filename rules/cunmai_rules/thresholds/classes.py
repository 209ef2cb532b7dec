"""Into which class a value falls, by every limit of every rule at once. Pure.

The limits of a value, sorted, cut the numbers into classes: below the lowest limit, the limit itself, between it
and the next, and so on. Two numbers of one class meet the same limits, whichever side each limit includes, and
score the same in every table. A word, and yes or no, is a class of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import inf

from cunmai_rules.thresholds.forms import ClearLimit
from cunmai_rules.thresholds.leaves import Value
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand

Class = int | str | tuple[object, ...] | None
"""None: the value is missing."""


class Classes:
    """Of the readings of one kind."""

    __slots__ = ("_fields",)

    def __init__(self, kind: str, rules: Iterable[VersionedRule]) -> None:
        """`rules`: all that read this kind."""
        cuts: dict[str, set[float]] = defaultdict(set)
        for rule in rules:
            for one in rule.inputs.get(kind, ()):
                cuts[one.field.removesuffix("?")] |= set()
            for name, cut in _cuts(rule):
                if name.partition(".")[0] == kind:
                    cuts[name.partition(".")[2]].add(cut)
        # No number is below the first: only what is no number at all.
        self._fields = tuple((field, (-inf, *sorted(cuts[field]))) for field in sorted(cuts) if field)

    def of(self, values: Mapping[str, object]) -> tuple[Class, ...]:
        """The class of each value that any rule reads."""
        found: list[Class] = []
        for field, cuts in self._fields:
            value = values.get(field)
            if value.__class__ is float:
                place = bisect_left(cuts, value)
                found.append(
                    place + place if place == len(cuts) or cuts[place] != value else place + place + 1
                )
            else:
                found.append(_class(value, cuts))
        return tuple(found)


def _class(value: object, cuts: tuple[float, ...]) -> Class:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return (value,)
    if isinstance(value, int | float):
        place = bisect_left(cuts, value)
        return 2 * place + (place < len(cuts) and cuts[place] == value)
    if isinstance(value, Mapping):
        # A rule looks at the lowest or the highest entry.
        return tuple(_class(end(value.values()), cuts) for end in (min, max)) if value else ()
    return (repr(value),)


def _cuts(rule: VersionedRule) -> Iterator[tuple[str, float]]:
    """Every number that the rule holds a value against, with the value's name."""
    for leaf in rule.rule.leaves:
        if isinstance(leaf, Value):
            yield leaf.reads, leaf.value
        elif isinstance(leaf, ScoreAt | ScoreBand):
            yield from leaf.scorer.cuts
    when, clear = rule.rule.when, rule.rule.clear
    if isinstance(when, Value) and isinstance(clear, ClearLimit):
        yield when.reads, clear.value


NO_CLASSES = Classes("", ())
