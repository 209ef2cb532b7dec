"""What goes into the step and what comes out of it. Plain values; times are milliseconds since 1970 UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cunmai_wire.events import Grade, Lane, Priority


class Observation(NamedTuple):
    """One reading, as the rules see it."""

    stream: str
    seq: int
    kind: str
    t_ms: int
    """When it was measured. Never later than it arrived."""
    values: Mapping[str, object]
    quality: tuple[str, ...]
    late: bool
    """It arrived so long after it was measured that a page would be about the past."""
    arrived_ms: int | None = None
    """By the engine's clock. None: not known, as when history is played again."""

    @property
    def source(self) -> Source:
        return Source(self.stream, self.seq)


@dataclass(frozen=True, slots=True)
class Source:
    """Which reading an action is about."""

    stream: str
    seq: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    t_ms: int


class Reason(StrEnum):
    """Why the step decided as it did."""

    NO_VALUE = "no_value"
    QUALITY_GATED = "quality_gated"
    DOUBTFUL = "doubtful"
    """Dangerous values for so long, and none of them usable: unknown, and a task to measure again."""
    NORMAL = "normal"
    SPELL_BEGAN = "spell_began"
    SPELL_GOES_ON = "spell_goes_on"
    SPELL_ENDED = "spell_ended"
    SPELL_UNCONFIRMED = "spell_unconfirmed"
    LIMIT_MET = "limit_met"
    LIMIT_MET_LATE = "limit_met_late"
    CONFIRMED_LIVE = "confirmed_live"
    STILL_RAISED = "still_raised"
    CLEARING = "clearing"
    CLEARED = "cleared"
    OUT_OF_ORDER = "out_of_order"
    OUT_OF_ORDER_LOW = "out_of_order_dangerous"
    STALE = "stale"
    INCOMPLETE = "incomplete"
    """A value that the condition needs is missing or too old: unknown, never normal."""
    NOT_APPLICABLE = "not_applicable"
    HEARD = "heard"
    AWAITED = "awaited"
    NOTHING_HEARD = "nothing_heard"
    JUDGED_AGAIN = "judged_again"
    RULE_CHANGED = "rule_changed"
    RULE_REMOVED = "rule_removed"


class RuleLane(StrEnum):
    """Where what a rule finds goes."""

    PAGE = "page"
    REVIEW = "review"
    PANEL = "panel"
    """The grade is shown, and nobody is asked."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule made of one event, or all the quiet rules of a group."""

    rule: str
    """Its id; or the group's key, which has a dot: `kind.field/flags/seconds`."""
    reason: Reason


class GradeChange(NamedTuple):
    """The rule's grade of this subject changed."""

    rule: str
    version: str
    grade: Grade
    previous: Grade
    reason: Reason
    t_ms: int
    late: bool


@dataclass(frozen=True, slots=True)
class Escalate:
    """Someone must answer. `key` is the same whenever the same thing is found again."""

    key: str
    rule: str
    version: str
    grade: Grade
    lane: Lane
    reason: Reason
    t_ms: int
    """When the reading that it is about was measured."""
    source: Source | None
    """That reading; None where a state of an earlier version does not know it."""
    priority: Priority = Priority.HIGH
    said_zh: str = ""
    """What the rule's score came to; empty where it goes by no score."""
    said_en: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Whoever stands at the kiosk is asked for something. Best effort: nothing depends on it."""

    rule: str
    version: str
    reason: Reason
    t_ms: int
    """When the reading that it is about was measured."""
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Retract:
    """What was found before does not hold, now that a late reading or a correction is known."""

    key: str
    rule: str


@dataclass(frozen=True, slots=True)
class Amend:
    """What was found before is now known to be this: the same rule's finding, of another moment."""

    key: str
    found: Escalate


Action = GradeChange | Escalate | Prompt
Revision = Retract | Amend
