"""What a rule set found in a history, counted. Pure.

An *alarm* is a rule that is raised: its condition has held for as long as it must. The same alarm is one,
whether it pages, waits for review, or is shown only; that a live reading confirms it later does not make it
two. A *task* is a review without an alarm: a low value that nothing confirmed, a value that is doubtful, a late
low one. An alarm or task that a late reading or a correction shows to be none is taken off again. A *message* is
one that a team gets, a summary of several as one. A *resident-day* is a day on which there is at least one reading
of that resident.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.thresholds.events import (
    Action,
    Amend,
    Escalate,
    GradeChange,
    Reason,
    Retract,
    Revision,
    RuleLane,
)
from cunmai_rules.tools.replay.folded import Asked, sent
from cunmai_wire.events import Grade, Lane

TASKS = frozenset({Reason.SPELL_UNCONFIRMED, Reason.DOUBTFUL, Reason.OUT_OF_ORDER_LOW})
"""Reasons of a review that is not an alarm."""
_RAISED = (Grade.RED, Grade.YELLOW)
MOST_ALARMS = 200_000
"""That are kept one by one, to be compared. Counts go on."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One rule raised for one subject."""

    t_ms: int
    subject: str
    rule: str
    grade: str
    lane: str
    reason: str


@dataclass
class RuleCount:
    """Of one rule."""

    alarms: int = 0
    paging: int = 0
    """Alarms of which somebody is told at once."""
    tasks: int = 0
    raised_ms: int = 0
    """For how long it gave its grade, over all subjects together."""
    subjects: int = 0
    """With at least one alarm."""


@dataclass
class Tally:
    """Of one rule set over all subjects."""

    from_ms: int
    rules: dict[str, RuleCount] = field(default_factory=lambda: defaultdict(RuleCount))
    asked: list[Asked] = field(default_factory=list)
    """Messages as they are owed, before any of them becomes part of a summary."""
    messages: Counter[str] = field(default_factory=Counter)
    """By team, as they go out: see `fold`."""
    by_subject: Counter[str] = field(default_factory=Counter)
    """Alarms."""
    alarms: list[Alarm] = field(default_factory=list)
    cut: bool = False
    """There were more alarms than are kept one by one."""

    @property
    def alarm_count(self) -> int:
        return sum(count.alarms for count in self.rules.values())

    @property
    def message_count(self) -> int:
        return self.messages.total()

    def top_share(self, subjects: int) -> float | None:
        """The share of all alarms that the tenth of the subjects with the most have; None without alarms."""
        if not self.alarm_count:
            return None
        tenth = max(1, round(subjects / 10))
        return sum(count for _, count in self.by_subject.most_common(tenth)) / self.alarm_count

    @property
    def asked_count(self) -> int:
        return sum(one.at_ms >= self.from_ms for one in self.asked)

    def fold(self, folding: Folding) -> None:
        """When everything was taken: what goes out, by itself or together."""
        self.messages = Counter(one.team for one in sent(self.asked, folding) if one.at_ms >= self.from_ms)

    def take(self, found: SubjectTally, asked: Sequence[Asked], until_ms: int) -> None:
        """One subject's outcome. What was before `from_ms` only led up to it."""
        alarms = [one for one in found.alarms() if one.t_ms >= self.from_ms]
        for rule in {one.rule for one in alarms}:
            self.rules[rule].subjects += 1
        for one in alarms:
            self.rules[one.rule].alarms += 1
            self.rules[one.rule].paging += one.lane == Lane.PAGE
        for task in found.tasks():
            self.rules[task.rule].tasks += task.t_ms >= self.from_ms
        for rule, spans in found.spans(until_ms).items():
            self.rules[rule].raised_ms += sum(max(0, end - max(start, self.from_ms)) for start, end in spans)
        if alarms:
            self.by_subject[found.subject] += len(alarms)
        self.asked += asked
        room = MOST_ALARMS - len(self.alarms)
        self.cut = self.cut or len(alarms) > room
        self.alarms += alarms[:room]


@dataclass
class SubjectTally:
    """Of one rule set over one subject."""

    subject: str
    for_panels: frozenset[str] = frozenset()
    """Rules of which only the grade is shown: their alarms are their changes of grade."""
    _found: dict[str, Escalate] = field(default_factory=dict)
    _shown: list[Alarm] = field(default_factory=list)
    _open: dict[str, int] = field(default_factory=dict)
    """By rule: since when it gives a grade."""
    _spans: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, action: Action | Revision) -> None:
        match action:
            case Escalate():
                self._found.setdefault(action.key, action)
            case Amend():
                self._found.pop(action.key, None)
                self._found[action.found.key] = action.found
            case Retract():
                self._found.pop(action.key, None)
            case GradeChange():
                self._graded(action)

    def _graded(self, change: GradeChange) -> None:
        since = self._open.pop(change.rule, None)
        if since is not None:
            self._spans[change.rule].append((since, max(since, change.t_ms)))
        if change.grade not in _RAISED:
            return
        self._open[change.rule] = change.t_ms
        if change.rule in self.for_panels and change.previous not in _RAISED:
            self._shown.append(
                Alarm(change.t_ms, self.subject, change.rule, change.grade, RuleLane.PANEL, change.reason)
            )

    def alarms(self) -> list[Alarm]:
        """In the order of time. A page that confirms what waited for review is the same alarm."""
        confirmed = Reason.CONFIRMED_LIVE
        found = [one for one in self._found.values() if one.reason not in (*TASKS, confirmed)]
        alarms = [*map(self._alarm, found), *self._shown]
        return sorted(alarms, key=lambda one: (one.t_ms, one.rule))

    def tasks(self) -> list[Alarm]:
        return [self._alarm(one) for one in self._found.values() if one.reason in TASKS]

    def spans(self, until_ms: int) -> dict[str, list[tuple[int, int]]]:
        """By rule: from when to when it gave its grade (ms)."""
        going_on = {rule: [(since, max(since, until_ms))] for rule, since in self._open.items()}
        return {
            rule: self._spans.get(rule, []) + going_on.get(rule, []) for rule in {*self._spans, *going_on}
        }

    def _alarm(self, found: Escalate) -> Alarm:
        return Alarm(found.t_ms, self.subject, found.rule, found.grade, found.lane, found.reason)
