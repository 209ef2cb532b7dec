"""Judging some readings once more, and what follows from the difference. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cunmai_rules.thresholds.events import (
    Action,
    Amend,
    Decision,
    Escalate,
    GradeChange,
    Observation,
    Reason,
    Retract,
    Revision,
    Tick,
)
from cunmai_rules.thresholds.graded import grade_differences
from cunmai_rules.thresholds.memory import Checkpoint, Key
from cunmai_rules.thresholds.plan import Plan
from cunmai_rules.thresholds.state import SubjectState, rule_state
from cunmai_rules.thresholds.step import step_by
from cunmai_wire.events import Grade, Lane


@dataclass
class Fold:
    """Readings judged one after the other."""

    state: SubjectState
    at_mid: SubjectState
    decisions: dict[Key, tuple[Decision, ...]] = field(default_factory=dict)
    found: dict[str, Escalate] = field(default_factory=dict)
    """By key: the same finding is one."""
    graded: dict[str, GradeChange] = field(default_factory=dict)
    """The last by rule."""

    def add(self, state: SubjectState, actions: Sequence[Action]) -> None:
        self.state = state
        for action in actions:
            if isinstance(action, Escalate):
                self.found.setdefault(action.key, action)
            elif isinstance(action, GradeChange):
                self.graded[action.rule] = action


def fold_since(
    start: Checkpoint, events: Mapping[Key, Observation], mid: Key, ticked_ms: int, plan: Plan
) -> Fold:
    """Every reading after a checkpoint in the order of time, then the last tick."""
    fold = Fold(start.rules, start.rules)
    for key in sorted(key for key in events if key > start.key):
        done = step_by(fold.state, events[key], plan)
        fold.add(done.state, done.actions)
        fold.decisions[key] = done.decisions
        if key <= mid:
            fold.at_mid = fold.state
    if ticked_ms:
        done = step_by(fold.state, Tick(ticked_ms), plan)
        fold.add(done.state, done.actions)
    return fold


def grades_told(before: SubjectState, now: Fold, newest_ms: int) -> list[GradeChange]:
    """Only what each rule's grade is in the end: what it was in between is past."""
    told = []
    for rule, (was, is_now) in sorted(grade_differences(before, now.state).items()):
        last = now.graded.get(rule)
        reason, t_ms = (last.reason, last.t_ms) if last else (Reason.JUDGED_AGAIN, newest_ms)
        version = is_now.version or was.version
        grade, previous = Grade(is_now.grade), Grade(was.grade)
        told.append(GradeChange(rule, version, grade, previous, reason, t_ms, late=True))
    return told


def differences(was: Fold, now: Fold) -> list[Action | Revision]:
    """What is found now and was not, and what does not hold any more. A moved finding is one, not two."""
    gone = {key: found for key, found in was.found.items() if key not in now.found}
    actions: list[Action | Revision] = []
    for key, found in now.found.items():
        if key in was.found:
            before = was.found[key]
            if (found.source, found.reason) != (before.source, before.reason):
                # Of one moment, by another reading of that moment, or for another reason.
                actions.append(Amend(key, found))
            continue
        moved = next((old for old in gone if _same_finding(gone[old], found)), None)
        if moved is None or (_stands(found, now) and not _stands(found, was)):
            actions.append(_as_it_stands(found, now))
        else:
            del gone[moved]
            actions.append(Amend(moved, found))
    return actions + [Retract(key, found.rule) for key, found in gone.items()]


def _same_finding(one: Escalate, other: Escalate) -> bool:
    return (one.rule, one.lane, one.reason) == (other.rule, other.lane, other.reason)


def _as_it_stands(found: Escalate, now: Fold) -> Escalate:
    """A page that comes to light only now is one while the alarm stands; else it is about the past."""
    if found.lane is Lane.PAGE and not _stands(found, now):
        return replace(found, lane=Lane.REVIEW)
    return found


def _stands(found: Escalate, fold: Fold) -> bool:
    return rule_state(fold.state, found.rule).phase == "raised"
