"""One subject's history through a rule set, by the same judging as in the service. Pure.

Readings go in by the order of their arrival, and what time itself changes happens at the moment it is due,
so that a replay finds what a service with these rules would have found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.memory import NOTHING_YET, Key, key_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import SubjectState
from cunmai_rules.thresholds.step import due_ms
from cunmai_rules.thresholds.window import Outcome, judge, reach, take_back, tick

Told = Callable[[int, Outcome], None]
"""Takes the moment (ms) at which the service would have known, and what it made of it then."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A correction has come: this reading counts for this subject no more."""

    key: Key
    arrived_ms: int


def play_subject(
    events: Iterable[Observation | TakenBack], rules: RuleSet, facts: Facts, until_ms: int, told: Told
) -> SubjectState:
    """Judge one subject's events, in the order of arrival, and the passing of time up to `until_ms`.

    Returns what the rules remember then.
    """
    subject = _Subject(rules, facts, told)
    for event in events:
        arrived_ms = (
            event.t_ms if isinstance(event, Observation) and event.arrived_ms is None else event.arrived_ms
        )
        assert arrived_ms is not None, "an event without an arrival arrives when it is measured"
        subject.passes(arrived_ms)
        subject.take(event)
    subject.passes(until_ms)
    return subject.state


class _Subject:
    """The rules' memory of one subject, and the readings that may have to be judged again."""

    def __init__(self, rules: RuleSet, facts: Facts, told: Told) -> None:
        self._memory = NOTHING_YET
        self._rules = rules
        self._facts = facts
        self._told = told
        self._kept: list[Observation] = []
        self._gone: set[Key] = set()
        self._now_ms = 0

    @property
    def state(self) -> SubjectState:
        return self._memory.rules

    def passes(self, until_ms: int) -> None:
        """Let everything fall due that does so before `until_ms`."""
        while (due := due_ms(self._memory.rules, self._rules, self._facts)) is not None:
            at_ms = max(due, self._now_ms)
            if at_ms > until_ms:
                break
            before = self._memory
            self._now_ms = at_ms
            self._commit(tick(before, at_ms, self._rules, self._facts))
            if self._memory.rules == before.rules:
                break
        self._now_ms = max(self._now_ms, until_ms)

    def take(self, event: Observation | TakenBack) -> None:
        """Judge one reading in its place, or judge again without one."""
        if isinstance(event, TakenBack):
            self._take_back(event.key)
            return
        if key_of(event) in self._gone:
            return
        past = self._past(reach(self._memory, [event]))
        self._commit(judge(self._memory, [event], self._rules, self._facts, past))
        self._kept.append(event)

    def _take_back(self, key: Key) -> None:
        self._gone.add(key)
        past = self._past(self._memory.base.key)
        self._commit(take_back(self._memory, key, self._rules, self._facts, past))
        self._kept = [event for event in self._kept if key_of(event) != key]

    def _past(self, after: Key | None) -> list[Observation]:
        return [] if after is None else [event for event in self._kept if key_of(event) > after]

    def _commit(self, outcome: Outcome) -> None:
        moved = outcome.memory.base.key != self._memory.base.key
        self._memory = outcome.memory
        if moved:
            self._kept = self._past(self._memory.base.key)
        self._told(self._now_ms, outcome)
