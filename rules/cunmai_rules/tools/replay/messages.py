"""How many messages a team gets for what the rules find, by the service's own grouping. Pure.

Whether and when people answer is not in any history. Assumed is: whoever is asked gives an outcome
`answered_after_s` after the message. Reminders, which depend on people and not on the rules, are not counted;
what joins an open escalation without asking again is not counted either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cunmai_rules.escalation import grouping, machine
from cunmai_rules.escalation.folding import Weight
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.states import Ask, CloseReason, Escalation, Status
from cunmai_rules.thresholds.events import Action, Amend, Escalate, GradeChange, Retract, Revision
from cunmai_rules.tools.replay.folded import Asked
from cunmai_wire.events import Answer, Grade, Lane

MOST_REMEMBERED = 20
"""Escalations of one subject that a new finding may belong to or follow."""


@dataclass
class Messages:
    """One subject's escalations, and the messages that somebody was owed."""

    subject: str
    resident: str | None
    team: str
    site: str
    policy: Policy
    answered_after_s: int
    asked: list[Asked] = field(default_factory=list)
    """By themselves, in the order in which they were asked for: `folded` makes summaries of them."""
    _all: list[Escalation] = field(default_factory=list)
    """Newest first."""
    _heard: dict[str, Weight] = field(default_factory=dict)
    """What was told last of an escalation."""
    _findings: dict[str, str] = field(default_factory=dict)
    """Standing findings, by key: the escalation that each belongs to."""

    def take(self, now_ms: int, action: Action | Revision) -> None:
        """One thing that the rules found at `now_ms`."""
        self.passes(now_ms)
        match action:
            case Escalate():
                self._found(now_ms, action)
            case GradeChange(grade=Grade.GREEN):
                self._all = [
                    grouping.recovered(one, action.rule, now_ms) if action.rule in one.raised else one
                    for one in self._all
                ]
            case Retract():
                self._withdrawn(now_ms, action)
            case Amend():
                self._findings[action.found.key] = self._findings.pop(action.key, "")
            case _:
                pass

    def passes(self, now_ms: int) -> None:
        """Answers that have come meanwhile, and quiet times that are over."""
        for index, one in enumerate(self._all):
            if one.status is not Status.CLOSED:
                self._all[index] = self._later(one, now_ms)

    def _later(self, one: Escalation, now_ms: int) -> Escalation:
        if one.lane is Lane.REVIEW:
            if one.due_ms is None or one.due_ms > now_ms:
                return one
            due_ms = one.due_ms
            one, asks = machine.overdue(one, self.policy, due_ms)
            self._count(one, asks, due_ms)
        if one.asked == 0 or one.asked_ms + self.answered_after_s * 1000 > now_ms:
            return one
        answered_ms = one.asked_ms + self.answered_after_s * 1000
        return machine.answered(one, self.policy, self.team, Answer.CONTACTED, answered_ms)

    def _found(self, now_ms: int, found: Escalate) -> None:
        if found.key in self._findings or found.lane not in (Lane.PAGE, Lane.REVIEW):
            return
        for index, one in enumerate(self._all):
            if grouping.belongs(one, found, now_ms):
                joined, asks = grouping.join(one, found, self.policy, now_ms).step
                self._all[index] = joined
                self._findings[found.key] = one.id
                self._count(joined, asks, now_ms)
                return
        self._open(now_ms, found)

    def _open(self, now_ms: int, found: Escalate) -> None:
        outcomes = (one for one in self._all if grouping.waits_for_review(one, found, self.policy, now_ms))
        outcome = next(outcomes, None)
        quiet_until_ms = (outcome.closed_ms or now_ms) + self.policy.quiet_s * 1000 if outcome else None
        opened = Escalation(
            id=f"{found.key}@{now_ms}", subject=self.subject, gateway=self.site,
            device=None, resident=self.resident, rule=found.rule, version=found.version,
            grade=found.grade, lane=Lane.REVIEW if outcome else found.lane, reason=found.reason, stream=None,
            seq=None, reading_t_ms=found.t_ms, opened_ms=now_ms, contacts=(self.team,), rules=(found.rule,),
            raised=(found.rule,) if found.lane is Lane.PAGE else (), found_ms=now_ms, due_ms=quiet_until_ms,
            follows=outcome.id if outcome else None,
        )  # fmt: skip
        opened, asks = machine.opened(opened, self.policy)
        self._all = [opened, *self._all[: MOST_REMEMBERED - 1]]
        self._findings[found.key] = opened.id
        self._count(opened, asks, now_ms)

    def _withdrawn(self, now_ms: int, gone: Retract) -> None:
        owner = self._findings.pop(gone.key, None)
        stands = owner in self._findings.values()
        for index, one in enumerate(self._all):
            if one.id == owner and one.status is not Status.CLOSED:
                after = grouping.recovered(one, gone.rule, now_ms)
                self._all[index] = after if stands else machine.closed(after, CloseReason.WITHDRAWN, now_ms)

    def _count(self, one: Escalation, asks: Sequence[Ask], at_ms: int) -> None:
        for _ in asks:
            weight = Weight.YELLOW
            if one.grade is Grade.RED:
                known = self._heard.get(one.id) in (Weight.FIRST_RED, Weight.RED)
                weight = Weight.RED if known else Weight.FIRST_RED
            self._heard[one.id] = weight
            self.asked.append(Asked(at_ms, self.team, self.site, weight))
