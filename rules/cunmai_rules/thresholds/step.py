"""The step: (state, event, rules) -> (state, decisions, actions). Pure; time enters as the event's.

What it promises, whatever order events come in:
- a reading is judged at its own time; one that is older than what was judged before changes no state, and
  asks for a review where it is dangerous;
- a flagged reading is no evidence, neither for an alarm nor against one; dangerous ones that go on and on
  ask for another measurement;
- silence never clears an alarm; it makes green grey, and ends the episode: what comes after it pages anew;
- every decision has a named reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_rules.thresholds.events import Action, Decision, GradeChange, Observation, Reason, Tick
from cunmai_rules.thresholds.judge import Judge, due_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import RuleState, SubjectState
from cunmai_wire.events import Grade


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome of one event."""

    state: SubjectState
    decisions: tuple[Decision, ...]
    actions: tuple[Action, ...]


def step(state: SubjectState, event: Observation | Tick, rules: RuleSet) -> Step:
    """Apply one event to one subject's state."""
    if isinstance(event, Tick):
        return _tick(state, event, rules)
    changed = dict(state)
    decisions: list[Decision] = []
    actions: list[Action] = []
    for rule in rules.by_kind.get(event.kind, ()):
        rule_id = rule.rule.id
        judge = Judge(rule, changed.get(rule_id, RuleState()))
        reason = judge.observe(event)
        decisions.append(Decision(rule_id, reason))
        actions += judge.actions
        if rule_id in changed or reason is not Reason.NO_VALUE:
            changed[rule_id] = judge.state
    return Step(changed, tuple(decisions), tuple(actions))


def _tick(state: SubjectState, event: Tick, rules: RuleSet) -> Step:
    changed: SubjectState = {}
    decisions: list[Decision] = []
    actions: list[Action] = []
    for rule_id, before in state.items():
        rule = rules.by_id.get(rule_id)
        if rule is None:
            decisions.append(Decision(rule_id, Reason.RULE_REMOVED))
            actions += _forget(rule_id, before, event.t_ms)
            continue
        judge = Judge(rule, before)
        reason = judge.advance(event.t_ms)
        if reason is not None:
            decisions.append(Decision(rule_id, reason))
        actions += judge.actions
        changed[rule_id] = judge.state
    return Step(changed, tuple(decisions), tuple(actions))


def _forget(rule_id: str, state: RuleState, t_ms: int) -> list[GradeChange]:
    """A rule that is no longer in the files grades nobody."""
    if state.grade == Grade.GREY:
        return []
    previous, reason = Grade(state.grade), Reason.RULE_REMOVED
    return [GradeChange(rule_id, state.version, Grade.GREY, previous, reason, t_ms, late=False)]


def due_ms(state: SubjectState, rules: RuleSet) -> int | None:
    """When the next tick can change anything that anyone sees, or None. 0: at once."""
    times = []
    for rule_id, rule_state in state.items():
        rule = rules.by_id.get(rule_id)
        if rule is None:
            return 0
        if rule_state.phase in ("pending", "clear"):
            times.append(due_of(rule_state, rule.rule.when.gap_s, rule.rule.stale_after_s))
    return min((time for time in times if time is not None), default=None)
