"""One subject's readings, time and corrections: judged, kept, and told. Within the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.judgements import Judgements, Subject
from cunmai_rules.prompts import prompt_command
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Amend, Escalate, GradeChange, Observation, Prompt, Retract
from cunmai_rules.thresholds.memory import Memory
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.step import due_ms
from cunmai_rules.thresholds.window import Outcome, judge, reach, take_back, tick
from cunmai_runtime.clock import Clock
from cunmai_runtime.outgoing import Publication
from cunmai_wire.events import Grade

FactsOf = Callable[[Subject], Facts]
"""What is known of a subject now. It is asked for every reading: it answers from memory."""


def facts_of_sites(settings: RulesSettings) -> FactsOf:
    """What the settings alone know: the altitude of the subject's site."""
    by_gateway = {site.gateway: Facts(altitude_m=site.altitude_m) for site in settings.sites}
    return lambda subject: by_gateway.get(subject.gateway, NOTHING_KNOWN)


class TakenBack(NamedTuple):
    """What became of a reading that a correction names."""

    subject: str | None
    """Whom it has counted for until now."""
    had_counted: bool
    """For anybody, ever: what it says may have been acted upon."""


NOT_COUNTED = TakenBack(None, had_counted=False)


class Subjects:
    """Joins the pure rules to the journal and the desk."""

    def __init__(self, judgements: Judgements, desk: Desk, facts_of: FactsOf, clock: Clock) -> None:
        self._judgements = judgements
        self._desk = desk
        self._clock = clock
        self._facts_of = facts_of
        self._log = structlog.get_logger("rules")
        self.prompts: list[Publication] = []
        """For the kiosks, of what was judged since this was last emptied."""

    def judge(self, subject: Subject, events: Sequence[Observation], rules: RuleSet) -> Outcome:
        """Judge readings of one subject, in any order."""
        memory = self._judgements.memory(subject.id)
        after = reach(memory, events)
        past = [] if after is None else self._judgements.since(subject.id, after)
        facts = self._facts_of(subject)
        return self._commit(subject, rules, facts, memory, judge(memory, events, rules, facts, past))

    def tick(self, subject: Subject, now_ms: int, rules: RuleSet) -> Outcome:
        """What the passing of time changes."""
        memory = self._judgements.memory(subject.id)
        facts = self._facts_of(subject)
        return self._commit(subject, rules, facts, memory, tick(memory, now_ms, rules, facts))

    def take_back(self, stream: str, seq: int, rules: RuleSet) -> TakenBack:
        """A correction stands in for this reading: whom it counted for owes nothing to it any more."""
        if self._judgements.is_corrected(stream, seq):
            return TakenBack(None, had_counted=True)
        found = self._judgements.counted(stream, seq)
        if found is not None:
            subject, key = found
            memory = self._judgements.memory(subject.id)
            past = self._judgements.since(subject.id, memory.base.key)
            facts = self._facts_of(subject)
            self._commit(subject, rules, facts, memory, take_back(memory, key, rules, facts, past))
        self._judgements.correct(stream, seq)
        self._desk.withdraw_about(stream, seq, self._clock())
        return TakenBack(None if found is None else found[0].id, had_counted=found is not None)

    def _commit(
        self, subject: Subject, rules: RuleSet, facts: Facts, before: Memory, outcome: Outcome
    ) -> Outcome:
        due = due_ms(outcome.memory.rules, rules, facts)
        self._judgements.save_memory(subject, outcome.memory, due, before)
        for action in outcome.actions:
            match action:
                case Escalate():
                    self._escalate(subject, action)
                case GradeChange():
                    self._tell_grade(subject, action)
                case Prompt():
                    self.prompts.append(prompt_command(subject, action, self._clock()))
                case Amend():
                    self._desk.amend(subject, action.key, action.found, self._clock())
                case Retract():
                    self._desk.withdraw(subject.id, action.key, self._clock())
                    self._log.info("rules.withdrawn", subject=subject.id, rule=action.rule)
        return outcome

    def _escalate(self, subject: Subject, found: Escalate) -> None:
        opened = self._desk.open(subject, found, self._clock())
        if opened is not None:
            metrics.ESCALATIONS.labels(opened.rule, opened.lane).inc()
            self._log.info(
                "rules.escalation", escalation=opened.id, subject=subject.id, rule=opened.rule,
                version=opened.version, grade=opened.grade, lane=opened.lane, reason=opened.reason,
            )  # fmt: skip

    def _tell_grade(self, subject: Subject, change: GradeChange) -> None:
        if change.grade is Grade.GREEN:
            self._desk.recovered(subject.id, change.rule, self._clock())
        self._desk.events.add(
            subject.gateway,
            self._clock(),
            "grade_changed",
            device=subject.device,
            resident=subject.resident,
            rule=change.rule,
            rule_version=change.version,
            grade=change.grade,
            previous=change.previous,
            reason=change.reason,
            reading_t=change.t_ms,
            late=change.late,
        )
        self._log.info(
            "rules.grade", subject=subject.id, rule=change.rule, grade=change.grade,
            previous=change.previous, reason=change.reason,
        )  # fmt: skip
