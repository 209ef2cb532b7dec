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
is more than moving evidence on, nothing is skipped.

**The rest**: where 3, 5 or 6 fail for some groups and rules only, these are asked, and the others are moved on
(`still`). What is come to is the state, memory and decisions included, that judging in full comes to:
`tests/unit/rules/test_steady.py` holds the one to the other.
"""

from __future__ import annotations

from typing import NamedTuple

from cunmai_rules.thresholds.ahead import Ahead, after_next
from cunmai_rules.thresholds.classes import Class
from cunmai_rules.thresholds.events import Decision, Observation
from cunmai_rules.thresholds.hint import Hint
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.plan import Plan
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.signal import Signal, looked_at, signal_at, signal_of
from cunmai_rules.thresholds.standing import OfGroup, Part, Says, Steady
from cunmai_rules.thresholds.state import SubjectState

MOST_ALIKE = 200
"""Classes of one kind's values that are remembered to say the same."""


class Lately(Hint):
    """The last event was a reading of this kind, with values of these classes."""

    __slots__ = ("at_ms", "classes", "kind", "steady")

    def __init__(self, at_ms: int, kind: str, classes: tuple[Class, ...], steady: Steady | None) -> None:
        self.at_ms = at_ms
        self.kind = kind
        self.classes = classes
        self.steady = steady
        """What another one like it does; None: nobody has looked."""


Skipped = tuple[SubjectState, tuple[Decision, ...]]


def skip(state: SubjectState, event: Observation, plan: Plan) -> Skipped | None:
    """The state after a reading that changes nothing but evidence; None where that is not certain."""
    lately = state.hint
    if not isinstance(lately, Lately):
        return None
    steady = lately.steady
    if (
        steady is None
        or not steady.is_whole
        or not _follows(lately, steady, event, plan)
        or event.t_ms > steady.until_ms
        or event.t_ms - lately.at_ms > steady.apart_ms
    ):
        return None
    classes = plan.by_kind[event.kind].classes.of(event.values)
    alike = classes == lately.classes or classes in steady.alike
    if not alike and not _may_be_other(classes, lately, steady):
        return None
    ahead = after_next(state, steady, event)
    if steady.looking_back and not _say_again(steady.looking_back, ahead, event):
        return None
    if not alike:
        if not _other_numbers_say_the_same(steady, ahead, event):
            return None
        if len(steady.alike) < MOST_ALIKE:
            steady.alike.add(classes)
    hint = Lately(event.t_ms, event.kind, classes, steady)
    return SubjectState(None, None, state.profile, hint, ahead), steady.decisions


class Still(NamedTuple):
    """A reading that changes something, and what it leaves as it was."""

    ahead: Ahead
    """The state after it, where nothing is changed."""
    parts: tuple[Part | None, ...]
    """Of each group and each rule of none, in the plan's order. None: it has to be asked."""


def still(state: SubjectState, event: Observation, plan: Plan) -> Still | None:
    """Which groups and rules need not be asked; None where that is not certain of any."""
    lately = state.hint
    if not isinstance(lately, Lately) or lately.steady is None:
        return None
    steady = lately.steady
    if not _follows(lately, steady, event, plan):
        return None
    classes = plan.by_kind[event.kind].classes.of(event.values)
    alike = classes == lately.classes
    if not alike and not _may_be_other(classes, lately, steady):
        return None
    ahead, since_last_ms = after_next(state, steady, event), event.t_ms - lately.at_ms
    parts = tuple(
        one
        if one is not None
        and event.t_ms <= one.until_ms
        and since_last_ms <= one.apart_ms
        and _part_says_the_same(one, ahead, event, alike=alike)
        else None
        for one in steady.parts
    )
    return Still(ahead, parts) if any(parts) else None


def _follows(lately: Lately, steady: Steady, event: Observation, plan: Plan) -> bool:
    """The same plan, the same kind of reading, as good and as late as the last one; and no clock is in doubt."""
    return (
        steady.plan is plan
        and lately.kind == event.kind
        and lately.at_ms <= event.t_ms
        and steady.late is event.late
        and steady.quality == event.quality
        and (event.arrived_ms is None or event.arrived_ms >= lately.at_ms)
    )


def _may_be_other(classes: tuple[Class, ...], lately: Lately, steady: Steady) -> bool:
    return not steady.one_class_only and _numbers_where_numbers_were(classes, lately.classes)


def _numbers_where_numbers_were(now: tuple[Class, ...], before: tuple[Class, ...]) -> bool:
    """No value has come or gone, and no word is another one: then there is a number wherever one is remembered."""
    return all(
        one == other or (isinstance(one, int) and isinstance(other, int))
        for one, other in zip(now, before, strict=True)
    )


def _say_again(those: tuple[Says, ...], ahead: Ahead, event: Observation) -> bool:
    recalls, facts = ahead.steady.recalls, ahead.steady.plan.facts
    return all(
        signal_at(rule, AtHand(ahead.memory(place), event.t_ms, recalls[place].stale_ms, facts)) is signal
        for rule, place, signal in those
    )


def _other_numbers_say_the_same(steady: Steady, ahead: Ahead, event: Observation) -> bool:
    """Every rule that reads a number says of this one what it said of that one."""
    return (
        all(_group_says_the_same(one, event) for one in steady.groups)
        and all(_limit_says_the_same(rule, signal, event) for rule, signal in steady.own_limits)
        and _say_again(steady.by_newest, ahead, event)
    )


def _group_says_the_same(one: OfGroup, event: Observation) -> bool:
    ends = one.group.ends(event.values)
    return (
        ends is not None
        and one.group.may_be_met_by(*ends) == one.met
        and all(_limit_says_the_same(rule, signal, event) for rule, signal in one.says)
    )


def _limit_says_the_same(rule: VersionedRule, signal: Signal, event: Observation) -> bool:
    return signal_of(rule, looked_at(rule.inputs[event.kind][0], event.values)) is signal


def _part_says_the_same(one: Part, ahead: Ahead, event: Observation, *, alike: bool) -> bool:
    if isinstance(one, OfGroup):
        return alike or not one.is_evidence or _group_says_the_same(one, event)
    if one.signal is None:
        return True
    if one.recall is not None:
        if alike and not one.looks_back:
            return True
        return _say_again((Says(one.rule, ahead.steady.place(one.recall), one.signal),), ahead, event)
    return alike or not one.rule.plain or _limit_says_the_same(one.rule, one.signal, event)
