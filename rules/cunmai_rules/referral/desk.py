"""Joins a referral to its escalation: each is asked about, answered and handed on with the other."""

from __future__ import annotations

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.database import Database
from cunmai_rules.referral.book import Book, referral_id
from cunmai_rules.referral.states import RESULT, Decision, NotNow, Referral, ReferralState, decided
from cunmai_wire.events import Answer, AnswerMeans


class ReferralDesk:
    """Within the caller's transaction."""

    def __init__(self, db: Database, desk: Desk) -> None:
        self._desk = desk
        self.book = Book(db)

    def refer(self, escalation_id: str, sender: str, receiver: str, note: str, now_ms: int) -> Referral:
        """Send a resident up: the receiver is asked at once. Raises NotNow.

        The same once more, by a double tap or a request that is sent again, is the one that there is.
        """
        before = self._desk.escalations.hold(escalation_id)
        if before is None or before.status is Status.CLOSED:
            raise NotNow("referral_closed")
        earlier = self.book.of(escalation_id)
        waiting = next((one for one in earlier if one.state is ReferralState.REQUESTED), None)
        if waiting is not None:
            if (waiting.sender, waiting.receiver, waiting.note) == (sender, receiver, note):
                return waiting
            raise NotNow("referral_waits")
        referral = Referral(
            referral_id(escalation_id, len(earlier) + 1), escalation_id, before.resident, before.gateway, sender,
            receiver, note, now_ms,
        )  # fmt: skip
        self.book.add(referral)
        self._log(referral, "referral_requested", sender, now_ms)
        self._desk.hand_over(escalation_id, sender, receiver, note, now_ms)
        return referral

    def decide(
        self, escalation_id: str, by: str, decision: Decision, note: str, means: AnswerMeans, now_ms: int
    ) -> Referral:
        """Take the receiver's decision; the same once more changes nothing. Raises NotNow."""
        self._desk.escalations.hold(escalation_id)
        mine = [one for one in self.book.of(escalation_id) if one.receiver == by]
        if not mine:
            raise NotNow("referral_not_yours")
        if mine[-1].state is RESULT[decision] and mine[-1].answer_note == note:
            return mine[-1]
        after = decided(mine[-1], decision, by, note, now_ms)
        self.book.update(after)
        self._log(after, f"referral_{after.state}", by, now_ms)
        if decision is Decision.ACCEPT:  # accepted is not handled: an outcome is owed, now by the receiver
            self._desk.answer(escalation_id, by, Answer.SEEN, now_ms, means)
        else:
            self._desk.hand_over(escalation_id, by, after.sender, note, now_ms, reopen=True)
        return after

    def _log(self, referral: Referral, type_: str, actor: str, now_ms: int) -> None:
        to = referral.receiver if actor == referral.sender else referral.sender
        note = referral.answer_note if actor == referral.receiver else referral.note
        self._desk.escalations.log(now_ms, referral.escalation, type_, actor, to=to, note=note)
