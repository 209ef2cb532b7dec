"""Events: what the rules decided, what people answered, and what ingest's ledger found open.

Events form a stream of their own, `(stream, seq)` like readings, and are receipted by ingest the same
way, on the receipts topic of `source`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, cast, get_args

from pydantic import Field, TypeAdapter

from cunmai_wire.base import (
    DeviceId,
    GatewayId,
    Message,
    Millis,
    Name,
    ResidentId,
    Seq,
    StreamId,
    Version,
)
from cunmai_wire.parsing import MessageFormat, RefusalReason, Refused
from cunmai_wire.readings import ShortText

MAX_EVENTS = 500


class Grade(StrEnum):
    """Acute grade of a resident, from vitals. GREY is unknown: missing or stale, never green."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    GREY = "grey"


class Lane(StrEnum):
    """PAGE: a message to a person, now. REVIEW: a task on the worklist."""

    PAGE = "page"
    REVIEW = "review"


class Priority(StrEnum):
    """Which of several open escalations comes first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Answer(StrEnum):
    """The four answers of a doctor: 已看, 已联系, 转诊, 误报. Only the last three say what was done."""

    SEEN = "seen"
    CONTACTED = "contacted"
    REFERRED = "referred"
    FALSE_ALARM = "false_alarm"


class AnswerMeans(StrEnum):
    """How a doctor answered: at the page behind a message's link, by a message of their own, or from their worklist."""

    LINK = "link"
    WORKLIST = "worklist"
    SMS = "sms"


class NoticeState(StrEnum):
    """A page is believed sent only by evidence, and each of these is different evidence."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    """Accepted, and no delivery receipt came in time: somebody else is asked."""
    DROPPED = "dropped"
    """Not sent: by the time it could have been, somebody had answered or somebody else was asked."""


class GapKind(StrEnum):
    """What the loss ledger finds open between a gateway's numbers and the server's."""

    MISSING = "missing"
    """Measured, and not at the server."""
    LOST = "lost"
    """The gateway itself says that it has dropped them."""
    UNJUDGED = "unjudged"
    """Stored, and no word of the rules about them."""


class GapCondition(StrEnum):
    """OPEN: past its deadline. CLOSED: what was told as open has arrived. A loss is never closed."""

    OPEN = "open"
    CLOSED = "closed"


class EventBase(Message):
    seq: Seq
    t: Millis
    """When it happened, by the server's clock."""
    gateway: GatewayId
    """Where the reading behind it came from."""
    device: DeviceId | None = None
    resident: ResidentId | None = None


class GradeChanged(EventBase):
    type: Literal["grade_changed"]
    rule: Name
    rule_version: ShortText
    grade: Grade
    previous: Grade
    reason: Name
    reading_t: Millis
    late: bool = False


class EscalationOpened(EventBase):
    type: Literal["escalation_opened"]
    escalation: ShortText
    rule: Name
    rule_version: ShortText
    grade: Grade
    lane: Lane
    reason: Name
    reading_t: Millis
    priority: Priority | None = None
    """None: from a server that did not tell it."""


class EscalationJoined(EventBase):
    """A further finding about a resident whose escalation is open: it joins that one."""

    type: Literal["escalation_joined"]
    escalation: ShortText
    rule: Name
    rule_version: ShortText
    grade: Grade
    reason: Name
    reading_t: Millis


class NoticeChanged(EventBase):
    type: Literal["notice_changed"]
    escalation: ShortText
    notice: ShortText
    contact: ShortText
    """The contact's id on the roster; never a phone number."""
    state: NoticeState
    attempts: int = Field(ge=0)
    reason: ShortText | None = None
    """Why it has this state, where more is known: a code of the provider, never a number or a text."""
    provider: Name | None = None
    """Which SMS provider it was given to."""


class EscalationAnswered(EventBase):
    type: Literal["escalation_answered"]
    escalation: ShortText
    contact: ShortText
    answer: Answer
    means: AnswerMeans | None = None
    """How it came."""


class EscalationClosed(EventBase):
    type: Literal["escalation_closed"]
    escalation: ShortText
    reason: Name


Count = Annotated[int, Field(ge=0, le=1)]
Change = Annotated[int, Field(ge=-1, le=1)]
"""-1 takes back what was counted before: somebody has changed their answer."""
Wait = Annotated[float, Field(ge=0)]


class AlarmCounted(EventBase):
    """What came of an escalation, as numbers to be summed: never about whom it was.

    `t` is when the escalation was opened, whenever it is counted: so a span of time holds each one whole.
    """

    type: Literal["alarm_counted"]
    escalation: ShortText
    rule: Name
    lane: Lane
    team: ShortText | None = None
    """The team that looks after the resident, by its id in the registry."""
    pages: Change = 0
    reviews: Change = 0
    accepted: Count = 0
    """The carrier took a message for the first time; `acceptance_s` after the opening. The others likewise."""
    delivered: Count = 0
    answered: Count = 0
    """The first answer of any kind, 已看 included."""
    outcomes: Count = 0
    """The first answer that says more than 已看."""
    acted: Change = 0
    """已联系 or 转诊: it was right to ask."""
    false_alarms: Change = 0
    withdrawn: Change = 0
    acceptance_s: Wait | None = None
    delivery_s: Wait | None = None
    answer_s: Wait | None = None
    outcome_s: Wait | None = None


class MessageCounted(EventBase):
    """One message that the carrier took, at that time, or what is now known to have been a nuisance."""

    type: Literal["message_counted"]
    escalation: ShortText
    rule: Name
    lane: Lane
    person: ShortText
    """The contact's id on the roster; never a phone number."""
    team: ShortText | None = None
    messages: Count = 0
    nuisance: Change = 0
    """It was about what was called a false alarm, or withdrawn."""


class LedgerGap(EventBase):
    """Ingest's word that readings of a gateway have not come, will not come, or have come after all."""

    type: Literal["ledger_gap"]
    kind: GapKind
    condition: GapCondition
    reason: Name
    gap_stream: StreamId
    """The stream of readings that it is about; the envelope's is that of the events."""
    first_seq: Seq
    last_seq: Seq
    missing_count: int = Field(ge=1)
    """How many numbers between the two, which may be several ranges."""
    since: Millis
    """When the ledger first saw the oldest of them missing."""


Event = (
    GradeChanged
    | EscalationOpened
    | EscalationJoined
    | NoticeChanged
    | EscalationAnswered
    | EscalationClosed
    | AlarmCounted
    | MessageCounted
    | LedgerGap
)
AnyEvent = Annotated[Event, Field(discriminator="type")]


class EventHeader(Message):
    """Which service tells, from which stream, and when."""

    v: Version
    source: GatewayId
    stream: StreamId
    sent: Millis


class EventEnvelope(EventHeader):
    """One events message of a publishing service: a header and 1 to 500 events."""

    events: Annotated[tuple[AnyEvent, ...], Field(min_length=1, max_length=MAX_EVENTS)]


@dataclass(frozen=True, slots=True)
class ParsedEvents:
    """What could be read of one message. `header` is None where nothing could."""

    header: EventHeader | None
    events: tuple[Event, ...]
    refused: tuple[Refused, ...]


event_adapter: TypeAdapter[Event] = TypeAdapter(AnyEvent)

_FORMAT: MessageFormat[EventEnvelope, Event] = MessageFormat(
    whole=EventEnvelope,
    header=EventHeader,
    items="events",
    tag="type",
    known=frozenset(get_args(model.model_fields["type"].annotation)[0] for model in get_args(Event)),
    item=event_adapter,
    most=MAX_EVENTS,
    bad_item=RefusalReason.BAD_EVENT,
)


def parse_events(payload: bytes) -> ParsedEvents:
    """Read one message of an events topic. Never raises for anything in the message."""
    header, events, refused = _FORMAT.parse(payload)
    return ParsedEvents(cast("EventHeader | None", header), events, refused)
