"""One escalation from its opening to its outcome, read from its history. Pure.

The history is append-only and is the record; the escalation's own state is only its last line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cunmai_rules.escalation.states import CloseReason, Escalation
from cunmai_rules.journal.escalations import Entry
from cunmai_rules.selftest.names import DEVICE as SELF_TEST_DEVICE
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


_ACCEPTED, _DELIVERED = f"notice_{NoticeState.ACCEPTED}", f"notice_{NoticeState.DELIVERED}"
_OF_ANSWER = {
    Answer.CONTACTED: Verdict.ACTED,
    Answer.REFERRED: Verdict.ACTED,
    Answer.FALSE_ALARM: Verdict.FALSE,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One that the carrier took: for whom, by the contact's id, and when."""

    contact: str
    taken_ms: int


@dataclass(frozen=True, slots=True)
class Episode:
    """Times are ms since 1970, UTC. None: it has not happened."""

    rule: str
    gateway: str
    lane: Lane
    opened_ms: int
    messages: tuple[Message, ...]
    """Every message that the carrier took, in order. One about many alarms belongs to the one that carried it."""
    accepted_ms: int | None
    """When the carrier first took a message that told of it."""
    delivered_ms: int | None
    answered_ms: int | None
    """The first answer of any kind, 已看 included."""
    outcome_ms: int | None
    """The first answer that is more than 已看."""
    verdict: Verdict
    team: str | None = None
    """The team of the resident, by its id."""


def counts(escalation: Escalation) -> bool:
    """Whether it is about somebody or something: the hourly self-test says nothing about a rule."""
    return escalation.device != SELF_TEST_DEVICE


def episode_of(escalation: Escalation, history: Sequence[Entry], team: str | None = None) -> Episode:
    """What an escalation's history says of it."""
    answers = [entry for entry in history if entry.type == "answered"]
    outcomes = [entry for entry in answers if Answer(entry.detail["answer"]) is not Answer.SEEN]
    taken = _taken(history)
    delivered = [entry for entry in history if entry.type == _DELIVERED]
    closed = [entry for entry in history if entry.type == "closed"]
    return Episode(
        rule=escalation.rule,
        gateway=escalation.gateway,
        lane=escalation.lane,
        opened_ms=escalation.opened_ms,
        messages=tuple(
            Message(str(entry.detail["contact"]), entry.t_ms)
            for entry in taken
            if "summary" not in entry.detail
        ),
        accepted_ms=_first(taken),
        delivered_ms=_first(delivered),
        answered_ms=_first(answers),
        outcome_ms=_first(outcomes),
        verdict=_verdict(outcomes, closed),
        team=team,
    )


def _taken(history: Sequence[Entry]) -> list[Entry]:
    """Each message once: a delivery receipt may be faster than the carrier's word that it has the message."""
    taken: list[Entry] = []
    undelivered: list[str] = []
    for entry in history:
        if entry.type not in (_ACCEPTED, _DELIVERED):
            continue
        contact = str(entry.detail["contact"])
        if entry.type == _DELIVERED and contact in undelivered:
            undelivered.remove(contact)
            continue
        if entry.type == _ACCEPTED:
            undelivered.append(contact)
        taken.append(entry)
    return taken


def is_nuisance(episode: Episode) -> bool:
    """Whether its messages need not have been sent."""
    return episode.verdict in (Verdict.FALSE, Verdict.WITHDRAWN)


def _first(entries: Sequence[Entry]) -> int | None:
    return entries[0].t_ms if entries else None


def _verdict(outcomes: Sequence[Entry], closed: Sequence[Entry]) -> Verdict:
    if outcomes:  # The last word counts: an answer may be changed.
        return _OF_ANSWER[Answer(outcomes[-1].detail["answer"])]
    if not closed:
        return Verdict.OPEN
    withdrawn = closed[-1].detail.get("reason") == CloseReason.WITHDRAWN
    return Verdict.WITHDRAWN if withdrawn else Verdict.OTHER
