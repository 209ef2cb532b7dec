"""The readings of one message: each placed in time, those of each subject judged together.

Within the caller's transaction. What is wrong with a reading is returned; a fault of the program is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cunmai_rules import metrics
from cunmai_rules.arrival import Placed, Sent, place
from cunmai_rules.batch import digest_of
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.judgements import Judgements, Subject, subject_of
from cunmai_rules.selftest.names import DEVICE, NOBODY
from cunmai_rules.settings import RulesSettings
from cunmai_rules.subjects import NOT_COUNTED, Subjects
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.memory import key_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_runtime.clock import Clock
from cunmai_wire.envelope import EnvelopeHeader
from cunmai_wire.parsing import RefusalReason, Refused
from cunmai_wire.readings import Reading, values_of


@dataclass(frozen=True)
class _Placed:
    """A reading whose subject and time are known."""

    subject: Subject
    event: Observation
    digest: str
    instead_of: str | None = None
    """The subject that a correction takes it from."""


class Readings:
    """Joins what a message says to the subjects that it is about."""

    def __init__(
        self, judgements: Judgements, subjects: Subjects, desk: Desk, settings: RulesSettings, clock: Clock
    ) -> None:
        self._judgements = judgements
        self._subjects = subjects
        self._desk = desk
        self._settings = settings
        self._clock = clock

    def judge(
        self, header: EnvelopeHeader, readings: Sequence[Reading], sent: Sent, rules: RuleSet
    ) -> list[Refused | None]:
        """Judge the readings of one message, those of each subject together; what is wrong with each."""
        faults: list[Refused | None] = []
        of_subject: dict[str, list[_Placed]] = {}
        for reading in readings:
            placed = self._place(header, reading, sent, rules)
            faults.append(placed if isinstance(placed, Refused) else None)
            if isinstance(placed, _Placed):
                of_subject.setdefault(placed.subject.id, []).append(placed)
        for those in of_subject.values():
            self._judge_subject(those, rules)
        return faults

    def _place(
        self, header: EnvelopeHeader, reading: Reading, sent: Sent, rules: RuleSet
    ) -> _Placed | Refused | None:
        """A reading as the rules see it; None where it had been judged before, or is not ours to judge."""
        if (reading.resident, reading.device) == (NOBODY, DEVICE) and header.gateway != self._settings.id:
            return None  # another service tests itself: its nobody would share our own one's page
        digest = digest_of(reading)
        if self._judgements.seen(header.stream, reading.seq):
            known = self._judgements.digest(header.stream, reading.seq)
            if known in (None, digest):
                return None
            detail = f"{header.stream}/{reading.seq} came before with another content: was a spool restored?"
            return Refused(RefusalReason.SEQ_REUSED, detail, reading.seq)
        corrects = reading.corrects
        if corrects and not self._may_correct(header.gateway, corrects.stream):
            detail = f"corrects a reading of another gateway: {corrects.stream}"
            return Refused(RefusalReason.WRONG_SENDER, detail, reading.seq)
        placed = place(reading.t, reading.clock, sent, self._settings.late_after_s * 1000)
        if not isinstance(placed, Placed):
            return Refused(RefusalReason.IMPLAUSIBLE_TIME, placed, reading.seq)
        self._judgements.take(header.stream, reading.seq)
        taken_back = (
            self._subjects.take_back(corrects.stream, corrects.seq, rules) if corrects else NOT_COUNTED
        )
        observation = Observation(
            header.stream,
            reading.seq,
            reading.kind,
            placed.at_ms,
            values_of(reading),
            reading.quality,
            # A correction of what may have been acted upon is about the past, however soon it comes; who is asked
            # about it is the desk's part. Of what nobody has heard of it is as fresh as it was measured.
            placed.late or taken_back.had_counted,
            sent.arrived_ms,
        )
        return _Placed(
            subject_of(header.gateway, reading.device, reading.resident),
            observation,
            digest,
            taken_back.subject,
        )

    def _may_correct(self, gateway: str, stream: str) -> bool:
        """Whether a stream is this gateway's. One of which nothing has come is, from now on: else whoever sends
        it first would be receipted readings that a stranger had corrected beforehand, and no rule has seen."""
        return self._judgements.sender(stream) == gateway or self._judgements.belongs_to(stream, gateway)

    def _judge_subject(self, placed: Sequence[_Placed], rules: RuleSet) -> None:
        subject = placed[-1].subject
        counting = [
            one.event for one in placed if not self._judgements.is_corrected(one.event.stream, one.event.seq)
        ]
        wrongs = sorted({one.instead_of for one in placed if one.instead_of is not None})
        before = self._desk.about(subject.id) if wrongs else frozenset()
        decisions = self._subjects.judge(subject, counting, rules).decisions if counting else {}
        moved = {(one.event.stream, one.event.seq) for one in placed if one.instead_of is not None}
        for wrong in wrongs:
            self._desk.reissue(wrong, subject.id, moved, before, self._clock())
        for one in placed:
            self._judgements.record(
                one.subject, one.event, one.event.arrived_ms or 0, one.digest,
                decisions.get(key_of(one.event), ()), corrected=one.event not in counting,
            )  # fmt: skip
            metrics.JUDGED.inc()
