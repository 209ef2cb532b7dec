"""The engine: messages in; states, decisions and what follows from them committed; receipts out.

for batch in intake:  state, decisions, actions = step(state, observation)   # for each reading
                      journal and desk, in one transaction
                      receipts.publish; intake.ack
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog
from pydantic import ValidationError

from cunmai_rules import metrics
from cunmai_rules.arrival import Placed, Sent, place
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.judgements import REFUSED, Judgements, Subject, subject_of
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.step import (
    Escalate,
    GradeChange,
    Observation,
    Step,
    Tick,
    due_ms,
    step,
)
from cunmai_runtime.clock import Clock
from cunmai_runtime.hold import disk_faults
from cunmai_runtime.intake import Delivery
from cunmai_runtime.logs import OnChange
from cunmai_runtime.sqlite import transaction
from cunmai_wire.envelope import EnvelopeHeader, parse_envelope
from cunmai_wire.parsing import RefusalReason, Refused, explain
from cunmai_wire.readings import Reading, values_of
from cunmai_wire.receipts import INGEST, RULES, Receipt, make_receipts
from cunmai_wire.topics import Channel, gateway_topic

TICK_SUBJECTS = 500


@dataclass
class _Taken:
    """What one batch may receipt, by (gateway, stream)."""

    judged: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def publications(self) -> list[tuple[str, bytes]]:
        """Topic and payload of every receipt."""
        return [
            (gateway_topic(gateway, Channel.RECEIPTS), receipt.model_dump_json().encode())
            for gateway, stream in self.judged.keys() | self.refused.keys()
            for receipt in make_receipts(
                RULES, stream, self.judged[gateway, stream], self.refused[gateway, stream]
            )
        ]


class Engine:
    """Belongs to the thread that opened `db`."""

    def __init__(
        self, db: sqlite3.Connection, desk: Desk, settings: RulesSettings, clock: Clock, rules: RuleSet
    ) -> None:
        self._db = db
        self._desk = desk
        self._settings = settings
        self._clock = clock
        self._judgements = Judgements(db)
        self._log = structlog.get_logger("rules")
        self._changed = OnChange()
        self.rules = rules

    # -- messages -------------------------------------------------------------------------------------

    def take(self, batch: Iterable[Delivery]) -> list[tuple[str, bytes]]:
        """Judge a batch in one transaction; the receipts to publish. Raises Retryable with nothing done."""
        taken = _Taken()
        with disk_faults("the rules' journal"), transaction(self._db):
            for delivery in batch:
                channel = delivery.topic.rsplit("/", 1)[-1]
                if channel == Channel.READINGS:
                    self._readings(delivery, taken)
                elif channel == Channel.RECEIPTS:
                    self._receipt_for_events(delivery.payload)
        return taken.publications()

    def _readings(self, delivery: Delivery, taken: _Taken) -> None:
        parsed = parse_envelope(delivery.topic, delivery.payload)
        if parsed.header is None:
            # Ingest keeps the whole message; here it is only counted.
            self._count_refusals(delivery.topic, parsed.refused)
            return
        key = (parsed.header.gateway, parsed.header.stream)
        refused = list(parsed.refused)
        for reading in parsed.readings:
            fault = self._reading(parsed.header, reading, delivery.arrived_ms)
            if fault is None:
                taken.judged[key].append(reading.seq)
            else:
                refused.append(fault)
        for fault in refused:
            if fault.seq is not None:
                taken.refused[key].append(fault.seq)
                self._judgements.take(parsed.header.stream, fault.seq, REFUSED)
        self._count_refusals(delivery.topic, refused)

    def _reading(self, header: EnvelopeHeader, reading: Reading, arrived_ms: int) -> Refused | None:
        if self._judgements.seen(header.stream, reading.seq):
            return None
        sent = Sent(header.sent, header.clock, arrived_ms)
        placed = place(reading.t, reading.clock, sent, self._settings.late_after_s * 1000)
        if not isinstance(placed, Placed):
            return Refused(RefusalReason.IMPLAUSIBLE_TIME, placed, reading.seq)
        self._judgements.take(header.stream, reading.seq)
        subject = subject_of(header.gateway, reading.device, reading.resident)
        observation = Observation(
            header.stream,
            reading.seq,
            reading.kind,
            placed.at_ms,
            values_of(reading),
            reading.quality,
            placed.late,
        )
        outcome = self._step(subject, observation)
        self._judgements.record(subject, observation, arrived_ms, outcome.decisions)
        metrics.JUDGED.inc()
        return None

    def _receipt_for_events(self, payload: bytes) -> None:
        try:
            receipt = Receipt.model_validate_json(payload)
        except ValidationError as error:
            self._log.warning("rules.receipt_refused", reason=explain(error))
            return
        if receipt.consumer == INGEST and receipt.stream == self._desk.events.stream():
            self._desk.events.receipted(receipt.ranges)

    def _count_refusals(self, topic: str, refused: Iterable[Refused]) -> None:
        for fault in refused:
            metrics.REFUSED.labels(fault.reason).inc()
            if self._changed(topic, fault.detail):
                self._log.warning(
                    "rules.reading_refused", topic=topic, reason=fault.reason, detail=fault.detail
                )

    # -- time -----------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What the passing of time changes: spells that lapse, values that go stale, overdue answers."""
        now_ms = self._clock()
        with disk_faults("the rules' journal"), transaction(self._db):
            for subject in self._judgements.due_subjects(now_ms, TICK_SUBJECTS):
                self._step(subject, Tick(now_ms))
            self._desk.chase(now_ms)

    def forget_old(self) -> int:
        """Drop readings past their keeping time; how many."""
        keep_ms = self._settings.keep_days * 24 * 3_600_000
        with disk_faults("the rules' journal"), transaction(self._db):
            return self._judgements.forget_before(self._clock() - keep_ms)

    # -- the step and what follows ----------------------------------------------------------------------

    def _step(self, subject: Subject, event: Observation | Tick) -> Step:
        outcome = step(self._judgements.state(subject.id), event, self.rules)
        self._judgements.save_state(subject, outcome.state, due_ms(outcome.state, self.rules))
        by = event if isinstance(event, Observation) else None
        for action in outcome.actions:
            if isinstance(action, Escalate):
                self._escalate(subject, action, by)
            else:
                self._tell_grade(subject, action)
        return outcome

    def _escalate(self, subject: Subject, found: Escalate, by: Observation | None) -> None:
        opened = self._desk.open(subject, found, by, self._clock())
        if opened is not None:
            metrics.ESCALATIONS.labels(opened.rule, opened.lane).inc()
            self._log.info(
                "rules.escalation", escalation=opened.id, subject=subject.id, rule=opened.rule,
                version=opened.version, grade=opened.grade, lane=opened.lane, reason=opened.reason,
            )  # fmt: skip

    def _tell_grade(self, subject: Subject, change: GradeChange) -> None:
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
