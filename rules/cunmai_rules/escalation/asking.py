"""What every change of an escalation takes: its policy, its history, its messages and their links.

Within the caller's transaction: a change is saved, written to the history and told as an event, together or
not at all.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Sequence

import structlog

from cunmai_rules.escalation import machine
from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.notices import Notices
from cunmai_rules.escalation.policies import Policies
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.escalation.record import Record
from cunmai_rules.escalation.states import Ask, CloseReason, Escalation, Status
from cunmai_rules.escalation.summaries import LINK_LIFETIME_MS, Summaries
from cunmai_rules.journal.calls import Calls
from cunmai_rules.journal.codes import Codes
from cunmai_rules.journal.courtesies import Courtesies
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.events import Events
from cunmai_rules.journal.folds import Folds, SummaryLink
from cunmai_rules.journal.notices import Notice, notice_id
from cunmai_rules.journal.worklists import Worklists
from cunmai_rules.notify.providers.numbers import canonical
from cunmai_rules.referral.book import Book
from cunmai_rules.registry.directory import Directory, policies_fit
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.yamlfile import Problem
from cunmai_wire.events import NoticeState

_TOKEN_BYTES = 10


class Asking:
    """One connection's view; `Desk` is all of it."""

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
            self.escalations, self.folds, self._record, lambda: self.folding, self._policy_of,
            possible=settings.sends_summaries,
        )  # fmt: skip
        self._sends_summaries = settings.sends_summaries

    @property
    def policies(self) -> Policies:
        """Those in force now."""
        return self._in_force.policies

    @property
    def folding(self) -> Folding:
        """When messages become a summary: never, where not every provider can send one."""
        return self.policies.folding if self._sends_summaries else Folding()

    def reload_policies(self) -> bool:
        """Look whether their file has changed; whether others, or other problems, are there now."""
        return self._in_force.poll(policies_fit(self.directory))

    @property
    def policy_problems(self) -> Sequence[Problem]:
        """What is wrong with their file as it is now."""
        return self._in_force.problems

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

    # -- changes --------------------------------------------------------------------------------------

    def close(self, id_: str, because: CloseReason, actor: str, now_ms: int) -> Escalation | None:
        """Close for a named reason without an answer; None where there is no such escalation."""
        before = self.escalations.hold(id_)
        if before is None or before.status is Status.CLOSED:
            return before
        after = machine.closed(before, because, now_ms)
        self.escalations.save(after)
        self._record.closed(after, actor, now_ms)
        return after

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
