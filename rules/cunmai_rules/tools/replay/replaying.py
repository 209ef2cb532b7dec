"""A history through one or more rule sets: what each finds, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.moments import CHINA_MINUTES, show_moment
from cunmai_rules.subjects import FactsOf
from cunmai_rules.thresholds.applies import NOTHING_KNOWN
from cunmai_rules.thresholds.events import Observation, RuleLane
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.window import Outcome
from cunmai_rules.tools.known import TeamOf
from cunmai_rules.tools.replay.compare import Difference, differences
from cunmai_rules.tools.replay.folded import Asked
from cunmai_rules.tools.replay.messages import Messages
from cunmai_rules.tools.replay.playback import TakenBack, play_subject
from cunmai_rules.tools.replay.tally import SubjectTally, Tally
from cunmai_rules.tools.replay.tape import Span, Tape

DAY_MS = 24 * 3_600_000

Events = Sequence[Observation | TakenBack]
Progress = Callable[[int, int], None]
"""Subjects done, and of how many."""


@dataclass(frozen=True)
class Named:
    """A rule set, and what it is called in the report."""

    name: str
    rules: RuleSet

    @cached_property
    def for_panels(self) -> frozenset[str]:
        """Rules of which only the grade is shown."""
        return frozenset(rule for rule, one in self.rules.by_id.items() if one.rule.lane is RuleLane.PANEL)


@dataclass(frozen=True)
class Setting:
    """What a replay takes as given besides readings and rules."""

    policy: Policy = field(default_factory=Policy)
    answered_after_s: int = 300
    facts_of: FactsOf = lambda _: NOTHING_KNOWN
    team_of: TeamOf = lambda subject: subject.gateway
    utc_offset_minutes: int = CHINA_MINUTES
    folding: Folding = field(default_factory=Folding)

    def day(self, t_ms: int) -> int:
        return (t_ms + self.utc_offset_minutes * 60_000) // DAY_MS

    def time(self, t_ms: int) -> str:
        return show_moment(t_ms, self.utc_offset_minutes)


@dataclass
class Replayed:
    """The outcome."""

    span: Span
    from_ms: int
    to_ms: int
    tallies: list[tuple[Named, Tally]]
    resident_days: int = 0
    subjects: int = 0
    """With at least one reading in the span that counts."""

    def differences(self, index: int) -> list[Difference]:
        """Of the rule set at `index` from the first."""
        return differences(self.tallies[0][1].alarms, self.tallies[index][1].alarms)


def replay_tape(
    tape: Tape, rule_sets: Sequence[Named], setting: Setting, span: tuple[int, int], progress: Progress
) -> Replayed:
    """Play every subject through every rule set. What is before the span (ms) only leads up to it."""
    whole = tape.span()
    from_ms, to_ms = span
    replayed = Replayed(whole, from_ms, to_ms, [(named, Tally(from_ms)) for named in rule_sets])
    for done, (subject, events) in enumerate(tape.subjects(), 1):
        days = _days(events, setting, from_ms)
        replayed.resident_days += len(days)
        replayed.subjects += bool(days)
        for named, tally in replayed.tallies:
            found, asked = play_one(subject, events, named, setting, to_ms)
            tally.take(found, asked, to_ms)
        progress(done, whole.subjects)
    for _, tally in replayed.tallies:
        tally.fold(setting.folding)
    return replayed


def play_one(
    subject: Subject, events: Events, named: Named, setting: Setting, to_ms: int
) -> tuple[SubjectTally, list[Asked]]:
    """One subject through one rule set: what was found, and the messages that somebody was owed."""
    found = SubjectTally(subject.id, named.for_panels)
    messages = Messages(
        subject.id,
        subject.resident,
        setting.team_of(subject),
        subject.gateway,
        setting.policy,
        setting.answered_after_s,
    )

    def told(now_ms: int, outcome: Outcome) -> None:
        for action in outcome.actions:
            found.take(action)
            messages.take(now_ms, action)

    play_subject(events, named.rules, setting.facts_of(subject), to_ms, told)
    messages.passes(to_ms)
    return found, messages.asked


def _days(events: Iterable[Observation | TakenBack], setting: Setting, from_ms: int) -> set[int]:
    return {
        setting.day(event.t_ms)
        for event in events
        if isinstance(event, Observation) and event.t_ms >= from_ms
    }
