"""The desk: opens escalations, sends notices on their way, takes answers. Within the caller's transaction.

It joins the pure policy to the journal: every change of an escalation is saved, written to its history
and told as an event, together or not at all.
"""

from __future__ import annotations

from cunmai_rules.escalation import machine
from cunmai_rules.escalation.finding import Finding
from cunmai_rules.escalation.heard import unheard_red
from cunmai_rules.escalation.repeats import answered_before, handed_before
from cunmai_rules.escalation.states import CloseReason, Escalation, Status
from cunmai_rules.escalation.summaries import LINK_LIFETIME_MS
from cunmai_rules.referral.states import ReferralState
from cunmai_wire.events import Answer, AnswerMeans, Lane


class Desk(Finding):
    """One connection's view of escalations."""

    # -- time -----------------------------------------------------------------------------------------

    def chase(self, now_ms: int, limit: int = 200) -> None:
        """Take the next step of every escalation whose deadline has passed."""
        longest_ms = self.policies.longest_wait_s * 1000
        for before in self.escalations.overdue(now_ms, longest_ms, limit):
            policy = self._policy_of(before)
            after, asks = machine.overdue(self._with_rosters(before, policy, now_ms), policy, now_ms)
            if asks or after.status is not before.status or after.lane is not before.lane:
                self.escalations.log(now_ms, before.id, "overdue", "clock", why=_why_overdue(before))
            self._save(before, after, asks, now_ms)
        self.notices.chase_receipts(now_ms, limit)

    def forget(self, before_ms: int, now_ms: int, limit: int = 500) -> int:
        """Expire reviews that nobody looked at since `before_ms`; drop what was closed before it.

        A page that nobody has answered is never dropped. Returns how many escalations were dropped.
        """
        for review in self.escalations.unlooked_reviews(before_ms, limit):
            self.close(review.id, CloseReason.EXPIRED, "clock", now_ms)
        self.worklists.forget_looks(before_ms)
        self.calls.forget(now_ms)
        self.codes.forget(now_ms - LINK_LIFETIME_MS)
        self.courtesies.forget(now_ms - LINK_LIFETIME_MS)
        self.folds.forget(now_ms)
        return self.escalations.forget_closed(before_ms, limit)

    # -- answers --------------------------------------------------------------------------------------

    def answer(
        self, id_: str, contact: str, answer: Answer, now_ms: int, means: AnswerMeans = AnswerMeans.LINK
    ) -> Escalation | None:
        """Take a contact's answer; the escalation as it stands then, or None where there is none."""
        before = self.escalations.hold(id_)
        if before is None:
            return None
        history = self.escalations.history(id_)
        if answered_before(before, history, contact, answer):
            return before
        waits_for = self._receiver(id_)
        if waits_for is not None and waits_for != contact:
            # A referral waits for its receiver: whoever referred has done that, and closes nothing by saying so.
            self.escalations.log(
                now_ms, id_, "answered_meanwhile", contact, answer=answer, to=waits_for, means=means
            )
            return before
        if means is AnswerMeans.SMS and unheard_red(before, history, self.escalations.notices(id_), contact):
            # They answer what it was. Nothing is settled by that: the message about the red is still owed.
            self.escalations.log(now_ms, id_, "answered_earlier", contact, answer=answer, means=means)
            return before
        after = machine.answered(before, self._policy_of(before), contact, answer, now_ms)
        self.escalations.save(after)
        self._record.answered(before, contact, answer, means, now_ms)
        self._log.info(
            "rules.answered",
            escalation=id_,
            subject=before.subject,
            contact=contact,
            answer=answer,
            means=means,
        )
        if after.status is Status.CLOSED and before.status is not Status.CLOSED:
            self._record.closed(after, contact, now_ms)
        return after

    def _receiver(self, id_: str) -> str | None:
        """Whose answer to a referral is awaited."""
        waiting = (one for one in self._referrals.of(id_) if one.state is ReferralState.REQUESTED)
        return next((one.receiver for one in waiting), None)

    def hand_over(
        self, id_: str, contact: str, to: str, note: str, now_ms: int, *, reopen: bool = False
    ) -> Escalation | None:
        """Give it to another contact, who is asked at once; None where there is no such escalation.

        `reopen`: also where it was closed meanwhile, because somebody has to know. The same once more, by a double
        tap or a request that is sent again, changes nothing.
        """
        before = self.escalations.hold(id_)
        if before is None or (before.status is Status.CLOSED and not reopen):
            return before
        if handed_before(before, self.escalations.history(id_), contact, to, note):
            return before
        after, asks = machine.handed_over(before, self._policy_of(before), to, now_ms, reopen=reopen)
        self.escalations.log(now_ms, id_, "handed_over", contact, to=to, note=note)
        self._save(before, after, asks, now_ms)
        return after


def _why_overdue(before: Escalation) -> str:
    if before.lane is Lane.REVIEW:
        return "still_raised"
    if before.awaits is not None:
        return "not_accepted"
    return "no_outcome" if before.status is Status.SEEN else "no_answer"
