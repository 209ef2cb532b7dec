"""Which limits have a case on both sides: one that comes out otherwise when the limit is moved a step. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.ruleset import RuleSet, compile_rule, index_rules
from cunmai_rules.tools.golden.cases import Case
from cunmai_rules.tools.golden.cuts import Cut, Side, cuts
from cunmai_rules.tools.golden.play import Played, play

_COUNTED = ("pages", "reviews", "prompts")


@dataclass(frozen=True, slots=True)
class Covered:
    """One limit, and the sides of it that no case stands on."""

    rule: Rule
    cut: Cut
    lacking: tuple[Side, ...]


def covered(rule: Rule, cases: Sequence[Case], late_after_ms: int) -> Iterator[Covered]:
    """Every limit of a rule, against the cases that know it. These must come true as they stand."""
    asking = sorted((case for case in cases if _asks(case, rule.id)), key=_length)
    for cut in cuts(rule):
        lacking = tuple(side for side in cut.sides if not _told_apart(side, asking, rule.id, late_after_ms))
        yield Covered(rule, cut, lacking)


def _told_apart(side: Side, cases: Sequence[Case], rule: str, late_after_ms: int) -> bool:
    moved = _alone(side.moved)
    besides = None if side.besides is None else _alone(side.besides)
    for case in cases:
        wrong = set(_wrong(case, play(case, moved, late_after_ms), rule))
        if wrong and besides is not None:
            wrong -= set(_wrong(case, play(case, besides, late_after_ms), rule))
        if wrong:
            return True
    return False


def _alone(rule: Rule) -> RuleSet:
    return index_rules([compile_rule(rule, "1-moved")], {"moved": "1-moved"})


def _asks(case: Case, rule: str) -> bool:
    """Whether its outcome can depend on the rule."""
    return rule in case.never or any(
        rule in expect.grades or any(getattr(expect, key) is not None for key in _COUNTED)
        for expect in case.expect
    )


def _length(case: Case) -> int:
    return sum(len(item.taken) for item in case.items())


def _wrong(case: Case, played: Played, rule: str) -> Iterator[tuple[str, int]]:
    """What the case says of this rule and does not come true: the key, and the moment (ms)."""
    if rule in case.never and rule in played.raised | played.asked:
        yield "never", 0
    for expect in case.expect:
        came = played.snapshots[expect.at]
        if rule in expect.grades and came.grades.get(rule, "grey") != expect.grades[rule]:
            yield "grades", expect.at
        for key in _COUNTED:
            wanted = getattr(expect, key)
            if wanted is not None and wanted.get(rule, 0) != getattr(came, key).get(rule, 0):
                yield key, expect.at
