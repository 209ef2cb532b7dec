"""What becomes of notices: sent, accepted, refused, delivered, not delivered. Within the caller's transaction.

Every method holds the escalation first, and goes by the notice as it is then: a receipt may come while the
request that sent it is still under way. Where a notice carries a summary, whatever becomes of its message
becomes of all that it tells of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cunmai_rules.escalation import machine
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.receipts import CarrierReceipt, Taken, judge
from cunmai_rules.escalation.record import Record
from cunmai_rules.escalation.states import Ask, Escalation
from cunmai_rules.escalation.summaries import still_owed
from cunmai_rules.journal.calls import Calls
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.folds import Folds
from cunmai_rules.journal.notices import Notice
from cunmai_wire.events import Grade, NoticeState

Save = Callable[[Escalation, Escalation, Sequence[Ask], int], None]
"""Keep a changed escalation, and send what it asks for: before, after, asks, now."""

PolicyOf = Callable[[Escalation], Policy]
"""What holds for an escalation of this grade and priority."""

NO_RECEIPT = "no_receipt"


class Notices:
    """One connection's view of notices."""

    def __init__(
        self,
        escalations: Escalations,
        folds: Folds,
        calls: Calls,
        record: Record,
        policy_of: PolicyOf,
        save: Save,
    ) -> None:
        self._escalations = escalations
        self._folds = folds
        self._calls = calls
        self._record = record
        self._policy_of = policy_of
        self._save = save

    # -- sending --------------------------------------------------------------------------------------

    def about_to_send(self, notice: Notice, text: str, parts: str, now_ms: int) -> Notice | None:
        """The notice with what it says, kept from now on; None where it need not be sent any more."""
        _, notice = self._hold(notice)
        if notice.state is not NoticeState.QUEUED:
            return None
        if self.drop_unwanted(notice, now_ms):
            return None
        if notice.text is not None:
            return notice
        worded = replace(notice, text=text, parts=parts)
        self._escalations.update_notice(worded)
        return worded

    def drop_unwanted(self, notice: Notice, now_ms: int) -> bool:
        """Let go of one where nobody waits for anything that it tells of any more; whether it was."""
        escalation, current = self._hold(notice)
        group = [(escalation, current), *self._others(current)]
        queued = current.state is NoticeState.QUEUED
        if not queued or any(still_owed(one, its, self._folds) for one, its in group):
            return False
        for one, its in group:
            self.note(one, replace(its, state=NoticeState.DROPPED), now_ms)
        return True

    def sending(self, wanted: Notice, provider: str, mark: str, now_ms: int) -> Notice | None:
        """It is about to be given to this provider. Whoever kills us from now on leaves that in doubt.

        None where a receipt has come meanwhile for an earlier attempt. `mark`: of the number it goes to.
        """
        _, current = self._hold(wanted)
        if current.state is not NoticeState.QUEUED:
            return None
        since_ms = now_ms if wanted.unsure_ms is None else wanted.unsure_ms
        given = replace(current, tried=wanted.tried, provider=provider, unsure_ms=since_ms, to_mark=mark)
        self._escalations.update_notice(given)
        for _, part in self._others(given):
            self._escalations.update_notice(replace(part, provider=provider, to_mark=mark))
        return given

    def later(self, notice: Notice, due_ms: int) -> None:
        """Not now."""
        self._escalations.update_notice(replace(notice, due_ms=due_ms))

    def accepted(
        self, notice: Notice, provider_id: str | None, receipt_within_s: int | None, now_ms: int
    ) -> None:
        """The provider has taken the message: from now on a receipt and an answer are awaited.

        Said again, because nobody knows whether the first record was committed, it changes nothing.
        """
        escalation, current = self._hold(notice)
        if current.state is NoticeState.ACCEPTED:
            return
        sent = replace(
            current, provider=notice.provider, provider_id=provider_id, attempts=current.attempts + 1,
            accepted_ms=now_ms, unsure_ms=None, error=None, tried="",
        )  # fmt: skip
        if current.state is not NoticeState.QUEUED:
            self._escalations.update_notice(replace(sent, error=current.error))  # a receipt was faster
            return
        due_ms = now_ms + receipt_within_s * 1000 if receipt_within_s else None
        self.note(escalation, replace(sent, state=NoticeState.ACCEPTED, receipt_due_ms=due_ms), now_ms)
        self._escalations.save(
            machine.notice_accepted(escalation, self._policy_of(escalation), notice.number, now_ms)
        )
        for other, part in self._others(current):
            taken = replace(part, state=NoticeState.ACCEPTED, accepted_ms=now_ms, attempts=1)
            self.note(other, taken, now_ms)
            self._escalations.save(
                machine.notice_accepted(other, self._policy_of(other), part.number, now_ms)
            )
        self._calls.lock(notice.provider, provider_id)
        early = self._calls.take_early(notice.provider, provider_id)
        if early is not None:
            self.receipt(early, now_ms)

    def postponed(self, notice: Notice, changed: Notice, now_ms: int) -> None:
        """The provider could not take it now: `changed` says when, and where, it is tried again."""
        _, current = self._hold(notice)
        if current.state is not NoticeState.QUEUED:
            return
        self._escalations.update_notice(changed)
        if changed.error != notice.error:
            self._escalations.log(
                now_ms, notice.escalation, "notice_postponed", "carrier", contact=notice.contact,
                error=changed.error, **_provider(changed),
            )  # fmt: skip

    def failed(self, notice: Notice, error: str, now_ms: int) -> None:
        """No provider will ever take it: the next contact is asked at once."""
        before, current = self._hold(notice)
        if current.state is not NoticeState.QUEUED:
            return
        for one, its in [(before, current), *self._others(current)]:
            refused = replace(its, state=NoticeState.FAILED, attempts=its.attempts + 1, error=error)
            self.note(one, refused, now_ms)
            after, asks = machine.notice_failed(one, self._policy_of(one), its.number, now_ms)
            self._save(one, after, asks, now_ms)

    def taken_apart(self, notice: Notice, error: str, now_ms: int) -> None:
        """A summary was refused: all that it tells of goes out singly, now. Deadlines run on as they are.

        `error` stays with each until it is taken, and keeps it out of further summaries.
        """
        before, current = self._hold(notice)
        if current.state is not NoticeState.QUEUED:
            return
        for one, its in [(before, current), *self._others(current)]:
            if its.state is not NoticeState.QUEUED:
                continue
            single = replace(
                its, due_ms=now_ms, error=error, text=None, parts=None, provider=None, provider_id=None,
                to_mark=None, tried="", refused_by="", unsure_ms=None, held_ms=None, held_why=None,
                told_ms=None, told_with=None, counts_as=None,
            )  # fmt: skip
            self._escalations.update_notice(single)
            self._record.apart(one, single, current.id, now_ms)

    # -- receipts -------------------------------------------------------------------------------------

    def receipt(self, receipt: CarrierReceipt, now_ms: int) -> Taken:
        """Take a delivery receipt."""
        found = self._find(receipt)
        if found is None and receipt.notice is None:
            # Perhaps the answer that names it is this moment being recorded.
            self._calls.lock(receipt.provider, receipt.provider_id)
            found = self._find(receipt)
        if found is None:
            if receipt.provider_id is None or receipt.notice is not None:
                return Taken.UNKNOWN
            return Taken.EARLY if self._calls.keep_early(receipt, now_ms) else Taken.UNKNOWN
        if receipt.to_mark is not None and receipt.to_mark != found.to_mark:
            return Taken.OTHER_NUMBER
        before, notice = self._hold(found)
        if not receipt.delivered and receipt.provider != notice.provider:
            return Taken.ELSEWHERE
        taken = judge(notice.state, delivered=receipt.delivered)
        if taken is Taken.DELIVERED:
            self._delivered(before, notice, receipt, now_ms)
        elif taken is Taken.FAILED:
            self._undelivered(before, notice, NoticeState.FAILED, receipt.reason, now_ms)
        return taken

    def chase_receipts(self, now_ms: int, limit: int = 200) -> None:
        """Take the lack of a receipt for a failure, where one should have come by now."""
        for overdue in self._escalations.receipts_overdue(now_ms, limit):
            before, notice = self._hold(overdue)
            if notice.receipt_due_ms is not None and notice.state is NoticeState.ACCEPTED:
                self._undelivered(before, notice, NoticeState.UNCONFIRMED, NO_RECEIPT, now_ms)

    def _find(self, receipt: CarrierReceipt) -> Notice | None:
        if receipt.notice is not None:
            found = self._escalations.notice(receipt.notice)
            return found if found is not None and found.provider is not None else None
        if receipt.provider_id is None:
            return None
        return self._escalations.notice_sent_as(receipt.provider, receipt.provider_id)

    def _delivered(self, before: Escalation, notice: Notice, receipt: CarrierReceipt, now_ms: int) -> None:
        arrived = replace(
            notice, state=NoticeState.DELIVERED, delivered_ms=now_ms, receipt_due_ms=None, unsure_ms=None,
            error=None, accepted_ms=notice.accepted_ms or now_ms, provider=receipt.provider,
            provider_id=notice.provider_id or receipt.provider_id,
        )  # fmt: skip
        self.note(before, arrived, now_ms)
        self._escalations.save(
            machine.notice_delivered(before, self._policy_of(before), notice.number, now_ms)
        )
        for other, part in self._others(notice):
            on_it = replace(
                part, state=NoticeState.DELIVERED, delivered_ms=now_ms, error=None,
                accepted_ms=part.accepted_ms or now_ms,
            )  # fmt: skip
            self.note(other, on_it, now_ms)
            self._escalations.save(
                machine.notice_delivered(other, self._policy_of(other), part.number, now_ms)
            )

    def _undelivered(
        self, before: Escalation, notice: Notice, state: NoticeState, reason: str, now_ms: int
    ) -> None:
        for one, its in [(before, notice), *self._others(notice)]:
            lost = replace(its, state=state, error=reason, receipt_due_ms=None, unsure_ms=None)
            self.note(one, lost, now_ms)
            self._weigh_again(one, its, now_ms)
            if its.state is NoticeState.UNCONFIRMED:
                continue  # what follows from that has been done when no receipt came
            after, asks = machine.notice_undelivered(
                one, self._policy_of(one), its.number, its.contact, now_ms
            )
            self._save(one, after, asks, now_ms)

    def _weigh_again(self, escalation: Escalation, lost: Notice, now_ms: int) -> None:
        """A message about the same red that waits for the same person may now be the first that they hear of it.

        Only of a red: a yellow may wait for the end of quiet hours.
        """
        for one in self._escalations.notices(escalation.id) if escalation.grade is Grade.RED else ():
            waits = one.state is NoticeState.QUEUED and one.held_ms is not None and one.told_ms is None
            if waits and one.contact == lost.contact:
                self._escalations.update_notice(replace(one, due_ms=min(one.due_ms, now_ms)))

    # -- within ---------------------------------------------------------------------------------------

    def note(self, escalation: Escalation, notice: Notice, now_ms: int) -> None:
        """Save a notice's new state, and tell it."""
        self._escalations.update_notice(notice)
        self._record.notice(escalation, notice, now_ms)

    def _others(self, lead: Notice) -> list[tuple[Escalation, Notice]]:
        """What goes with a notice that carries a summary, held: the message's fate is theirs."""
        if not lead.carries_summary:
            return []
        members = self._folds.members(lead.id)
        held = self._escalations.hold_all([one.escalation for one in members])
        return [(held[one.escalation], one) for one in members if one.escalation in held]

    def _hold(self, notice: Notice) -> tuple[Escalation, Notice]:
        """Its escalation and itself as they are now, and stay until we commit."""
        escalation = self._escalations.hold(notice.escalation)
        current = self._escalations.notice(notice.id)
        assert escalation is not None, "a notice belongs to an escalation"
        assert current is not None, "a notice goes only with its escalation, which is open"
        return escalation, current


def _provider(notice: Notice) -> dict[str, str]:
    return {"provider": notice.provider} if notice.provider else {}
