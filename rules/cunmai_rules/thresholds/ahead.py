"""The state after readings that change nothing but evidence. Pure.

A state is moved on over them when somebody asks for it: of a run of readings that change nothing but evidence, the
last one says it all, but for what rules remember of more than the newest values. For these some readings are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.glance import NO_MEMORY
from cunmai_rules.thresholds.signal import remember_next
from cunmai_rules.thresholds.standing import Recall, Steady
from cunmai_rules.thresholds.state import (
    Behind,
    Groups,
    GroupState,
    Memory,
    Rules,
    RuleState,
    SubjectState,
    with_memory,
)
from cunmai_rules.thresholds.stay import Moves, moved


class Ahead(Behind):
    """So many readings, of which this was the last, left everything where it stood."""

    __slots__ = ("_count", "_events", "_groups", "_lasting", "_rules", "steady")

    def __init__(
        self,
        groups: Groups,
        rules: Rules,
        steady: Steady,
        lasting: Sequence[Memory],
        events: list[Observation],
        count: int = 1,
    ) -> None:
        """`groups`, `rules`: before those readings. `lasting`: the lasting memories before the first of `events`.

        Of `events` the first `count` are meant: the states after each of them have the list in common.
        """
        self._groups = groups
        self._rules = rules
        self.steady = steady
        self._lasting = lasting
        self._events = events
        self._count = count

    def next(self, event: Observation) -> Ahead:
        """And after one more."""
        events, count = self._events, self._count
        if count >= self.steady.at_most:
            return Ahead(self._groups, self._rules, self.steady, self._all_lasting(), [event])
        if len(events) > count:  # something else came next before
            events = events[:count]
        events.append(event)
        return Ahead(self._groups, self._rules, self.steady, self._lasting, events, count + 1)

    def memory(self, place: int) -> Memory:
        """What rules remember after them. `place`: among all of these memories."""
        one = self.steady.recalls[place]
        if one.lasting:
            before = sum(other.lasting for other in self.steady.recalls[:place])
            return remember_next(self._lasting[before], one.inputs, self._events[: self._count])
        return remember_next(
            _memory_of(self._rules, one), one.inputs, self._events[self._count - 1 : self._count]
        )

    def _all_lasting(self) -> list[Memory]:
        events = self._events[: self._count]
        return [
            remember_next(memory, one.inputs, events)
            for memory, one in zip(self._lasting, self.steady.lasting, strict=True)
        ]

    def caught_up(self) -> tuple[Groups, Rules]:
        groups, rules, event = dict(self._groups), dict(self._rules), self._events[self._count - 1]
        memories = [self.memory(place) for place in range(len(self.steady.recalls))]
        for of_group in self.steady.groups:
            key = of_group.group.key
            before = groups[key]
            apart = _apart(before.apart, of_group.apart, event) if of_group.apart else before.apart
            groups[key] = GroupState(before.clear, event.t_ms, apart)
        for rule_id, moves, place in self.steady.rules:
            memory = None if place is None else memories[place]
            if moves is Moves.NOTHING:
                rules[rule_id] = with_memory(rules[rule_id], memory)
            else:
                rules[rule_id] = moved(rules[rule_id], moves, event, memory)
        return groups, rules


def after_next(state: SubjectState, steady: Steady, event: Observation) -> Ahead:
    """After a reading that leaves everything where it stood."""
    behind = state.behind
    if isinstance(behind, Ahead) and behind.steady is steady:
        return behind.next(event)
    rules = state.rules
    return Ahead(state.groups, rules, steady, [_memory_of(rules, one) for one in steady.lasting], [event])


def _memory_of(rules: Rules, one: Recall) -> Memory:
    return rules[one.rule].memory or NO_MEMORY


def _apart(
    before: dict[str, RuleState], moves: tuple[tuple[str, Moves], ...], event: Observation
) -> dict[str, RuleState]:
    return before | {rule_id: moved(before[rule_id], how, event, None) for rule_id, how in moves}
