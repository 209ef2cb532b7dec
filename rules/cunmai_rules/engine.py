"""The engine: messages in; states, decisions and what follows from them committed; receipts out.

for batch in intake:  memory, decisions, actions = judge(memory, observations)   # for each subject
                      journal and desk, in one transaction for each piece of the batch
                      receipts.publish; intake.ack

One message, one reading or one subject at which the program itself fails is set aside with its traceback
and never stops the rest. It is not receipted: the gateway keeps it and sends it again, so that a mended
program judges it. A receipt would let the gateway drop what no rule has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog
from pydantic import ValidationError

from cunmai_rules import metrics
from cunmai_rules.arrival import Sent
from cunmai_rules.batch import (
    NOT_RECEIPTED,
    Arrived,
    Piece,
    Taken,
    channel_of,
    parts_of,
    piece_from,
    streams_of,
    subjects_of,
)
from cunmai_rules.clocks import Clocks
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.gateways import Gateways
from cunmai_rules.journal.database import FAULTS, Database, StatementRefused
from cunmai_rules.journal.judgements import REFUSED, Subject
from cunmai_rules.journal.piece import PieceJudgements
from cunmai_rules.readings import Readings
from cunmai_rules.registry.facts import RegistryFacts
from cunmai_rules.settings import RulesSettings
from cunmai_rules.subjects import FactsOf, Subjects
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_runtime.clock import Clock
from cunmai_runtime.intake import Delivery
from cunmai_runtime.logs import OnChange
from cunmai_runtime.outgoing import Publication
from cunmai_wire.envelope import EnvelopeHeader, ParsedEnvelope
from cunmai_wire.parsing import RefusalReason, Refused, explain
from cunmai_wire.readings import Reading
from cunmai_wire.receipts import INGEST, Receipt
from cunmai_wire.topics import Channel

TICK_SUBJECTS = 500
TRY_AGAIN_MS = 60_000


class Engine:
    """Belongs to the thread that opened `db`."""

    def __init__(
        self,
        db: Database,
        desk: Desk,
        settings: RulesSettings,
        clock: Clock,
        rules: RuleSet,
        facts_of: FactsOf | None = None,
    ) -> None:
        """`facts_of`: what is known of a subject; without it, what the registry knows."""
        self._db = db
        self._desk = desk
        self._settings = settings
        self._clock = clock
        self._judgements = PieceJudgements(db)
        self._log = structlog.get_logger("rules")
        self._clocks = Clocks()
        self._subjects = Subjects(
            self._judgements, desk, facts_of or RegistryFacts(db, settings, clock), clock
        )
        self._of_message = Readings(self._judgements, self._subjects, desk, settings, clock)
        self._gateways = Gateways(db, self._judgements, self._subjects)
        self._changed = OnChange()
        self.rules = rules

    @property
    def rules(self) -> RuleSet:
        """The rules in force. What rules that are gone had graded is let go at the next ticks."""
        return self._rules

    @rules.setter
    def rules(self, rules: RuleSet) -> None:
        self._rules = rules
        self._rules_noted = False

    # -- messages -------------------------------------------------------------------------------------

    def take(self, batch: Sequence[Delivery]) -> list[tuple[str, bytes]]:
        """Judge a batch; the receipts to publish, and behind them prompts for kiosks.

        Raises Retryable where the journal fails. Pieces before that are committed, and change nothing when
        the batch is taken again.
        """
        self._note_rules()
        taken = Taken()
        done = 0
        while done < len(batch):
            piece = piece_from(batch, done)
            self._take_piece(piece, taken)
            done += len(piece)
        return [*taken.publications(), *self._prompts()]

    def _take_piece(self, piece: Piece, taken: Taken) -> None:
        """Judge one piece in one transaction. What the database refuses is found, and set aside alone."""
        mine = Taken()
        prompts = len(self._subjects.prompts)
        try:
            with self._db.transaction():
                streams, subjects = streams_of(piece), subjects_of(piece)
                self._db.lock(streams | subjects)
                with self._judgements.piece(streams, subjects):
                    for delivery, parsed in piece:
                        self._delivery(delivery, parsed, mine)
        except StatementRefused as refused:
            del self._subjects.prompts[prompts:]
            parts = parts_of(piece)
            for part in parts:
                self._take_piece(part, taken)
            if not parts:
                self._set_aside(piece[0], refused)
        else:
            taken.join(mine)

    def _set_aside(self, one: Arrived, refused: StatementRefused) -> None:
        """One reading that the database does not take. It is not receipted: its gateway keeps it."""
        delivery, parsed = one
        if self._changed(delivery.topic, str(refused)):
            self._log.error("rules.internal_error", where=delivery.topic, why=str(refused))
        seqs = [reading.seq for reading in parsed.readings] if parsed is not None else [None]
        faults = [Refused(RefusalReason.INTERNAL_ERROR, str(refused), seq) for seq in seqs]
        self._count_refusals(delivery.topic, faults)

    def _prompts(self) -> list[Publication]:
        """What the kiosks are to show."""
        prompts, self._subjects.prompts = self._subjects.prompts, []
        return prompts

    def _delivery(self, delivery: Delivery, parsed: ParsedEnvelope | None, taken: Taken) -> None:
        """Deal with one message."""
        if parsed is None:
            match channel_of(delivery):
                case Channel.RECEIPTS:
                    self._alone(delivery.topic, lambda: self._receipt_for_events(delivery.payload))
                case Channel.STATE:
                    self._alone(delivery.topic, lambda: self._state_of_gateway(delivery))
        elif parsed.header is None:
            # Ingest keeps the whole message; here it is only counted.
            self._count_refusals(delivery.topic, parsed.refused)
        else:
            self._readings(parsed.header, parsed, delivery, taken)

    def _readings(
        self, header: EnvelopeHeader, parsed: ParsedEnvelope, delivery: Delivery, taken: Taken
    ) -> None:
        if not self._judgements.belongs_to(header.stream, header.gateway):
            detail = f"stream {header.stream} belongs to another gateway"
            self._count_refusals(delivery.topic, [Refused(RefusalReason.WRONG_SENDER, detail)])
            return
        sent = self._clocks.sent(header, delivery.arrived_ms)
        refused = list(parsed.refused)
        judged: list[int] = []
        prompts = len(self._subjects.prompts)
        try:
            with self._judgements.savepoint():
                faults = self._of_message.judge(header, parsed.readings, sent, self.rules)
        except FAULTS:
            raise
        except Exception:  # noqa: BLE001 - a fault of ours: once more, reading by reading, to find which
            del self._subjects.prompts[prompts:]
            faults = [self._judge_alone(header, reading, sent) for reading in parsed.readings]
        for reading, fault in zip(parsed.readings, faults, strict=True):
            if fault is None:
                judged.append(reading.seq)
            else:
                refused.append(fault)
        for fault in refused:
            if fault.seq is not None and fault.reason not in NOT_RECEIPTED:
                self._judgements.take(header.stream, fault.seq, REFUSED)
        self._count_refusals(delivery.topic, refused)
        taken.add(header, judged, refused)

    def _judge_alone(self, header: EnvelopeHeader, reading: Reading, sent: Sent) -> Refused | None:
        faults: list[Refused | None] = []
        fault = self._alone(
            header.gateway, lambda: faults.extend(self._of_message.judge(header, [reading], sent, self.rules))
        )
        return Refused(RefusalReason.INTERNAL_ERROR, fault, reading.seq) if fault else faults[0]

    def _alone(self, where: str, work: Callable[[], object]) -> str | None:
        """Do one thing so that a fault of ours in it harms nothing else; the fault, or None."""
        prompts = len(self._subjects.prompts)
        try:
            with self._judgements.savepoint():
                work()
        except FAULTS:
            raise
        except Exception as error:  # noqa: BLE001 - set aside: one bad input never stops the rest
            del self._subjects.prompts[prompts:]
            fault = type(error).__name__
            if self._changed(where, fault):
                self._log.exception("rules.internal_error", where=where)
            return fault
        return None

    def _receipt_for_events(self, payload: bytes) -> None:
        try:
            receipt = Receipt.model_validate_json(payload)
        except ValidationError as error:
            self._log.warning("rules.receipt_refused", reason=explain(error))
            return
        if receipt.consumer == INGEST and receipt.stream == self._desk.events.stream():
            self._desk.events.receipted(receipt.ranges)

    def _state_of_gateway(self, delivery: Delivery) -> None:
        refused = self._gateways.take(delivery.topic, delivery.payload, self._clock(), self.rules)
        self._count_refusals(delivery.topic, [refused] if refused else [])

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
        self._note_rules()
        with self._db.transaction():
            now_ms = self._clock()
            for subject in self._judgements.due_subjects(now_ms, TICK_SUBJECTS):
                self._tick(subject, now_ms)
            # Time has gone by since, and others have written what is later than that.
            self._desk.chase(self._clock())

    def _note_rules(self) -> None:
        if self._rules_noted:
            return
        with self._db.transaction():
            removed = self._judgements.take_rules(self._rules.by_id)
        if removed:
            self._log.warning("rules.removed", rules=removed)
        self._rules_noted = True

    def _tick(self, subject: Subject, now_ms: int) -> None:
        if self._alone(subject.id, lambda: self._subjects.tick(subject, now_ms, self.rules)):
            metrics.REFUSED.labels(RefusalReason.INTERNAL_ERROR).inc()
            self._judgements.postpone(subject.id, now_ms + TRY_AGAIN_MS)

    def forget_old(self) -> int:
        """Drop readings and closed escalations past their keeping time; how many readings."""
        now_ms = self._clock()
        before_ms = now_ms - self._settings.keep_days * 24 * 3_600_000
        with self._db.transaction():
            self._desk.forget(before_ms, now_ms)
            return self._judgements.forget_before(before_ms)
