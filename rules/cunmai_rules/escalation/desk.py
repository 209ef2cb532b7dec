"""The desk: opens escalations, sends notices on their way, takes answers. Within the caller's transaction.

It joins the pure policy to the journal: every change of an escalation is saved, written to its history
and told as an event, together or not at all.
"""

from __future__ import annotations

import hmac
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import replace

from cunmai_rules.escalation import policy as state_machine
from cunmai_rules.escalation.policy import Ask, Escalation, Status
from cunmai_rules.journal.escalations import Escalations, Notice, escalation_id, notice_id
from cunmai_rules.journal.events import Events
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.events import Escalate
from cunmai_wire.events import Answer, NoticeState

LINK_LIFETIME_MS = 7 * 24 * 3_600_000
_TOKEN_BYTES = 16


class Desk:
    """One connection's view of escalations."""

    def __init__(self, db: sqlite3.Connection, settings: RulesSettings, link_key: bytes) -> None:
        self._settings = settings
        self._policy = settings.policy.policy()
        self._link_key = link_key
        self.escalations = Escalations(db)
        self.events = Events(db)

    # -- opening --------------------------------------------------------------------------------------

    def open(self, subject: Subject, found: Escalate, now_ms: int) -> Escalation | None:
        """Open an escalation for what a rule found; None where it was found before."""
        id_ = escalation_id(subject.id, found.key)
        if self.escalations.get(id_) is not None:
            return None
        escalation = Escalation(
            id=id_,
            subject=subject.id,
            gateway=subject.gateway,
            device=subject.device,
            resident=subject.resident,
            rule=found.rule,
            version=found.version,
            grade=found.grade,
            lane=found.lane,
            reason=found.reason,
            stream=found.source.stream if found.source else None,
            seq=found.source.seq if found.source else None,
            reading_t_ms=found.t_ms,
            opened_ms=now_ms,
            contacts=self._settings.contacts_of(subject.gateway),
        )
        escalation, asks = state_machine.opened(escalation, self._policy)
        self.escalations.save(escalation)
        self.escalations.log(now_ms, id_, "opened", "rules", rule=found.rule, reason=found.reason)
        self._tell_opened(escalation, now_ms)
        self._ask(escalation, asks, now_ms)
        return escalation

    def chase(self, now_ms: int, limit: int = 200) -> None:
        """Take the next step of every escalation whose deadline has passed."""
        for before in self.escalations.overdue(now_ms, limit):
            after, asks = state_machine.overdue(before, self._policy, now_ms)
            why = "no_outcome" if before.status is Status.SEEN else "no_answer"
            self.escalations.log(now_ms, before.id, "overdue", "clock", why=why)
            self._save(before, after, asks, now_ms)

    # -- notices --------------------------------------------------------------------------------------

    def accepted(self, notice: Notice, now_ms: int) -> None:
        """The webhook has taken the message."""
        done = replace(
            notice, state=NoticeState.ACCEPTED, attempts=notice.attempts + 1, accepted_ms=now_ms, error=None
        )
        self._note(done, now_ms)

    def postponed(self, notice: Notice, error: str, due_ms: int, now_ms: int) -> None:
        """The webhook could not take it now."""
        later = replace(notice, attempts=notice.attempts + 1, due_ms=due_ms, error=error)
        self.escalations.update_notice(later)
        if error != notice.error:
            self.escalations.log(
                now_ms, notice.escalation, "notice_postponed", "carrier", contact=notice.contact, error=error
            )

    def failed(self, notice: Notice, error: str, now_ms: int) -> None:
        """The webhook will never take it: the next contact is asked at once."""
        self._note(
            replace(notice, state=NoticeState.FAILED, attempts=notice.attempts + 1, error=error), now_ms
        )
        before = self.escalations.get(notice.escalation)
        assert before is not None, "a notice belongs to an escalation"
        after, asks = state_machine.notice_failed(before, self._policy, notice.number, now_ms)
        self._save(before, after, asks, now_ms)

    def token(self, notice: str) -> str:
        """The secret part of a notice's link: made again when needed, never stored."""
        digest = hmac.digest(self._link_key, notice.encode(), "sha256")[:_TOKEN_BYTES]
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    # -- answers --------------------------------------------------------------------------------------

    def answer(self, id_: str, contact: str, answer: Answer, now_ms: int) -> Escalation | None:
        """Take a contact's answer; the escalation as it stands then, or None where there is none."""
        before = self.escalations.get(id_)
        if before is None:
            return None
        after = state_machine.answered(before, self._policy, contact, answer, now_ms)
        self.escalations.save(after)
        self.escalations.log(now_ms, id_, "answered", contact, answer=answer)
        about = {"device": before.device, "resident": before.resident, "escalation": id_}
        self.events.add(
            before.gateway, now_ms, "escalation_answered", contact=contact, answer=answer, **about
        )
        if after.status is Status.CLOSED and before.status is not Status.CLOSED:
            self.events.add(before.gateway, now_ms, "escalation_closed", reason=f"answered_{answer}", **about)
        return after

    # -- within ---------------------------------------------------------------------------------------

    def _save(self, before: Escalation, after: Escalation, asks: Sequence[Ask], now_ms: int) -> None:
        if after == before:
            return
        self.escalations.save(after)
        if after.status is Status.EXHAUSTED:
            self.escalations.log(now_ms, after.id, "everyone_tried", "clock", asked=after.asked)
        self._ask(after, asks, now_ms)

    def _ask(self, escalation: Escalation, asks: Sequence[Ask], now_ms: int) -> None:
        for ask in asks:
            notice = Notice(
                notice_id(escalation.id, ask.number),
                escalation.id,
                ask.contact,
                ask.number,
                NoticeState.QUEUED,
                attempts=0,
                due_ms=now_ms,
                queued_ms=now_ms,
            )
            self.escalations.add_notice(notice)
            self.escalations.add_link(
                self.token(notice.id), escalation.id, ask.contact, now_ms + LINK_LIFETIME_MS
            )
            self._note(notice, now_ms)

    def _note(self, notice: Notice, now_ms: int) -> None:
        """Save a notice's new state, and tell it."""
        self.escalations.update_notice(notice)
        self.escalations.log(
            now_ms, notice.escalation, f"notice_{notice.state}", "carrier", contact=notice.contact,
            attempts=notice.attempts, **({"error": notice.error} if notice.error else {}),
        )  # fmt: skip
        escalation = self.escalations.get(notice.escalation)
        assert escalation is not None, "a notice belongs to an escalation"
        self.events.add(
            escalation.gateway,
            now_ms,
            "notice_changed",
            device=escalation.device,
            resident=escalation.resident,
            escalation=escalation.id,
            notice=notice.id,
            contact=notice.contact,
            state=notice.state,
            attempts=notice.attempts,
        )

    def _tell_opened(self, escalation: Escalation, now_ms: int) -> None:
        self.events.add(
            escalation.gateway,
            now_ms,
            "escalation_opened",
            device=escalation.device,
            resident=escalation.resident,
            escalation=escalation.id,
            rule=escalation.rule,
            rule_version=escalation.version,
            grade=escalation.grade,
            lane=escalation.lane,
            reason=escalation.reason,
            reading_t=escalation.reading_t_ms,
        )
