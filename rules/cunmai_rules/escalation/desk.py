"""The desk: opens escalations, sends notices on their way, takes answers. Within the caller's transaction.

It joins the pure policy to the journal: every change of an escalation is saved, written to its history
and told as an event, together or not at all.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Sequence, Set
from dataclasses import replace

import structlog

from cunmai_rules.escalation import grouping, machine
from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.notices import Notices
from cunmai_rules.escalation.policies import Policies
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS, Policy
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.escalation.record import Record
from cunmai_rules.escalation.repeats import answered_before, handed_before
from cunmai_rules.escalation.states import Ask, CloseReason, Escalation, Status
from cunmai_rules.escalation.summaries import LINK_LIFETIME_MS, Summaries
from cunmai_rules.journal.calls import Calls
from cunmai_rules.journal.codes import Codes
from cunmai_rules.journal.courtesies import Courtesies
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.events import Events
from cunmai_rules.journal.findings import FindingRow
from cunmai_rules.journal.folds import Folds, SummaryLink
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.journal.notices import Notice, notice_id
from cunmai_rules.journal.worklists import Worklists
from cunmai_rules.notify.providers.numbers import canonical
from cunmai_rules.referral.book import Book
from cunmai_rules.referral.states import ReferralState
from cunmai_rules.registry.directory import Directory, check_contacts
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.events import Escalate
from cunmai_runtime.yamlfile import Problem
from cunmai_wire.events import Answer, AnswerMeans, Lane, NoticeState

REISSUE_WITHIN_MS = 3_600_000
"""The corrections of one visit may come in several messages, but not further apart than this."""
_TOKEN_BYTES = 10


class Desk:
    """One connection's view of escalations."""

    def __init__(
        self,
        db: Database,
        settings: RulesSettings,
        link_key: bytes,
        policies: PoliciesInForce | None = None,
    ) -> None:
        """`policies`: those that somebody watches; none: as their file is now."""
        self.asked = 0
        """How many messages were asked for: it grows whenever there is something to send."""
        self._in_force = policies or PoliciesInForce(settings)
        self._log = structlog.get_logger("rules")
        self._link_key = link_key
        self.directory = Directory(db, settings)
        self.escalations = Escalations(db)
        self.events = Events(db)
        self.worklists = Worklists(db)
        self._referrals = Book(db)
        self._record = Record(self.escalations, self.events, self.directory)
        self.calls = Calls(db)
        self.codes = Codes(db)
        self.courtesies = Courtesies(db)
        self.folds = Folds(db)
        self.notices = Notices(
            self.escalations, self.folds, self.calls, self._record, self._policy_of, self._save
        )
        self.summaries = Summaries(
            self.escalations, self.folds, self._record, lambda: self.folding, self._policy_of
        )
        self._sends_summaries = settings.sends_summaries

    @property
    def policies(self) -> Policies:
        """Those in force now."""
        return self._in_force.policies

    @property
    def folding(self) -> Folding:
        """When messages become a summary: never, where no provider can send one."""
        return self.policies.folding if self._sends_summaries else Folding()

    def reload_policies(self) -> None:
        """Look whether their file has changed."""
        self._in_force.poll(lambda loaded: check_contacts(loaded.named_contacts, self.directory))

    @property
    def policy_problems(self) -> Sequence[Problem]:
        """What is wrong with their file as it is now."""
        return self._in_force.problems

    # -- findings -------------------------------------------------------------------------------------

    def open(self, subject: Subject, found: Escalate, now_ms: int) -> Escalation | None:
        """Take what a rule found: it opens an escalation, or joins the subject's open one.

        Returns the escalation that it opened; None where it joined one or was found before.
        """
        id_ = self.escalations.current_finding(subject.id, found.key)
        if self.escalations.found_before(id_):
            return None
        earlier = self.escalations.of_subject(subject.id)
        current = next((one for one in earlier if grouping.belongs(one, found, now_ms)), None)
        if current is not None:
            self._join(current, id_, found, now_ms)
            return None
        return self._open(id_, subject, found, earlier, now_ms)

    def _open(
        self,
        id_: str,
        subject: Subject,
        found: Escalate,
        earlier: Sequence[Escalation],
        now_ms: int,
    ) -> Escalation:
        policy = self.policies.of(found.grade, found.priority)
        outcome = next(
            (one for one in earlier if grouping.waits_for_review(one, found, policy, now_ms)), None
        )
        quiet_until_ms = (outcome.closed_ms or now_ms) + policy.quiet_s * 1000 if outcome else None
        escalation = Escalation(
            id=id_,
            subject=subject.id,
            gateway=subject.gateway,
            device=subject.device,
            resident=subject.resident,
            rule=found.rule,
            version=found.version,
            grade=found.grade,
            lane=Lane.REVIEW if outcome else found.lane,
            reason=found.reason,
            stream=found.source.stream if found.source else None,
            seq=found.source.seq if found.source else None,
            reading_t_ms=found.t_ms,
            opened_ms=now_ms,
            contacts=self.directory.contacts(subject.resident, subject.gateway, now_ms, policy.levels),
            rules=(found.rule,),
            raised=(found.rule,) if found.lane is Lane.PAGE else (),
            found_ms=now_ms,
            due_ms=quiet_until_ms,
            follows=outcome.id if outcome else None,
            priority=found.priority,
            said_zh=found.said_zh,
            said_en=found.said_en,
        )
        escalation, asks = machine.opened(escalation, policy)
        self.escalations.save(escalation)
        self.escalations.add_finding(_finding(id_, id_, found, now_ms))
        self._record.opened(escalation, self.policies.version, now_ms)
        self._ask(escalation, asks, now_ms)
        return escalation

    def _join(self, current: Escalation, id_: str, found: Escalate, now_ms: int) -> None:
        policy = self._policy_of(grouping.with_finding(current, found, now_ms))
        joined = grouping.join(current, found, policy, now_ms)
        if joined.step[1]:
            # Whom to ask at this grade and hour: it may have opened at another, and have waited since.
            here = self._with_rosters(current, policy, now_ms)
            joined = grouping.join(here, found, policy, now_ms)
        after, asks = joined.step
        if asks and found.source is not None:
            after = replace(after, stream=found.source.stream, seq=found.source.seq)
        self.escalations.add_finding(_finding(id_, current.id, found, now_ms))
        self._record.joined(current, found, joined.how, now_ms)
        self._save(current, after, asks, now_ms)

    def recovered(self, subject: str, rule: str, now_ms: int) -> None:
        """A rule no longer finds anything: told in the history of what it had raised."""
        for before in self.escalations.of_subject(subject):
            if rule in before.raised:
                self.escalations.save(grouping.recovered(before, rule, now_ms))
                self.escalations.log(now_ms, before.id, "recovered", "rules", rule=rule)

    def amend(self, subject: Subject, key: str, found: Escalate, now_ms: int) -> None:
        """A finding is now known to be of another moment. Nobody is asked again for that."""
        old = self.escalations.current_finding(subject.id, key)
        row = _finding(self.escalations.current_finding(subject.id, found.key), "", found, now_ms)
        owner = self.escalations.move_finding(old, row)
        if owner is None:
            self.open(subject, found, now_ms)
            return
        before = self.escalations.get(owner)
        if before is None or before.rule != found.rule:
            return
        self.escalations.log(now_ms, owner, "amended", "rules", rule=found.rule)
        source = found.source
        moved = replace(
            before,
            reading_t_ms=found.t_ms,
            stream=source.stream if source else None,
            seq=source.seq if source else None,
            said_zh=found.said_zh,
            said_en=found.said_en,
        )
        self.escalations.save(moved)

    def withdraw(self, subject: str, key: str, now_ms: int) -> None:
        """What was found does not hold: a late reading or a correction has shown it."""
        self._withdraw(self.escalations.current_finding(subject, key), now_ms)

    def withdraw_about(self, stream: str, seq: int, now_ms: int) -> None:
        """This reading counted for the wrong person: nothing that was found by it holds."""
        for id_, escalation in self.escalations.findings_about(stream, seq):
            self.escalations.hold(escalation)
            self._withdraw(id_, now_ms)

    def _withdraw(self, id_: str, now_ms: int) -> None:
        """Noted in the history; an escalation of which nothing stands, and that nobody answered, is closed."""
        withdrawn = self.escalations.withdraw_finding(id_, now_ms)
        if withdrawn is None:
            return
        owner, rule, standing = withdrawn
        self.escalations.log(now_ms, owner, "withdrawn", "rules", rule=rule)
        before = self.escalations.get(owner)
        if before is None or before.status is Status.CLOSED:
            return
        self.escalations.save(grouping.recovered(before, rule, now_ms))
        if standing == 0 and before.status is not Status.SEEN:
            self.close(owner, CloseReason.WITHDRAWN, "rules", now_ms)

    def reissue(self, wrong: str, right: str, readings: Set[tuple[str, int]], now_ms: int) -> None:
        """These readings, for which somebody may have been paged, are another subject's than was thought.

        What they find is of the past and becomes a task. Where the page that was taken back still owed an answer,
        that task is paged instead: a correction puts an alarm right, and never silences it.
        """
        theirs = self.escalations.of_subject(right)
        retracted = next(
            (one for one in self.escalations.of_subject(wrong) if _taken_back(one, now_ms)), None
        )
        tasks = [one for one in theirs if one.lane is Lane.REVIEW and (one.stream, one.seq) in readings]
        task = max(tasks, key=lambda one: grouping.GRAVITY[one.grade], default=None)
        if retracted is None or task is None or any(one.follows == retracted.id for one in theirs):
            return
        policy = self._policy_of(task)
        paged = replace(task, lane=Lane.PAGE, raised=task.rules, follows=retracted.id)
        after, asks = machine.ask_anew(self._with_rosters(paged, policy, now_ms), policy, now_ms)
        self.escalations.log(now_ms, task.id, "reissued", "rules", instead_of=retracted.id)
        self._save(task, after, asks, now_ms)

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

    # -- links ----------------------------------------------------------------------------------------

    def token(self, notice: str) -> str:
        """The secret part of a notice's link: made again when needed, never stored.

        Sixteen letters and digits: platforms let the variables of a template hold little more.
        """
        digest = hmac.digest(self._link_key, notice.encode(), "sha256")[:_TOKEN_BYTES]
        return b32encode(digest).decode().lower()

    def give_summary_link(self, lead: Notice, sites: Sequence[str], now_ms: int) -> None:
        """Let the link in a summary open its list."""
        expires_ms = now_ms + LINK_LIFETIME_MS
        link = SummaryLink(lead.id, lead.contact, tuple(sites), expires_ms)
        self.folds.add_link(self.token(summary_of(lead.id)), link)

    def mark(self, number: str) -> str:
        """A keyed hash of a number: enough to know it again, and not to write to it."""
        return hmac.digest(self._link_key, f"number|{canonical(number)}".encode(), "sha256")[:16].hex()

    # -- answers --------------------------------------------------------------------------------------

    def answer(
        self, id_: str, contact: str, answer: Answer, now_ms: int, means: AnswerMeans = AnswerMeans.LINK
    ) -> Escalation | None:
        """Take a contact's answer; the escalation as it stands then, or None where there is none."""
        before = self.escalations.hold(id_)
        if before is None:
            return None
        if answered_before(before, self.escalations.history(id_), contact, answer):
            return before
        waits_for = self._receiver(id_)
        if waits_for is not None and waits_for != contact:
            # A referral waits for its receiver: whoever referred has done that, and closes nothing by saying so.
            self.escalations.log(
                now_ms, id_, "answered_meanwhile", contact, answer=answer, to=waits_for, means=means
            )
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

    def close(self, id_: str, because: CloseReason, actor: str, now_ms: int) -> Escalation | None:
        """Close for a named reason without an answer; None where there is no such escalation."""
        before = self.escalations.hold(id_)
        if before is None or before.status is Status.CLOSED:
            return before
        after = machine.closed(before, because, now_ms)
        self.escalations.save(after)
        self._record.closed(after, actor, now_ms)
        return after

    # -- within ---------------------------------------------------------------------------------------

    def _policy_of(self, escalation: Escalation) -> Policy:
        return self.policies.of(escalation.grade, escalation.priority)

    def _with_rosters(self, escalation: Escalation, policy: Policy, now_ms: int) -> Escalation:
        """Whom to ask as teams and rosters are now, not as they were when it opened."""
        contacts = self.directory.contacts(escalation.resident, escalation.gateway, now_ms, policy.levels)
        return machine.with_contacts(escalation, contacts)

    def _save(self, before: Escalation, after: Escalation, asks: Sequence[Ask], now_ms: int) -> None:
        if after == before:
            return
        self.escalations.save(after)
        if after.lane is not before.lane:
            self._record.moved(before, after)
        if after.status is Status.EXHAUSTED:
            self._shout(before, after, now_ms)
        self._ask(after, asks, now_ms)

    def _shout(self, before: Escalation, after: Escalation, now_ms: int) -> None:
        """Nobody answers, or nobody can be reached: somebody at the server has to know."""
        policy = self._policy_of(after)
        everyone_tried = machine.everyone_tried(after, policy)
        why = "nobody_answers" if everyone_tried else "nobody_reached"
        known = before.status is Status.EXHAUSTED and machine.everyone_tried(before, policy) == everyone_tried
        if not known:
            type_ = "everyone_tried" if everyone_tried else "nobody_reached"
            self.escalations.log(now_ms, after.id, type_, "clock", asked=after.asked)
        self._log.error(
            "rules.nobody_answers", escalation=after.id, why=why, gateway=after.gateway, grade=after.grade,
            asked=after.asked, accepted=after.reached,
            todo="call the contacts of this site, then answer from a link or `cunmai rules close`",
        )  # fmt: skip

    def _ask(self, escalation: Escalation, asks: Sequence[Ask], now_ms: int) -> None:
        self.asked += len(asks)
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
                site=self.directory.place_of(escalation.gateway),
            )
            self.escalations.add_notice(notice)
            self.escalations.add_link(
                self.token(notice.id), escalation.id, ask.contact, now_ms + LINK_LIFETIME_MS
            )
            self.notices.note(escalation, notice, now_ms)


def summary_of(notice: str) -> str:
    """What the token of a summary is made from: another one than that of the page of the notice that carries it."""
    return f"summary|{notice}"


def _finding(id_: str, escalation: str, found: Escalate, now_ms: int) -> FindingRow:
    return FindingRow(
        id_, escalation, found.rule, found.version, found.grade, found.lane, found.reason, found.t_ms,
        found.source.stream if found.source else None, found.source.seq if found.source else None, now_ms,
    )  # fmt: skip


def _taken_back(one: Escalation, now_ms: int) -> bool:
    """A page of which nothing stands any more since a moment ago, and that nobody has dealt with."""
    if one.lane is not Lane.PAGE:
        return False
    if one.status is Status.SEEN:
        return not one.raised
    just_now = one.closed_ms is not None and -CLOCKS_DIFFER_MS <= now_ms - one.closed_ms <= REISSUE_WITHIN_MS
    return one.closed_because == CloseReason.WITHDRAWN and just_now


def _why_overdue(before: Escalation) -> str:
    if before.lane is Lane.REVIEW:
        return "still_raised"
    if before.awaits is not None:
        return "not_accepted"
    return "no_outcome" if before.status is Status.SEEN else "no_answer"
