"""Readings that change nothing but evidence, found without asking any rule. Pure.

Nearly every reading says what the one before it said. **The skip rule**: a reading leaves every rule where the
last one of its kind left it, and only moves evidence on, when

1. that one was the last event of this subject, judged by the same plan (rules, facts);
2. this one has values of the same fields, the same quality flags, and is late or not as that one was;
3. each value is in the same class (`classes`), so that each limit is met or not as before, and each score is the
   same. Where a number is in another class, every rule that reads it is asked what the values say now, and says
   the same as before; and so are, always, rules that look back on more than the newest values (a count, a change);
4. it was measured not before that one, and arrived after that one was measured: no clock is in doubt;
5. no value of another kind has grown too old in between for any condition;
6. nothing falls due in between: no green goes stale, no spell lapses or is long enough, no alarm has been clear for
   long enough, no wait is over, nothing that was told is forgotten.

5 and 6 are one moment (`until_ms`) and one span (`apart_ms`), worked out by `settling` when a second reading of one
kind running has been judged in full: `stay_of` says of each rule what another such reading does to it. Where that
is more than moving evidence on, nothing is skipped. What is skipped to is the state, memory and decisions included,
that judging in full comes to: `tests/unit/rules/test_steady.py` holds the one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cunmai_rules.thresholds.classes import Class
from cunmai_rules.thresholds.events import Decision, Observation
from cunmai_rules.thresholds.hint import Hint
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.plan import NOTHING, Group, Plan
from cunmai_rules.thresholds.ruleset import Input, VersionedRule
from cunmai_rules.thresholds.signal import Signal, looked_at, plain_signal, remember, signal_at
from cunmai_rules.thresholds.state import GroupState, RuleState, SubjectState
from cunmai_rules.thresholds.stay import Moves, moved


class Lately(Hint):
    """The last event was a reading of this kind, with values of these classes."""

    __slots__ = ("at_ms", "classes", "kind", "steady")

    def __init__(self, at_ms: int, kind: str, classes: tuple[Class, ...], steady: Steady | None) -> None:
        self.at_ms = at_ms
        self.kind = kind
        self.classes = classes
        self.steady = steady
        """What another one like it does, where that is little."""


class OfGroup(NamedTuple):
    """What it does to a group for which it is evidence."""

    group: Group
    met: tuple[VersionedRule, ...]
    """Whose limits the value reaches."""
    says: tuple[tuple[VersionedRule, Signal], ...]
    """Of those, and of the rules that stand apart."""
    apart: tuple[tuple[str, Moves], ...]
    """The rules that stand apart, by id."""


class Recall(NamedTuple):
    """A memory that rules have in common, and what it adds to it."""

    rule: str
    """One of those rules."""
    inputs: tuple[Input, ...]
    stale_ms: int


class OfRule(NamedTuple):
    """What it does to a rule of no group."""

    rule: str
    moves: Moves
    recall: int
    """Its memory's place among all; -1: as it was."""


class Says(NamedTuple):
    """What a rule with a memory must say again."""

    rule: VersionedRule
    recall: int
    signal: Signal


class Steady(NamedTuple):
    """What a next reading like the last one does."""

    plan: Plan
    quality: tuple[str, ...]
    late: bool
    until_ms: int
    apart_ms: int
    groups: tuple[OfGroup, ...]
    recalls: tuple[Recall, ...]
    looking_back: tuple[Says, ...]
    by_newest: tuple[Says, ...]
    own_limits: tuple[tuple[VersionedRule, Signal], ...]
    """Rules of no group that have one limit and no memory."""
    rules: tuple[OfRule, ...]
    decisions: tuple[Decision, ...]
    one_class_only: bool
    """Nothing is known of values of other classes."""


Skipped = tuple[SubjectState, tuple[Decision, ...]]


def skip(state: SubjectState, event: Observation, plan: Plan) -> Skipped | None:
    """The state after a reading that changes nothing but evidence; None where that is not certain."""
    lately = state.hint
    if not isinstance(lately, Lately) or lately.kind != event.kind or lately.steady is None:
        return None
    steady, t_ms, arrived_ms = lately.steady, event.t_ms, event.arrived_ms
    if (
        steady.plan is not plan
        or not lately.at_ms <= t_ms <= steady.until_ms
        or t_ms - lately.at_ms > steady.apart_ms
        or steady.late is not event.late
        or steady.quality != event.quality
        or (arrived_ms is not None and arrived_ms < lately.at_ms)
    ):
        return None
    recalled = [_recall(one, state.rules, event, plan) for one in steady.recalls]
    classes = plan.by_kind.get(event.kind, NOTHING).classes.of(event.values)
    if not _all_say_again(steady.looking_back, recalled):
        return None
    if classes != lately.classes and not _other_classes_say_the_same(
        steady, lately, classes, recalled, event
    ):
        return None
    after = _moved_on(state, steady, recalled, event)
    return after._replace(hint=Lately(t_ms, event.kind, classes, steady)), steady.decisions


def _all_say_again(those: tuple[Says, ...], recalled: list[AtHand]) -> bool:
    return all(signal_at(one.rule, recalled[one.recall]) is one.signal for one in those)


def _other_classes_say_the_same(
    steady: Steady, lately: Lately, classes: tuple[Class, ...], recalled: list[AtHand], event: Observation
) -> bool:
    """Every rule that reads a number says of this one what it said of that one."""
    if steady.one_class_only or any(
        now != was and not (isinstance(now, int) and isinstance(was, int))
        for now, was in zip(classes, lately.classes, strict=True)
    ):
        return False
    for one in steady.groups:
        ends = one.group.ends(event.values)
        if ends is None or one.group.may_be_met_by(*ends) != one.met:
            return False
        if any(plain_signal(rule, event) is not signal for rule, signal in one.says):
            return False
    return _all_say_again(steady.by_newest, recalled) and all(
        plain_signal(rule, event) is signal for rule, signal in steady.own_limits
    )


def _moved_on(
    state: SubjectState, steady: Steady, recalled: list[AtHand], event: Observation
) -> SubjectState:
    groups, rules = state.groups, state.rules
    if steady.groups:
        groups = dict(groups)
        for group in steady.groups:
            key = group.group.key
            groups[key] = _group(group, groups[key], event)
    if steady.rules:
        rules = dict(rules)
        for rule_id, moves, place in steady.rules:
            before = rules[rule_id]
            memory = before.memory if place < 0 else recalled[place].values
            rules[rule_id] = moved(before, moves, event, memory)
    return state._replace(groups=groups, rules=rules)


def _recall(one: Recall, rules: Mapping[str, RuleState], event: Observation, plan: Plan) -> AtHand:
    """The memory of these rules with this reading's values. They are in the order of time: see `settling`."""
    given = []
    for wanted in one.inputs:
        value = event.values.get(wanted.field)
        given.append((wanted, value if value.__class__ is float else looked_at(wanted, event.values)))
    memory = remember(rules[one.rule].memory or {}, given, event.t_ms, in_order=True)
    return AtHand(memory, event.t_ms, one.stale_ms, plan.facts)


def _group(one: OfGroup, before: GroupState, event: Observation) -> GroupState:
    apart = before.apart
    if one.apart:
        apart = dict(apart)
        for rule_id, moves in one.apart:
            apart[rule_id] = moved(apart[rule_id], moves, event, None)
    return GroupState(before.clear, event.t_ms, apart)
