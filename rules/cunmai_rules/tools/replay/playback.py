"""One subject's history through a rule set, by the same judging as in the service. Pure.

Readings go in by the order of their arrival, and what time itself changes happens at the moment it is due,
so that a replay finds what a service with these rules would have found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.memory import Key
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import SubjectState
from cunmai_rules.thresholds.window import Outcome
from cunmai_rules.tools.driven import Driven

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
    subject = Driven(rules, facts)
    for event in events:
        arrived_ms = (
            event.t_ms if isinstance(event, Observation) and event.arrived_ms is None else event.arrived_ms
        )
        assert arrived_ms is not None, "an event without an arrival arrives when it is measured"
        for outcome in subject.ticks(arrived_ms):
            told(subject.now_ms, outcome)
        judged = subject.take_back(event.key) if isinstance(event, TakenBack) else subject.judge([event])
        if judged is not None:
            told(subject.now_ms, judged)
    for outcome in subject.ticks(until_ms):
        told(subject.now_ms, outcome)
    return subject.state
