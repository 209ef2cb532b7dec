"""What an escalation is, and where it can stand. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cunmai_wire.events import Grade, Lane, Priority


class Status(StrEnum):
    """Where an escalation stands."""

    OPEN = "open"
    """Nobody has answered yet."""
    SEEN = "seen"
    """Somebody has it; an outcome is owed."""
    EXHAUSTED = "exhausted"
    """Everyone was asked as often as the policy says, and nobody answered; or nobody could be reached.
    The asking goes on, slowly."""
    CLOSED = "closed"
    """An outcome was given, or it was closed with a named reason."""


class CloseReason(StrEnum):
    """Why an escalation was closed without an answer from a link."""

    HANDLED_ELSEWHERE = "handled_elsewhere"
    DUPLICATE = "duplicate"
    TEST = "test"
    WITHDRAWN = "withdrawn"
    """Everything that was found was withdrawn: a late reading or a correction has shown that it does not hold."""
    EXPIRED = "expired"
    """A review that nobody looked at for as long as readings are kept. A page never expires."""
    RETIRED = "retired"
    """The gateway that it was about was taken down."""


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
    """How many notices were made, reminders included. Only the newest of them may still be sent."""
    asked_ms: int = 0
    awaits: str | None = None
    """The contact whose notice the carrier has not taken yet."""
    turn: int = 0
    """Whose turn is next, in `contacts`."""
    reached: int = 0
    """How many notices were accepted."""
    tried: int = 0
    """How many turns have come to nothing, since the first ask or since it became worse."""
    failed: int = 0
    """How many notices in a row can never arrive."""
    undelivered: int = 0
    """How many accepted notices in a row came to nothing by their receipts, or by the lack of one."""
    seen_by: str | None = None
    due_ms: int | None = None
    """When the next step is due; None where nothing but an answer is awaited."""
    held: bool = False
    """It waits for the end of the quiet hours: nobody has been asked since, so nobody has failed to answer."""
    given_to: str | None = None
    """Whom somebody handed it to: asked first, whatever the rosters say."""
    rules: tuple[str, ...] = ()
    """Every rule that found something, the first one first."""
    raised: tuple[str, ...] = ()
    """Those whose finding has not recovered."""
    found_ms: int = 0
    """When the newest finding came in."""
    recovered_ms: int | None = None
    """Since when nothing of it is raised."""
    closed_ms: int | None = None
    closed_because: str | None = None
    follows: str | None = None
    """The escalation whose outcome this finding came soon after."""
    priority: Priority = Priority.HIGH
    """The highest of its findings."""
    said_zh: str = ""
    """What the score of the rule came to; empty where it goes by no score."""
    said_en: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a notice to this contact. `number` counts the notices of the escalation, from 1."""

    contact: str
    number: int


Step = tuple[Escalation, tuple[Ask, ...]]
"""The escalation as it is now, and whom to ask."""
