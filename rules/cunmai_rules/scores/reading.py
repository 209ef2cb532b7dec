"""A score table over what is known of a resident now: the newest values and the facts. Pure.

The same values score the same, so an outcome is remembered: an oximeter that says the same each second costs
one look-up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

from cunmai_rules.scores.cuts import cuts_of
from cunmai_rules.scores.scoring import Range, Scored, readable, score
from cunmai_rules.scores.table import Choice, Input, ScoreTable
from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.leaves import AtHand

REMEMBERED = 4096
"""Outcomes by table."""


_WORDS: Any = {
    "title": True, "source": True, "version": True,
    "inputs": {"__all__": {"title"}}, "bands": {"__all__": {"title"}}, "not_for": {"__all__": {"zh", "en"}},
}  # fmt: skip


class Scorer:
    """One table, ready to be asked again and again."""

    def __init__(self, table: ScoreTable) -> None:
        self.table = table
        judges = table.model_dump_json(exclude=_WORDS)
        self.digest = hashlib.sha256(judges.encode()).hexdigest()[:12]
        """Equal where two tables score alike, whatever their words."""
        self.reads = tuple(dict.fromkeys(name for one in table.inputs.values() for name in one.reads))
        """Every `kind.field` that it looks at."""
        self._find = [_finder(one) for one in table.inputs.values()]
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._score)
        # A rule asks twice of the same moment: what raises it, and what clears it. One name for all of it, so
        # that another thread sees all or nothing.
        self._whom: tuple[Facts | None, bool] = (None, False)
        self._last: tuple[AtHand | None, int | None, Scored | Range | None] = (None, None, None)

    @cached_property
    def cuts(self) -> tuple[tuple[str, float], ...]:
        """Where the score can change, by the `kind.field` that it looks at: see `cuts_of`."""
        return tuple(
            (read, cut)
            for name, one in self.table.inputs.items()
            for read in one.reads
            for cut in sorted(cuts_of(self.table, name))
        )

    def outcome(self, at: AtHand, within_s: int | None) -> Scored | Range | None:
        """The score, or its range where something is missing or too old; None where it is not for this subject."""
        asked, within, found = self._last
        if asked is not at or within != within_s:
            found = self._outcome(at, within_s)
            self._last = (at, within_s, found)
        return found

    def _outcome(self, at: AtHand, within_s: int | None) -> Scored | Range | None:
        facts, not_for_it = self._whom
        if facts is not at.facts:
            not_for_it = any(one.surely(at.facts) for one in self.table.not_for)
            self._whom = (at.facts, not_for_it)
        if not_for_it:
            return None
        return self._remembered(tuple(find(at, within_s) for find in self._find))

    def _score(self, values: tuple[object, ...]) -> Scored | Range:
        given = {
            name: value for name, value in zip(self.table.inputs, values, strict=True) if value is not None
        }
        return score(self.table, readable(self.table, given))


Finder = Callable[[AtHand, int | None], object]


def _finder(wanted: Input) -> Finder:
    """Where a rule looks for one input. What it returns as None is missing, or left to the table's default."""
    if wanted.reads:
        return lambda at, within_s: _newest(at, wanted.reads, within_s)
    if wanted.fact is not None:
        name = wanted.fact
        return lambda at, _: getattr(at.facts, name)
    return lambda at, _: _documented(at.facts, wanted.by_condition)


def _newest(at: AtHand, names: tuple[str, ...], within_s: int | None) -> object:
    """Of several values, the one that was measured last."""
    if len(names) == 1:
        return at.newest(names[0], within_s)
    measured = [(at.values[name][-1][0], name) for name in names if at.values.get(name)]
    return at.newest(max(measured)[1], within_s) if measured else None


def _documented(facts: Facts, choices: dict[str, Choice]) -> Choice | None:
    has = facts.conditions or frozenset()
    return next((choice for condition, choice in choices.items() if condition in has), None)
