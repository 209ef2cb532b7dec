"""What one reading says to one rule: met, cleared, between, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
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
    if not one.field:
        return True
    if one.field.endswith("?"):
        return values.get(one.field[:-1]) not in (None, "", {})
    value = values.get(one.field)
    if isinstance(value, dict):
        return (min(value.values()) if one.lowest else max(value.values())) if value else None
    if isinstance(value, str):
        return str(value)  # a member of an enumeration, as it is written
    return value if isinstance(value, int | float) else None


def read_signal(
    rule: VersionedRule, memory: Memory | None, given: Given, t_ms: int, facts: Facts = NOTHING_KNOWN
) -> tuple[Signal, Memory | None]:
    """What a reading says, and the memory after it (None for rules that need none)."""
    if rule.plain:
        return _plain(rule, given[0][1]), None
    now = remember(memory or {}, given, t_ms)
    return signal_at(rule, AtHand(now, t_ms, rule.rule.stale_after_s * 1000, facts)), now


def signal_at(rule: VersionedRule, at: AtHand) -> Signal:
    """What the values at hand say."""
    when, clear = rule.rule.when, rule.rule.clear
    assert clear is not None, "only a rule on silence has no clear"
    assert not isinstance(when, Silence), "a rule on silence reads no values"
    met = when.truth(at)
    if met:
        return Signal.MET
    cleared: Truth
    match clear:
        case ClearNoLonger():
            cleared = met is False
        case ClearLimit():
            assert isinstance(when, Value | ScoreAt), "a single limit clears a single value, or a score"
            cleared = when.meets_also(clear, at)
        case _:
            cleared = clear.truth(at)
    if cleared:
        return Signal.CLEAR
    return Signal.UNKNOWN if met is None else Signal.BETWEEN


def plain_signal(rule: VersionedRule, event: Observation) -> Signal | None:
    """What a reading says to a rule with one limit; None where it has no such value."""
    value = looked_at(rule.inputs[event.kind][0], event.values)
    return None if value is None else _plain(rule, value)


def _plain(rule: VersionedRule, value: Any) -> Signal:
    when, clear = rule.rule.when, rule.rule.clear
    assert isinstance(when, Value), "a plain rule has one limit"
    assert isinstance(clear, ClearLimit), "and clears by one"
    if when.meets(value):
        return Signal.MET
    return Signal.CLEAR if clear.meets(value) else Signal.BETWEEN


def remember(memory: Memory, given: Given, t_ms: int, *, in_order: bool = False) -> Memory:
    """The memory with the values of one more reading, and without what no condition looks back to.

    `in_order`: the memory is known to be in the order of time, so that its first values are its oldest.
    """
    changed = dict(memory)
    for one, value in given:
        if one.keeps == 1:
            changed[one.key] = ((t_ms, value),)
            continue
        values = (*changed.get(one.key, ())[1 - one.keeps :], (t_ms, value))
        if not in_order or t_ms - values[0][0] > one.keeps_ms:
            values = tuple(pair for pair in values if t_ms - pair[0] <= one.keeps_ms)
        changed[one.key] = values
    return changed


def is_in_order(memory: Memory) -> bool:
    """Whether each value was measured after the one before it. A reading judged by itself may come between."""
    return all(values[n - 1][0] <= values[n][0] for values in memory.values() for n in range(1, len(values)))
