"""What a next reading like the last one does to each group and rule. Pure; `settling` finds it, `steady` uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cunmai_rules.thresholds.classes import Class
from cunmai_rules.thresholds.events import Decision, Observation
from cunmai_rules.thresholds.plan import NOTHING, Group, Plan
from cunmai_rules.thresholds.ruleset import Input, VersionedRule
from cunmai_rules.thresholds.signal import Signal
from cunmai_rules.thresholds.stay import FOR_EVER, Moves

MOST_BEHIND = 40
"""Readings that are kept where rules remember more than the newest values."""


class OfGroup(NamedTuple):
    """What it does to a group."""

    group: Group
    is_evidence: bool
    decisions: tuple[Decision, ...]
    until_ms: int
    """This holds of readings measured up to then,"""
    apart_ms: int
    """and at most so long after the one before."""
    met: tuple[VersionedRule, ...] = ()
    """Of evidence: whose limits the value reaches."""
    says: tuple[tuple[VersionedRule, Signal], ...] = ()
    """Of those, and of the rules that stand apart."""
    apart: tuple[tuple[str, Moves], ...] = ()
    """The rules that stand apart, by id."""


class Recall(NamedTuple):
    """A memory that rules have in common, and what it adds to it."""

    rule: str
    """One of those rules."""
    inputs: tuple[Input, ...]
    stale_ms: int
    lasting: bool
    """It keeps values of readings before the last one. Else it is what the last one says."""


class OfRule(NamedTuple):
    """What it does to a rule of no group."""

    rule: VersionedRule
    moves: Moves
    decision: Decision
    until_ms: int
    apart_ms: int
    signal: Signal | None = None
    """What it says; None: it reads nothing of this, or is no rule on values."""
    recall: Recall | None = None
    """Its memory; None: it has none, or this adds nothing to it."""
    looks_back: bool = False
    """It is asked at each reading, whatever the values."""

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return (self.decision,)


Part = OfGroup | OfRule


class Says(NamedTuple):
    """What a rule with a memory must say again."""

    rule: VersionedRule
    recall: int
    """Its memory's place among all."""
    signal: Signal


class Steady(NamedTuple):
    """What a next reading like the last one does."""

    plan: Plan
    quality: tuple[str, ...]
    late: bool
    parts: tuple[Part | None, ...]
    """Of each group and each rule of none, in the plan's order. None: it does more than move evidence on."""
    is_whole: bool
    """There is no such part."""
    until_ms: int
    apart_ms: int
    groups: tuple[OfGroup, ...]
    """Those for which it is evidence."""
    recalls: tuple[Recall, ...]
    lasting: tuple[Recall, ...]
    """Those of them that are."""
    looking_back: tuple[Says, ...]
    by_newest: tuple[Says, ...]
    own_limits: tuple[tuple[VersionedRule, Signal], ...]
    """Rules of no group that have one limit and no memory."""
    rules: tuple[tuple[str, Moves, int | None], ...]
    """Those that move: id, how, and their memory's place among all."""
    decisions: tuple[Decision, ...]
    at_most: int
    """Readings that may wait until somebody asks what is remembered of them."""
    one_class_only: bool
    """Nothing is known of values of other classes."""
    alike: set[tuple[Class, ...]]
    """Other classes of which every rule has said the same since. It only grows, and only by what is so anyway."""

    def place(self, recall: Recall) -> int:
        return next(place for place, one in enumerate(self.recalls) if one is recall)


def steady_of(plan: Plan, event: Observation, parts: Sequence[Part | None]) -> Steady:
    """All parts together, as `skip` needs them."""
    stand = [one for one in parts if one is not None]
    rules = [one for one in stand if isinstance(one, OfRule)]
    places: dict[int, int] = {}
    recalls: list[Recall] = []
    for rule in rules:
        if rule.recall is not None and id(rule.recall) not in places:
            places[id(rule.recall)] = len(recalls)
            recalls.append(rule.recall)
    says = [
        (one.looks_back, Says(one.rule, places[id(one.recall)], one.signal))
        for one in rules
        if one.recall is not None and one.signal is not None
    ]
    looking_back = tuple(one for looks_back, one in says if looks_back)
    return Steady(
        plan,
        event.quality,
        event.late,
        tuple(parts),
        len(stand) == len(parts),
        min((one.until_ms for one in stand), default=FOR_EVER),
        min((one.apart_ms for one in stand), default=FOR_EVER),
        tuple(one for one in stand if isinstance(one, OfGroup) and one.is_evidence),
        tuple(recalls),
        tuple(one for one in recalls if one.lasting),
        looking_back,
        tuple(one for looks_back, one in says if not looks_back),
        tuple((one.rule, one.signal) for one in rules if one.rule.plain and one.signal is not None),
        tuple(
            (one.rule.rule.id, one.moves, None if one.recall is None else places[id(one.recall)])
            for one in rules
            if one.moves is not Moves.NOTHING or one.recall is not None
        ),
        (
            *(decision for one in stand for decision in one.decisions),
            *plan.by_kind.get(event.kind, NOTHING).unfit,
        ),
        1 if looking_back else MOST_BEHIND,
        bool(event.quality),
        set(),
    )
