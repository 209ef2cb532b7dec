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

from cunmai_rules.thresholds.classes import Class
from cunmai_rules.thresholds.events import Decision, Observation
from cunmai_rules.thresholds.hint import Hint
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.plan import Plan
from cunmai_rules.thresholds.signal import looked_at, signal_at, signal_of
from cunmai_rules.thresholds.standing import Ahead, Says, Steady, after_next
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
        """What another one like it does, where that is little."""


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
    classes = plan.by_kind[event.kind].classes.of(event.values)
    alike = classes == lately.classes or classes in steady.alike
    if not alike and (steady.one_class_only or not _numbers_where_numbers_were(classes, lately.classes)):
        return None
    ahead = after_next(state, steady, event)
    if steady.looking_back and not _say_again(steady.looking_back, ahead, event):
        return None
    if not alike:
        if not _other_numbers_say_the_same(steady, ahead, event):
            return None
        if len(steady.alike) < MOST_ALIKE:
            steady.alike.add(classes)
    hint = Lately(t_ms, event.kind, classes, steady)
    return SubjectState(None, None, state.profile, hint, ahead), steady.decisions


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
    for one in steady.groups:
        ends = one.group.ends(event.values)
        if ends is None or one.group.may_be_met_by(*ends) != one.met:
            return False
    plain = [pair for group in steady.groups for pair in group.says] + [*steady.own_limits]
    return all(
        signal_of(rule, looked_at(rule.inputs[event.kind][0], event.values)) is signal
        for rule, signal in plain
    ) and _say_again(steady.by_newest, ahead, event)
