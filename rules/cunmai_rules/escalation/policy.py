"""The escalation state machine: (escalation, event, policy) -> (escalation, asks). Pure.

An escalation owes a human answer. Being seen is not being handled: only an outcome (contacted, referred,
false alarm) closes it. Every wait has a deadline and a next step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cunmai_wire.events import Answer, Grade, Lane


class Status(StrEnum):
    """Where an escalation stands."""

    OPEN = "open"
    """Nobody has answered yet."""
    SEEN = "seen"
    """Somebody has it; an outcome is owed."""
    EXHAUSTED = "exhausted"
    """Everyone was asked as often as the policy says, and nobody answered. It stays on the worklist."""
    CLOSED = "closed"
    """An outcome was given."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long each step may take, and how often the list of contacts is gone through."""

    ack_within_s: int = 300
    outcome_within_s: int = 1800
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Escalation:
    """One episode. `contacts` are the ids of those to ask, nearest first, as they were when it opened."""

    id: str
    subject: str
    gateway: str
    device: str | None
    resident: str | None
    rule: str
    version: str
    grade: Grade
    lane: Lane
    reason: str
    stream: str | None
    """The reading that raised it; None where time alone did."""
    seq: int | None
    reading_t_ms: int
    opened_ms: int
    contacts: tuple[str, ...]
    status: Status = Status.OPEN
    asked: int = 0
    """How many notices were made, reminders included."""
    seen_by: str | None = None
    due_ms: int | None = None
    """When the next step is due; None where nothing but an answer is awaited."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a notice to this contact. `number` counts the notices of the escalation, from 1."""

    contact: str
    number: int


def opened(escalation: Escalation, policy: Policy) -> tuple[Escalation, tuple[Ask, ...]]:
    """A page asks the nearest contact at once; a review waits on the worklist."""
    if escalation.lane is Lane.REVIEW:
        return escalation, ()
    return _ask_next(escalation, policy, escalation.opened_ms)


def overdue(escalation: Escalation, policy: Policy, now_ms: int) -> tuple[Escalation, tuple[Ask, ...]]:
    """Its deadline has passed without the answer that was awaited."""
    if escalation.due_ms is None or now_ms < escalation.due_ms:
        return escalation, ()
    return _ask_next(escalation, policy, now_ms)


def notice_failed(
    escalation: Escalation, policy: Policy, number: int, now_ms: int
) -> tuple[Escalation, tuple[Ask, ...]]:
    """A notice will never arrive: the next contact is asked at once, unless someone has answered since."""
    if escalation.status is not Status.OPEN or number != escalation.asked:
        return escalation, ()
    return _ask_next(escalation, policy, now_ms)


def answered(escalation: Escalation, policy: Policy, contact: str, answer: Answer, now_ms: int) -> Escalation:
    """A human has answered. A late `seen` does not reopen what is closed."""
    if answer is not Answer.SEEN:
        return replace(escalation, status=Status.CLOSED, due_ms=None)
    if escalation.status is Status.CLOSED:
        return escalation
    due_ms = now_ms + policy.outcome_within_s * 1000
    return replace(escalation, status=Status.SEEN, seen_by=contact, due_ms=due_ms)


def _ask_next(escalation: Escalation, policy: Policy, now_ms: int) -> tuple[Escalation, tuple[Ask, ...]]:
    """The next contact in turn; whoever has seen it is reminded instead."""
    if not escalation.contacts or escalation.asked >= policy.rounds * len(escalation.contacts):
        return replace(escalation, status=Status.EXHAUSTED, due_ms=None), ()
    in_turn = escalation.contacts[escalation.asked % len(escalation.contacts)]
    contact = escalation.seen_by if escalation.status is Status.SEEN and escalation.seen_by else in_turn
    wait_s = policy.outcome_within_s if escalation.status is Status.SEEN else policy.ack_within_s
    number = escalation.asked + 1
    return (
        replace(escalation, asked=number, due_ms=now_ms + wait_s * 1000),
        (Ask(contact, number),),
    )
