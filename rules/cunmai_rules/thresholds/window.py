"""Judging in the order of time, whatever order readings arrive in. Pure.

The rules' state of a subject is what the step makes of its readings in the order of their time. A reading
that comes in that order takes one step. One that comes late is put in its place: the readings since a
checkpoint are judged again with it among them, and what differs from before follows: escalations that it
brings about, and ones that no longer hold. The same is done without a reading that was corrected away.

Two checkpoints are kept, half an hour to an hour of readings apart from the newest, at most some thousands
of readings. What is older than both is judged by itself: it changes no state, and asks for a review where
it is dangerous. A change of the rules closes the window: what came before was judged by other rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cunmai_rules.thresholds.again import differences, fold_since, grades_told
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Action, Decision, Observation, Revision, Tick
from cunmai_rules.thresholds.memory import START, Checkpoint, Key, Memory, key_of
from cunmai_rules.thresholds.plan import Plan, plan_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import NOTHING_SEEN, SubjectState
from cunmai_rules.thresholds.step import step_by

CHECKPOINT_EVERY_MS = 30 * 60_000
CHECKPOINT_EVERY = 1000
"""Readings."""
LATEST_MS = 20 * 3_600_000
"""A reading later than this is judged by itself: its neighbours may not be kept any more."""


class Outcome(NamedTuple):
    """What some events of one subject came to."""

    memory: Memory
    decisions: dict[Key, tuple[Decision, ...]]
    """Of each new reading. One that is missing had been judged before."""
    actions: tuple[Action | Revision, ...]


def reach(memory: Memory, events: Sequence[Observation]) -> Key | None:
    """After which reading the past is needed to judge these; None where it is not."""
    if len(events) == 1 and _is_next(memory, events[0], key_of(events[0])):
        return None
    if _clock_was_ahead(memory, events):
        return None
    inside = [key_of(event) for event in events if _inside(memory, event)]
    if not inside or _in_order(memory, inside):
        return None
    return memory.mid.key if min(inside) > memory.mid.key else memory.base.key


def judge(
    memory: Memory,
    events: Sequence[Observation],
    rules: RuleSet,
    facts: Facts = NOTHING_KNOWN,
    past: Sequence[Observation] = (),
) -> Outcome:
    """Judge readings of one subject, in any order. `past`: its readings after what `reach` said."""
    plan = plan_of(rules, facts)
    if len(events) == 1 and memory.rules.profile is plan.profile and memory.digest == plan.digest:
        event = events[0]
        key = key_of(event)
        if _is_next(memory, event, key):
            state, decisions, actions = step_by(memory.rules, event, plan)
            return Outcome(_moved_on(memory, key, state), {key: decisions}, actions)
    run = _Run(memory, plan)
    run.take_rules()
    if _clock_was_ahead(run.memory, events):
        run.begin_again(events)
        return run.outcome()
    known = {key_of(event) for event in past} | {run.memory.newest}
    by_key = {key_of(event): event for event in events}
    fresh = [by_key[key] for key in sorted(by_key) if key not in known]
    for event in fresh:
        if not _inside(run.memory, event):
            run.one(event)
    inside = [event for event in fresh if _inside(run.memory, event)]
    if _in_order(run.memory, [key_of(event) for event in inside]):
        for event in inside:
            run.next(event)
    else:
        run.again(past, [*past, *inside])
    return run.outcome()


def take_back(
    memory: Memory,
    corrected: Key,
    rules: RuleSet,
    facts: Facts = NOTHING_KNOWN,
    past: Sequence[Observation] = (),
) -> Outcome:
    """Judge again without one reading that was counted here. `past`: all after `base`, with that one."""
    run = _Run(memory, plan_of(rules, facts))
    run.take_rules()
    if corrected > run.memory.base.key and any(key_of(event) == corrected for event in past):
        run.again(past, [event for event in past if key_of(event) != corrected])
    return run.outcome()


def tick(memory: Memory, now_ms: int, rules: RuleSet, facts: Facts = NOTHING_KNOWN) -> Outcome:
    """What the passing of time changes."""
    run = _Run(memory, plan_of(rules, facts))
    run.take_rules()
    done = step_by(run.memory.rules, Tick(now_ms), run.plan)
    run.actions += done.actions
    if done.state != run.memory.rules:
        run.memory = run.memory._replace(rules=done.state, ticked_ms=max(now_ms, run.memory.ticked_ms))
    return run.outcome()


def _is_next(memory: Memory, event: Observation, key: Key) -> bool:
    """The usual case: the newest reading, and no clock was wrong. What follows says the same of several."""
    t_ms, arrived_ms, newest = event.t_ms, event.arrived_ms, memory.newest
    if t_ms < memory.ticked_ms or key <= newest:
        return False
    return arrived_ms is None or (newest[0] <= arrived_ms and arrived_ms - t_ms <= LATEST_MS)


def _inside(memory: Memory, event: Observation) -> bool:
    """Whether it can be put in its place."""
    recent = event.arrived_ms is None or event.arrived_ms - event.t_ms <= LATEST_MS
    return recent and key_of(event) > memory.base.key


def _in_order(memory: Memory, keys: Sequence[Key]) -> bool:
    return all(key > memory.newest and key[0] >= memory.ticked_ms for key in keys)


def _clock_was_ahead(memory: Memory, events: Sequence[Observation]) -> bool:
    """Our own clock was ahead when the newest reading came: nothing is measured after it arrives."""
    return any(event.arrived_ms is not None and memory.newest[0] > event.arrived_ms for event in events)


def _moved_on(before: Memory, key: Key, rules: SubjectState) -> Memory:
    """This is the newest reading now; a checkpoint where it is time for one."""
    _, newest, ticked_ms, base, mid, count, digest = before
    count += 1
    if newest != START and key[0] - newest[0] > CHECKPOINT_EVERY_MS:
        # Another visit: nothing of the last one need be judged again for a reading of this one.
        base, mid, count = Checkpoint(newest, before.rules), Checkpoint(key, rules), 0
    elif key[0] - mid.key[0] > CHECKPOINT_EVERY_MS or count > CHECKPOINT_EVERY:
        base, mid, count = mid, Checkpoint(key, rules), 0
    return Memory(rules, key, ticked_ms, base, mid, count, digest)


def _in_other_words(memory: Memory, plan: Plan) -> Memory:
    """The same rules, in files of another version."""
    rules, base, mid = (
        state.under(plan.profile) for state in (memory.rules, memory.base.rules, memory.mid.rules)
    )
    return memory._replace(
        rules=rules, base=Checkpoint(memory.base.key, base), mid=Checkpoint(memory.mid.key, mid)
    )


class _Run:
    """One call's working state."""

    def __init__(self, memory: Memory, plan: Plan) -> None:
        self.memory = memory
        self.plan = plan
        self.actions: list[Action | Revision] = []
        self._decisions: dict[Key, tuple[Decision, ...]] = {}

    def outcome(self) -> Outcome:
        return Outcome(self.memory, self._decisions, tuple(self.actions))

    def take_rules(self) -> None:
        """Other rules than before: carry the state over at once, and close the window.

        So it is where the same rules are grouped in another way: one for which a resident has limits of their own
        stands alone, also where these come to the rule's.
        """
        memory, plan = self.memory, self.plan
        if memory.digest == plan.digest and memory.rules.profile.digest == plan.profile.digest:
            if memory.rules.profile is not plan.profile:
                self.memory = _in_other_words(memory, plan)
            return
        done = step_by(memory.rules, Tick(memory.newest[0]), plan)
        self.actions += done.actions
        here = Checkpoint(memory.newest, done.state)
        base = Checkpoint(START, NOTHING_SEEN.under(plan.profile)) if memory.newest == START else here
        self.memory = Memory(done.state, memory.newest, memory.ticked_ms, base, here, digest=plan.digest)

    def begin_again(self, events: Sequence[Observation]) -> None:
        """Judge with the state that there is, and let the window begin with the newest of these."""
        for event in sorted(events, key=key_of):
            self.one(event)
        newest = max(key_of(event) for event in events)
        here = Checkpoint(newest, self.memory.rules)
        self.memory = Memory(self.memory.rules, newest, 0, here, here, digest=self.plan.digest)

    def next(self, event: Observation) -> None:
        """The newest reading."""
        before = self.memory
        self.one(event)
        self.memory = _moved_on(before, key_of(event), self.memory.rules)

    def one(self, event: Observation) -> None:
        """One step with the state that there is."""
        done = step_by(self.memory.rules, event, self.plan)
        self._decisions[key_of(event)] = done.decisions
        self.actions += done.actions
        self.memory = self.memory._replace(rules=done.state)

    def again(self, before: Sequence[Observation], after: Sequence[Observation]) -> None:
        """Judge what came since a checkpoint as it is now known to be; what differs from before follows."""
        memory = self.memory
        old, new = ({key_of(event): event for event in events} for events in (before, after))
        changed = min(old.keys() ^ new.keys())
        start = memory.mid if changed > memory.mid.key else memory.base
        was, now = (
            fold_since(start, events, memory.mid.key, memory.ticked_ms, self.plan) for events in (old, new)
        )
        for key in new.keys() - old.keys():
            self._decisions[key] = now.decisions[key]
        self.actions += differences(was, now)
        self.actions += grades_told(memory.rules, now, memory.newest[0])
        self.memory = memory._replace(
            rules=now.state,
            newest=max((memory.newest, *new)),
            mid=memory.mid if start is memory.mid else Checkpoint(memory.mid.key, now.at_mid),
            since_mid=memory.since_mid + max(0, len(new) - len(old)),
        )
