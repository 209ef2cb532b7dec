"""What one rule says of one subject: its grade, what is asked of people, and of whoever is at the kiosk. Pure."""

from __future__ import annotations

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import (
    Action,
    Escalate,
    GradeChange,
    Observation,
    Prompt,
    Reason,
    RuleLane,
    Source,
)
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.state import Phase, RuleState, Told, with_phase
from cunmai_wire.events import Grade, Lane

HOUR_MS = 3_600_000
PROMPT_EVERY_MS = 5 * 60_000
"""The kiosk is asked at most so often, by one rule about one subject."""
TOLD: dict[RuleLane, Told] = {
    RuleLane.PAGE: "page",
    RuleLane.REVIEW: "review",
    RuleLane.PANEL: "nobody",
}


class Account:
    """The state as it changes, and what follows from each change: `state` and `actions` are the outcome."""

    def __init__(self, rule: VersionedRule, state: RuleState, facts: Facts) -> None:
        self.compiled = rule
        self.facts = facts
        self.rule = rule.rule
        self.version = rule.version
        self.actions: list[Action] = []
        self.state = state

    def _enter(self, phase: Phase, reason: Reason, t_ms: int, *, late: bool) -> None:
        before, grade = self.state, self._grade(phase)
        self.state = with_phase(before, phase, grade.value)
        if grade != before.grade:
            previous = Grade(before.grade)
            self.actions.append(GradeChange(self.rule.id, self.version, grade, previous, reason, t_ms, late))

    def _grade(self, phase: Phase) -> Grade:
        """A spell under way is unknown: neither an alarm yet nor all clear. An old alarm stays."""
        if phase == "raised" or self.state.held:
            return self.rule.grade
        return Grade.GREEN if phase == "clear" else Grade.GREY

    def _tell(self, lane: RuleLane, reason: Reason, event: Observation) -> None:
        self.state = self.state._replace(told=TOLD[lane])
        self._escalate(lane, reason, event.t_ms, event.source, str(event.t_ms))

    def _said(self, t_ms: int) -> tuple[str, str]:
        """What the rule's score comes to, for whoever is asked."""
        scored = next((leaf for leaf in self.rule.leaves if isinstance(leaf, ScoreAt | ScoreBand)), None)
        if scored is None:
            return "", ""
        at = AtHand(self.state.memory or {}, t_ms, self.rule.stale_after_s * 1000, self.facts)
        return scored.words(at, "zh"), scored.words(at, "en")

    def _prompt(self, reason: Reason, event: Observation) -> None:
        """Ask whoever is at the kiosk, while they are there."""
        prompt, last_ms = self.rule.prompt, self.state.prompted_ms
        if prompt is None or event.late or (last_ms and event.t_ms - last_ms < PROMPT_EVERY_MS):
            return
        self.state = self.state._replace(prompted_ms=event.t_ms)
        self.actions.append(Prompt(self.rule.id, self.version, reason, event.t_ms, prompt.zh, prompt.en))

    def _escalate(self, lane: RuleLane, reason: Reason, t_ms: int, source: Source | None, about: str) -> None:
        """Ask somebody. Of a rule for the panels only, nobody is asked."""
        if self.rule.lane is RuleLane.PANEL:
            return
        key = f"{self.rule.id}:{about}:{lane}"
        self.actions.append(
            Escalate(
                key,
                self.rule.id,
                self.version,
                self.rule.grade,
                Lane(lane),
                reason,
                t_ms,
                source,
                self.rule.urgency,
                *self._said(t_ms),
            )
        )

    def _forget_what_was_told(self, now_ms: int) -> None:
        """So long ago that nothing depends on it any more."""
        state = self.state
        if state.doubt_told_ms and state.doubt_told_ms // HOUR_MS < now_ms // HOUR_MS:
            self.state = self.state._replace(doubt_told_ms=0)
        if state.prompted_ms and now_ms - state.prompted_ms >= PROMPT_EVERY_MS:
            self.state = self.state._replace(prompted_ms=0)
