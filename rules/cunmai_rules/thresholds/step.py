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

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Action, Decision, GradeChange, Observation, Reason, Tick
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.judge import NEW, Judge
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule, for_subject
from cunmai_rules.thresholds.silence import SilenceJudge
from cunmai_rules.thresholds.state import RuleState, SubjectState
from cunmai_wire.events import Grade


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome of one event."""

    state: SubjectState
    decisions: tuple[Decision, ...]
    actions: tuple[Action, ...]


def step(
    state: SubjectState, event: Observation | Tick, rules: RuleSet, facts: Facts = NOTHING_KNOWN
) -> Step:
    """Apply one event to one subject's state. `facts` are what is known of the subject now."""
    if isinstance(event, Tick):
        return _tick(state, event, rules, facts)
    changed = dict(state)
    decisions: list[Decision] = []
    actions: list[Action] = []
    for rule in rules.by_kind.get(event.kind, ()):
        rule_id = rule.rule.id
        fitting = for_subject(rule, facts)
        if fitting is None:
            decisions.append(Decision(rule_id, Reason.NOT_APPLICABLE))
            actions += _forget(changed, rule_id, Reason.NOT_APPLICABLE, event.t_ms)
            continue
        judge = judge_for(fitting, changed.get(rule_id, NEW), facts)
        reason = judge.observe(event)
        decisions.append(Decision(rule_id, reason))
        actions += judge.actions
        if rule_id in changed or reason is not Reason.NO_VALUE:
            changed[rule_id] = judge.state
    return Step(changed, tuple(decisions), tuple(actions))


def _tick(state: SubjectState, event: Tick, rules: RuleSet, facts: Facts) -> Step:
    changed = dict(state)
    decisions: list[Decision] = []
    actions: list[Action] = []
    for rule_id, before in state.items():
        rule = rules.by_id.get(rule_id)
        fitting = None if rule is None else for_subject(rule, facts)
        if fitting is None:
            why = Reason.RULE_REMOVED if rule is None else Reason.NOT_APPLICABLE
            decisions.append(Decision(rule_id, why))
            actions += _forget(changed, rule_id, why, event.t_ms)
            continue
        judge = judge_for(fitting, before, facts)
        reason = judge.advance(event.t_ms)
        if reason is not None:
            decisions.append(Decision(rule_id, reason))
        actions += judge.actions
        changed[rule_id] = judge.state
    return Step(changed, tuple(decisions), tuple(actions))


def judge_for(rule: VersionedRule, state: RuleState, facts: Facts = NOTHING_KNOWN) -> Judge:
    """The state machine of a rule."""
    return SilenceJudge(rule, state) if isinstance(rule.rule.when, Silence) else Judge(rule, state, facts)


def _forget(states: SubjectState, rule_id: str, why: Reason, t_ms: int) -> list[GradeChange]:
    """A rule that is gone, or does not apply to this subject, grades nobody."""
    state = states.pop(rule_id, NEW)
    if state.grade == Grade.GREY:
        return []
    previous = Grade(state.grade)
    return [GradeChange(rule_id, state.version, Grade.GREY, previous, why, t_ms, late=False)]


def due_ms(state: SubjectState, rules: RuleSet, facts: Facts = NOTHING_KNOWN) -> int | None:
    """When the next tick can change anything that anyone sees, or None. 0: at once."""
    times: list[int] = []
    for rule_id, rule_state in state.items():
        rule = rules.by_id.get(rule_id)
        fitting = None if rule is None else for_subject(rule, facts)
        if fitting is None or fitting.digest != rule_state.digest:
            return 0
        if rule_state.phase in ("pending", "clear"):
            due = judge_for(fitting, rule_state).due_ms()
            times += [] if due is None else [due]
    return min(times, default=None)
