"""What one reading says to one rule: met, cleared, between, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from cunmai_rules.thresholds.conditions import Condition
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.forms import ClearLimit, ClearNoLonger, Silence
from cunmai_rules.thresholds.leaves import AtHand, Truth, Value
from cunmai_rules.thresholds.ruleset import Input, VersionedRule
from cunmai_rules.thresholds.scored import ScoreAt
from cunmai_rules.thresholds.state import Memory

Given = Sequence[tuple[Input, Any]]
"""The values of one reading that a rule reads."""


class Signal(Enum):
    """What the values at hand say of a rule's conditions."""

    MET = "met"
    CLEAR = "clear"
    BETWEEN = "between"
    """Neither: the hysteresis."""
    UNKNOWN = "unknown"
    """A value that is needed is missing or too old."""


def given_by(event: Observation, rule: VersionedRule) -> Given:
    """What of a reading a rule looks at."""
    found = []
    for one in rule.inputs.get(event.kind, ()):
        value = looked_at(one, event.values)
        if value is not None:
            found.append((one, value))
    return tuple(found)


def looked_at(one: Input, values: Mapping[str, object]) -> float | str | bool | None:
    """What of a reading's values one input is; of a table, its worst entry. None: nothing."""
    value = values.get(one.field)
    if value.__class__ is float:
        return value  # nearly always
    if not one.field:
        return True
    if one.field.endswith("?"):
        return values.get(one.field[:-1]) not in (None, "", {})
    if isinstance(value, dict):
        return (min(value.values()) if one.lowest else max(value.values())) if value else None
    if isinstance(value, str):
        return str(value)  # a member of an enumeration, as it is written
    return value if isinstance(value, int | float) else None


def signal_at(rule: VersionedRule, at: AtHand) -> Signal:
    """What the values at hand say."""
    met = _when(rule).truth(at)
    if met:
        return Signal.MET
    if _cleared(rule, at, met):
        return Signal.CLEAR
    return Signal.UNKNOWN if met is None else Signal.BETWEEN


def is_decided_without(rule: VersionedRule, at: AtHand, names: Collection[str]) -> bool:
    """Whether these numbers, whatever they are, change nothing of what a rule says. Not of scores: see `Single`.

    What is true or false with an unknown part stays so when the part is known.
    """
    rest = at._replace(values={name: those for name, those in at.values.items() if name not in names})
    met = _when(rule).truth(rest)
    return met is True or (met is False and _cleared(rule, rest, met) is not None)


def _when(rule: VersionedRule) -> Condition:
    when = rule.rule.when
    assert not isinstance(when, Silence), "a rule on silence reads no values"
    return when


def _cleared(rule: VersionedRule, at: AtHand, met: Truth) -> Truth:
    when, clear = rule.rule.when, rule.rule.clear
    match clear:
        case ClearNoLonger():
            return met is False
        case ClearLimit():
            assert isinstance(when, Value | ScoreAt), "a single limit clears a single value, or a score"
            return when.meets_also(clear, at)
        case _:
            assert clear is not None, "only a rule on silence has no clear"
            return clear.truth(at)


def signal_of(rule: VersionedRule, value: Any) -> Signal:
    """What a value says to a plain rule."""
    when, clear = rule.rule.when, rule.rule.clear
    assert isinstance(when, Value), "a plain rule has one limit"
    assert isinstance(clear, ClearLimit), "and clears by one"
    if when.meets(value):
        return Signal.MET
    return Signal.CLEAR if clear.meets(value) else Signal.BETWEEN


def remember(memory: Memory, given: Given, t_ms: int) -> Memory:
    """The memory with the values of one more reading, and without what no condition looks back to."""
    changed = dict(memory)
    for one, value in given:
        if one.keeps == 1:
            changed[one.key] = ((t_ms, value),)
        else:
            values = (*changed.get(one.key, ())[1 - one.keeps :], (t_ms, value))
            changed[one.key] = tuple(pair for pair in values if t_ms - pair[0] <= one.keeps_ms)
    return changed


def remember_next(memory: Memory, inputs: Iterable[Input], events: Sequence[Observation]) -> Memory:
    """The same, of readings one after the other that have all of these, and of a memory in the order of time."""
    changed, last = dict(memory), events[-1]
    for one in inputs:
        if one.keeps == 1:
            newest: Any = looked_at(one, last.values)
            changed[one.key] = ((last.t_ms, newest),)
            continue
        new: Any = [(event.t_ms, looked_at(one, event.values)) for event in events[-one.keeps :]]
        values = (*changed[one.key], *new)[-one.keeps :]
        if last.t_ms - values[0][0] > one.keeps_ms:
            values = tuple(pair for pair in values if last.t_ms - pair[0] <= one.keeps_ms)
        changed[one.key] = values
    return changed


def is_in_order(memory: Memory) -> bool:
    """Whether each value was measured after the one before it. A reading judged by itself may come between."""
    for values in memory.values():
        if len(values) > 1:
            times = [pair[0] for pair in values]
            if times != sorted(times):
                return False
    return True
