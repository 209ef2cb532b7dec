"""The plainest reading of the rules: every rule judges every event by itself, and shares nothing.

It keeps a state for every rule, looks at each in turn, and is slow. What the indexed step finds is held
against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Action, GradeChange, Observation, Reason, Tick
from cunmai_rules.thresholds.judge import NEW
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule, for_subject
from cunmai_rules.thresholds.state import RuleState
from cunmai_rules.thresholds.step import judge_for
from cunmai_wire.events import Grade

RuleStates = dict[str, RuleState]


@dataclass
class Oracle:
    """One subject."""

    rules: RuleSet
    facts: Facts = NOTHING_KNOWN
    states: RuleStates = field(default_factory=dict)

    def takes(self, event: Observation | Tick) -> tuple[list[Action], dict[str, Reason]]:
        """What one event comes to: the actions, and the reason of each rule that it concerns."""
        actions: list[Action] = []
        reasons: dict[str, Reason] = {}
        for rule_id in [*self.rules.by_id, *(self.states.keys() - self.rules.by_id.keys())]:
            if not self._concerns(event, rule_id):
                continue
            fitting = self._fitting(rule_id)
            if fitting is None:
                self._forget(rule_id, event.t_ms, actions, reasons)
            else:
                self._judge(fitting, event, actions, reasons)
        return actions, reasons

    def _concerns(self, event: Observation | Tick, rule_id: str) -> bool:
        if isinstance(event, Tick):
            return rule_id in self.states
        return rule_id in self.rules.by_id and event.kind in self.rules.by_id[rule_id].kinds

    def _fitting(self, rule_id: str) -> VersionedRule | None:
        rule = self.rules.by_id.get(rule_id)
        if rule is None or not rule.rule.applies.fits(self.facts, reads_spo2=rule.reads_spo2):
            return None
        return for_subject(rule, self.facts.limits.get(rule_id))

    def _judge(
        self,
        rule: VersionedRule,
        event: Observation | Tick,
        actions: list[Action],
        reasons: dict[str, Reason],
    ) -> None:
        rule_id = rule.rule.id
        judge = judge_for(rule, self.states.get(rule_id, NEW))
        reason = judge.advance(event.t_ms) if isinstance(event, Tick) else judge.observe(event)
        actions += judge.actions
        if reason is not None:
            reasons[rule_id] = reason
        if rule_id in self.states or reason is not Reason.NO_VALUE:
            self.states[rule_id] = judge.state

    def _forget(self, rule_id: str, t_ms: int, actions: list[Action], reasons: dict[str, Reason]) -> None:
        state = self.states.pop(rule_id, None)
        why = Reason.NOT_APPLICABLE if rule_id in self.rules.by_id else Reason.RULE_REMOVED
        reasons[rule_id] = why
        if state is not None and rule_id in self.rules.by_id:
            actions += judge_for(self.rules.by_id[rule_id], state).let_go()
        if state is not None and state.grade != "grey":
            previous = Grade(state.grade)
            actions.append(GradeChange(rule_id, state.version, Grade.GREY, previous, why, t_ms, late=False))

    @property
    def grades(self) -> dict[str, str]:
        """Of rules that are not grey."""
        return {rule: state.grade for rule, state in self.states.items() if state.grade != "grey"}
