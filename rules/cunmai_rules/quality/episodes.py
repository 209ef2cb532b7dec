"""One escalation from its opening to its outcome, read from its history. Pure.

The history is append-only and is the record; the escalation's own state is only its last line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cunmai_rules.escalation.states import CloseReason, Escalation
from cunmai_rules.journal.escalations import Entry
from cunmai_wire.events import Answer, Lane, NoticeState


class Verdict(StrEnum):
    """What came of an escalation, as far as alarm quality goes."""

    ACTED = "acted"
    """Contacted or referred: it was right to ask."""
    FALSE = "false"
    """Somebody looked and said: false alarm."""
    WITHDRAWN = "withdrawn"
    """A late reading or a correction showed that it did not hold."""
    OTHER = "other"
    """Closed by an operator or expired: says nothing about the rule."""
    OPEN = "open"


_OF_ANSWER = {
    Answer.CONTACTED: Verdict.ACTED,
    Answer.REFERRED: Verdict.ACTED,
    Answer.FALSE_ALARM: Verdict.FALSE,
}


@dataclass(frozen=True, slots=True)
class Episode:
    """Times are ms since 1970, UTC. None: it has not happened."""

    rule: str
    gateway: str
    lane: Lane
    opened_ms: int
    messages: tuple[str, ...]
    """The contact of every message that the carrier took, in order."""
    accepted_ms: int | None
    """The first of them."""
    delivered_ms: int | None
    answered_ms: int | None
    """The first answer of any kind, 已看 included."""
    outcome_ms: int | None
    """The first answer that is more than 已看."""
    verdict: Verdict


def episode_of(escalation: Escalation, history: Sequence[Entry]) -> Episode:
    """What an escalation's history says of it."""
    answers = [entry for entry in history if entry.type == "answered"]
    outcomes = [entry for entry in answers if Answer(entry.detail["answer"]) is not Answer.SEEN]
    accepted = [entry for entry in history if entry.type == f"notice_{NoticeState.ACCEPTED}"]
    delivered = [entry for entry in history if entry.type == f"notice_{NoticeState.DELIVERED}"]
    closed = [entry for entry in history if entry.type == "closed"]
    return Episode(
        rule=escalation.rule,
        gateway=escalation.gateway,
        lane=escalation.lane,
        opened_ms=escalation.opened_ms,
        messages=tuple(str(entry.detail["contact"]) for entry in accepted),
        accepted_ms=_first(accepted),
        delivered_ms=_first(delivered),
        answered_ms=_first(answers),
        outcome_ms=_first(outcomes),
        verdict=_verdict(outcomes, closed),
    )


def _first(entries: Sequence[Entry]) -> int | None:
    return entries[0].t_ms if entries else None


def _verdict(outcomes: Sequence[Entry], closed: Sequence[Entry]) -> Verdict:
    if outcomes:  # The last word counts: an answer may be changed.
        return _OF_ANSWER[Answer(outcomes[-1].detail["answer"])]
    if not closed:
        return Verdict.OPEN
    withdrawn = closed[-1].detail.get("reason") == CloseReason.WITHDRAWN
    return Verdict.WITHDRAWN if withdrawn else Verdict.OTHER
