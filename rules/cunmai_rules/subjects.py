"""One subject's readings, time and corrections: judged, kept, and told. Within the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.judgements import Judgements, Subject
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Amend, Escalate, GradeChange, Observation, Retract
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.step import due_ms
from cunmai_rules.thresholds.window import Outcome, judge, reach, take_back, tick
from cunmai_runtime.clock import Clock
from cunmai_wire.events import Grade


class Subjects:
    """Joins the pure rules to the journal and the desk."""

    def __init__(self, judgements: Judgements, desk: Desk, settings: RulesSettings, clock: Clock) -> None:
        self._judgements = judgements
        self._desk = desk
        self._clock = clock
        self._facts = {site.gateway: Facts(altitude_m=site.altitude_m) for site in settings.sites}
        self._log = structlog.get_logger("rules")

    def judge(self, subject: Subject, events: Sequence[Observation], rules: RuleSet) -> Outcome:
        """Judge readings of one subject, in any order."""
        memory = self._judgements.memory(subject.id)
        after = reach(memory, events, rules)
        past = [] if after is None else self._judgements.since(subject.id, after)
        return self._commit(subject, rules, judge(memory, events, rules, self._known(subject), past))

    def tick(self, subject: Subject, now_ms: int, rules: RuleSet) -> Outcome:
        """What the passing of time changes."""
        memory = self._judgements.memory(subject.id)
        return self._commit(subject, rules, tick(memory, now_ms, rules, self._known(subject)))

    def take_back(self, stream: str, seq: int, rules: RuleSet) -> None:
        """A correction stands in for this reading: whom it counted for owes nothing to it any more."""
        if self._judgements.is_corrected(stream, seq):
            return
        found = self._judgements.counted(stream, seq)
        if found is not None:
            subject, key = found
            memory = self._judgements.memory(subject.id)
            past = self._judgements.since(subject.id, memory.base.key)
            self._commit(subject, rules, take_back(memory, key, rules, self._known(subject), past))
        self._judgements.correct(stream, seq)
        self._desk.withdraw_about(stream, seq, self._clock())

    def _known(self, subject: Subject) -> Facts:
        return self._facts.get(subject.gateway, NOTHING_KNOWN)

    def _commit(self, subject: Subject, rules: RuleSet, outcome: Outcome) -> Outcome:
        due = due_ms(outcome.memory.rules, rules, self._known(subject))
        self._judgements.save_memory(subject, outcome.memory, due)
        for action in outcome.actions:
            match action:
                case Escalate():
                    self._escalate(subject, action)
                case GradeChange():
                    self._tell_grade(subject, action)
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
