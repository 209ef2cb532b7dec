"""One reading, as rules look at it: what is the same for several of them is worked out once. Pure."""

from __future__ import annotations

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.signal import Given, given_by, remember
from cunmai_rules.thresholds.state import Memory

NO_MEMORY: Memory = {}


class Glance:
    """Rules with the same inputs have one mapping of them (see `compile_rule`), and are given the same."""

    __slots__ = ("_at_hand", "_event", "_given", "facts")

    def __init__(self, event: Observation, facts: Facts) -> None:
        self._event = event
        self.facts = facts
        self._given: dict[int, Given] = {}
        self._at_hand: list[tuple[Given, int, Memory, AtHand]] = []

    def given(self, rule: VersionedRule) -> Given:
        """The values of the reading that a rule reads."""
        inputs = id(rule.inputs)
        given = self._given.get(inputs)
        if given is None:
            given = self._given[inputs] = given_by(self._event, rule)
        return given

    def at_hand(self, rule: VersionedRule, memory: Memory | None) -> AtHand:
        """What is known after the reading to a rule that remembered this."""
        given, stale_ms, memory = self.given(rule), rule.rule.stale_after_s * 1000, memory or NO_MEMORY
        for of, stale, before, known in self._at_hand:
            if of is given and stale == stale_ms and (before is memory or before == memory):
                return known
        after = remember(memory, given, self._event.t_ms)
        at = AtHand(after, self._event.t_ms, stale_ms, self.facts)
        self._at_hand.append((given, stale_ms, memory, at))
        return at
