"""Replies by SMS: whose they are, what they answer, and what the sender is told. Within the caller's transaction.

A reply counts for whoever was written to at the number that it comes from, within the life of a link.
Anybody else's is counted and not answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Status
from cunmai_rules.escalation.summaries import LINK_LIFETIME_MS
from cunmai_rules.notify.providers.callbacks import IncomingReply
from cunmai_rules.notify.reply import (
    RECENTLY_MS,
    Closed,
    Known,
    Listed,
    OneByOne,
    Reply,
    SeenAll,
    Take,
    Unclear,
    meaning,
    parse_reply,
)
from cunmai_wire.events import Answer, AnswerMeans

OLDEST_MS = 24 * 3_600_000
"""A reply that its sender sent longer ago, or in the future, is not taken: it may be an old one repeated."""
EXAMPLE = "K7"


class ReplyOutcome(StrEnum):
    """What was made of a reply."""

    TAKEN = "taken"
    CLOSED = "closed"
    ONE_BY_ONE = "one_by_one"
    """An outcome for a whole summary: the sender was told to give it on the list."""
    UNCLEAR = "unclear"
    """The sender was asked."""
    QUIET = "quiet"
    """Unclear or closed, and the sender has been told a moment ago."""
    UNKNOWN_NUMBER = "unknown_number"
    OLD = "old"


class Replies:
    """One connection's view of replies."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def take(self, reply: IncomingReply, now_ms: int) -> ReplyOutcome:
        """Take one reply that came from a provider."""
        if reply.t_ms is not None and abs(now_ms - reply.t_ms) > OLDEST_MS:
            return ReplyOutcome.OLD
        mark = self._desk.mark(reply.number)
        said = parse_reply(reply.text)
        known = self._known(mark, said.code if said else None, now_ms)
        if not known:
            return ReplyOutcome.UNKNOWN_NUMBER
        return self._meant(said, known, self._summaries(mark, now_ms), now_ms)

    def _meant(
        self, said: Reply | None, known: Sequence[Known], summaries: Sequence[Listed], now_ms: int
    ) -> ReplyOutcome:
        meant = meaning(said, known, now_ms, summaries)
        match meant:
            case SeenAll():
                return self._seen_all(meant.listed, now_ms)
            case OneByOne():
                return self._one_by_one(meant.listed, now_ms)
            case Take():
                self._desk.answer(meant.known.id, meant.known.contact, meant.answer, now_ms, AnswerMeans.SMS)
                return ReplyOutcome.TAKEN
            case Closed():
                return self._closed(meant.known, now_ms)
            case _:
                return self._help(known, summaries, meant, now_ms)

    def _seen_all(self, listed: Listed, now_ms: int) -> ReplyOutcome:
        """已看 for everything that a summary tells of and that nobody has answered. An outcome is owed for each."""
        for escalation in self._desk.summaries.unanswered(listed.notice):
            self._desk.answer(escalation, listed.contact, Answer.SEEN, now_ms, AnswerMeans.SMS)
        return ReplyOutcome.TAKEN

    def _closed(self, known: Known, now_ms: int) -> ReplyOutcome:
        self._log([known], "reply_closed", now_ms)
        told = self._tell(known.contact, "closed", {"code": known.code or "-"}, now_ms)
        return ReplyOutcome.CLOSED if told else ReplyOutcome.QUIET

    def _one_by_one(self, listed: Listed, now_ms: int) -> ReplyOutcome:
        told = self._tell(listed.contact, "list", {"code": listed.code or "-"}, now_ms)
        return ReplyOutcome.ONE_BY_ONE if told else ReplyOutcome.QUIET

    def _summaries(self, mark: str, now_ms: int) -> list[Listed]:
        """The summaries that this number was sent, the newest first."""
        folds = self._desk.folds
        return [
            Listed(
                id_,
                contact,
                self._desk.codes.code_of(id_),
                frozenset(one.escalation for one in folds.told_in(id_)),
            )
            for id_, contact in folds.summaries_to(mark, now_ms - LINK_LIFETIME_MS)
        ]

    def _help(
        self, known: Sequence[Known], summaries: Sequence[Listed], why: Unclear, now_ms: int
    ) -> ReplyOutcome:
        still_open = [one for one in known if one.closed_ms is None]
        self._log(still_open or known[:1], "reply_unclear", now_ms, why=why)
        codes = [one.code for one in still_open if one.code]
        ids = {one.id for one in still_open}
        codes += [one.code for one in summaries if one.code and one.escalations & ids]
        values = {"example": codes[0] if codes else EXAMPLE, "codes": " ".join(codes[:8]) or "-"}
        told = self._tell(known[0].contact, "help", values, now_ms)
        return ReplyOutcome.UNCLEAR if told else ReplyOutcome.QUIET

    def _known(self, mark: str, code: str | None, now_ms: int) -> list[Known]:
        """What this number was told of: what is named and what is open first, and those by time."""
        known = []
        for id_, contact in self._desk.escalations.told_to(mark, now_ms - LINK_LIFETIME_MS, code):
            escalation = self._desk.escalations.get(id_)
            if escalation is None:
                continue
            closed_ms = escalation.closed_ms if escalation.status is Status.CLOSED else None
            recently = closed_ms is not None and now_ms - closed_ms < RECENTLY_MS
            by_them = recently and self._closed_by(id_, contact)
            known.append(Known(id_, contact, self._desk.codes.code_of(id_), closed_ms, by_them))
        return known

    def _closed_by(self, escalation: str, contact: str) -> bool:
        closed = [one for one in self._desk.escalations.history(escalation) if one.type == "closed"]
        return bool(closed) and closed[-1].actor == contact

    def _tell(self, contact: str, kind: str, values: dict[str, str], now_ms: int) -> bool:
        return self._desk.courtesies.add(contact, kind, values, now_ms)

    def _log(self, about: Sequence[Known], type_: str, now_ms: int, **detail: object) -> None:
        for one in about:
            self._desk.escalations.log(now_ms, one.id, type_, one.contact, **detail)


def digest_of(reply: IncomingReply) -> str:
    """Of what a reply says: another content under the same id is refused."""
    return hashlib.sha256(f"{reply.number}|{reply.text}".encode()).hexdigest()[:32]
