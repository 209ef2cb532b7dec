"""One subject judged as the service judges it, without a journal. Pure.

Readings are handed to the window as they arrive, with the past that it asks for, and time at each moment that
`due_ms` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.memory import NOTHING_YET, Key, key_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import SubjectState
from cunmai_rules.thresholds.step import due_ms
from cunmai_rules.thresholds.window import Outcome, judge, reach, take_back, tick


class Driven:
    """The rules' memory of one subject, and the readings that may have to be judged again."""

    def __init__(self, rules: RuleSet, facts: Facts) -> None:
        self._memory = NOTHING_YET
        self._rules = rules
        self._facts = facts
        self._kept: dict[Key, Observation] = {}
        self._gone: set[Key] = set()
        self.now_ms = 0
        """Up to when time has passed."""

    @property
    def state(self) -> SubjectState:
        return self._memory.rules

    def due_ms(self) -> int | None:
        """When time itself changes something next; never before now."""
        due = due_ms(self._memory.rules, self._rules, self._facts)
        return None if due is None else max(due, self.now_ms)

    def tick(self, at_ms: int) -> Outcome:
        """What the passing of time changes."""
        self.now_ms = max(self.now_ms, at_ms)
        return self._took(tick(self._memory, at_ms, self._rules, self._facts))

    def ticks(self, until_ms: int) -> Iterator[Outcome]:
        """Each that falls due up to `until_ms`, which is now from then on; up to the first that changes nothing."""
        while (at_ms := self.due_ms()) is not None and at_ms <= until_ms:
            before = self.state
            yield self.tick(at_ms)
            if self.state == before:
                break
        self.now_ms = max(self.now_ms, until_ms)

    def judge(self, events: Sequence[Observation]) -> Outcome | None:
        """The readings of one message, in any order; None where all of them have been taken back before."""
        counting = [event for event in events if key_of(event) not in self._gone]
        if not counting:
            return None
        after = reach(self._memory, counting)
        past = [] if after is None else self._since(after)
        outcome = judge(self._memory, counting, self._rules, self._facts, past)
        self._kept.update((key_of(event), event) for event in counting)
        return self._took(outcome)

    def has(self, key: Key) -> bool:
        """Whether this reading counts, and may have to be judged again."""
        return key in self._kept

    def take_back(self, key: Key) -> Outcome:
        """This reading counts no more, also where it has yet to come."""
        self._gone.add(key)
        past = self._since(self._memory.base.key)
        outcome = take_back(self._memory, key, self._rules, self._facts, past)
        self._kept.pop(key, None)
        return self._took(outcome)

    def _since(self, after: Key) -> list[Observation]:
        return [event for key, event in self._kept.items() if key > after]

    def _took(self, outcome: Outcome) -> Outcome:
        moved = outcome.memory.base.key != self._memory.base.key
        self._memory = outcome.memory
        if moved:  # nothing before the checkpoint is judged again
            base = self._memory.base.key
            self._kept = {key: event for key, event in self._kept.items() if key > base}
        return outcome
