"""A case played through the rules: simulated time, ticks included. No I/O, no clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import (
    Action,
    Amend,
    Escalate,
    GradeChange,
    Observation,
    Prompt,
    Reason,
    Retract,
    Revision,
)
from cunmai_rules.thresholds.memory import Key
from cunmai_rules.thresholds.plan import plan_of, reasons_by_rule
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.window import Outcome
from cunmai_rules.tools.driven import Driven
from cunmai_rules.tools.golden.cases import NOT_OF_A_RESIDENT, Case
from cunmai_rules.tools.golden.measured import Measured
from cunmai_wire.events import Grade, Lane

BEGAN_MS = 1_767_571_200_000
"""2026-01-05T00:00:00Z: when every case begins."""
MOST_TICKS = 100_000
STREAM = "case"
RESIDENT = "resident"

_UNREAD = frozenset({Reason.NO_VALUE, Reason.NOT_APPLICABLE})
_MET = frozenset({Reason.LIMIT_MET, Reason.LIMIT_MET_LATE, Reason.CONFIRMED_LIVE, Reason.NOTHING_HEARD})


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that the rules said. Times are of the case."""

    at_ms: int
    what: Action | Revision


@dataclass(frozen=True)
class Snapshot:
    """What stood at one time."""

    grades: dict[str, str]
    pages: dict[str, int]
    reviews: dict[str, int]
    prompts: dict[str, int]


@dataclass
class Played:
    """What a case came to."""

    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    timeline: list[Moment] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)
    """Rules whose condition was met for long enough, at any time."""
    asked: set[str] = field(default_factory=set)
    """Rules that asked anything of anybody, at any time."""
    read: set[str] = field(default_factory=set)
    """Rules that a reading said something to."""


class TooLong(Exception):
    """Time does not come to an end: the rules ask for tick after tick."""


@dataclass
class _One:
    """One subject of the case."""

    facts: Facts
    driven: Driven
    grades: dict[str, str] = field(default_factory=dict)
    found: dict[str, Escalate] = field(default_factory=dict)
    """What was found and not withdrawn, by key."""
    prompts: dict[str, int] = field(default_factory=dict)


def play(case: Case, rules: RuleSet, late_after_ms: int) -> Played:
    """Everything that happens in a case, in the order in which it reaches the server. Raises TooLong."""
    run = _Run(case, rules)
    arrivals = _arrivals(case, late_after_ms)
    moments = {one.at for one in case.expect}
    taken_back = {item.at for item in case.items() if item.takes_back and item.at is not None}
    for at_ms in sorted(moments | taken_back | arrivals.keys() | {case.end_ms()}):
        run.time_passes(at_ms)
        for subject, events in arrivals.get(at_ms, {}).items():
            run.readings(subject, events, at_ms)
        for item in case.items():
            if item.takes_back and item.at == at_ms:
                run.take_back(run.labels[item.takes_back], at_ms)
        if at_ms in moments:
            run.played.snapshots[at_ms] = run.snapshot()
    return run.played


def _numbered(case: Case) -> list[tuple[int, Measured]]:
    """In the order of measuring, as a gateway numbers them."""
    taken = sorted((one for item in case.items() for one in item.taken), key=lambda one: one.at_ms)
    return list(enumerate(taken, 1))


def _arrivals(case: Case, late_after_ms: int) -> dict[int, dict[str, list[Observation]]]:
    """When what arrives, by subject."""
    arrivals: dict[int, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for seq, one in _numbered(case):
        late = one.arrives_ms - one.at_ms > late_after_ms
        subject = one.kind if one.kind in NOT_OF_A_RESIDENT else RESIDENT
        arrivals[one.arrives_ms][subject].append(
            Observation(
                STREAM, seq, one.kind, BEGAN_MS + one.at_ms, one.values, one.quality, late,
                BEGAN_MS + one.arrives_ms,
            )
        )  # fmt: skip
    return arrivals


class _Run:
    """One play's working state."""

    def __init__(self, case: Case, rules: RuleSet) -> None:
        self.played = Played()
        self._rules = rules
        self._facts = case.who.facts()
        self._subjects: dict[str, _One] = {}
        self.labels = {
            one.label: (BEGAN_MS + one.at_ms, STREAM, seq) for seq, one in _numbered(case) if one.label
        }
        self._ticks = 0
        self._now_ms = 0

    def time_passes(self, at_ms: int) -> None:
        """Every tick that falls due up to this time, in its order."""
        while True:
            due = [(one.driven.due_ms(), name) for name, one in self._subjects.items()]
            next_ms, name = min(
                ((ms, name) for ms, name in due if ms is not None), default=(BEGAN_MS + at_ms + 1, "")
            )
            next_ms = max(next_ms - BEGAN_MS, self._now_ms)
            if next_ms > at_ms:
                self._now_ms = at_ms
                return
            self._ticks += 1
            if self._ticks > MOST_TICKS:
                raise TooLong
            one = self._subjects[name]
            self._took(one, next_ms, one.driven.tick(BEGAN_MS + next_ms))

    def readings(self, subject: str, events: Sequence[Observation], at_ms: int) -> None:
        """One message."""
        # A resident's own facts say nothing of a site or a device, except how high they stand.
        facts = self._facts if subject == RESIDENT else Facts(altitude_m=self._facts.altitude_m)
        one = self._subjects.setdefault(subject, _One(facts, Driven(self._rules, facts)))
        outcome = one.driven.judge(events)
        if outcome is not None:
            self._took(one, at_ms, outcome)

    def take_back(self, key: Key, at_ms: int) -> None:
        """A reading was someone else's."""
        for one in self._subjects.values():
            if one.driven.has(key):
                self._took(one, at_ms, one.driven.take_back(key))

    def _took(self, one: _One, at_ms: int, outcome: Outcome) -> None:
        for decisions in outcome.decisions.values():
            reasons = reasons_by_rule(decisions, plan_of(self._rules, one.facts))
            self.played.read |= {rule for rule, reason in reasons.items() if reason not in _UNREAD}
        for action in outcome.actions:
            if self._follow(one, action):
                self.played.timeline.append(Moment(at_ms, action))

    def _follow(self, one: _One, action: Action | Revision) -> bool:
        """Keep what an action says; whether it says anything new."""
        match action:
            case GradeChange():
                one.grades[action.rule] = action.grade.value
                if action.grade in (Grade.RED, Grade.YELLOW):
                    self.played.raised.add(action.rule)
            case Escalate():
                if action.key in one.found:
                    return False
                one.found[action.key] = action
                self.played.asked.add(action.rule)
                if action.reason in _MET:
                    self.played.raised.add(action.rule)
            case Prompt():
                one.prompts[action.rule] = one.prompts.get(action.rule, 0) + 1
                self.played.asked.add(action.rule)
            case Amend():
                one.found.pop(action.key, None)
                one.found[action.found.key] = action.found
            case Retract():
                return one.found.pop(action.key, None) is not None
        return True

    def snapshot(self) -> Snapshot:
        grades: dict[str, str] = {}
        for one in self._subjects.values():
            grades |= {rule: grade for rule, grade in one.grades.items() if grade != Grade.GREY}
        found = [finding for one in self._subjects.values() for finding in one.found.values()]
        prompts: dict[str, int] = {}
        for one in self._subjects.values():
            prompts |= one.prompts
        return Snapshot(grades, _count(found, Lane.PAGE), _count(found, Lane.REVIEW), prompts)


def _count(found: Iterable[Escalate], lane: Lane) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        if one.lane is lane:
            counts[one.rule] = counts.get(one.rule, 0) + 1
    return counts
