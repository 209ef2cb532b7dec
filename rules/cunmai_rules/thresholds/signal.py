"""What one reading says to one rule: met, cleared, between, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.forms import ClearLimit, ClearNoLonger, Silence
from cunmai_rules.thresholds.leaves import AtHand, Truth, Value
from cunmai_rules.thresholds.ruleset import Input, VersionedRule
from cunmai_rules.thresholds.scored import ScoreAt
from cunmai_rules.thresholds.state import Memory

Given = tuple[tuple[Input, Any], ...]
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
    now = _remember(memory or {}, given, t_ms)
    when, clear = rule.rule.when, rule.rule.clear
    at = AtHand(now, t_ms, rule.rule.stale_after_s * 1000, facts)
    assert clear is not None, "only a rule on silence has no clear"
    assert not isinstance(when, Silence), "a rule on silence reads no values"
    met = when.truth(at)
    if met:
        return Signal.MET, now
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
        return Signal.CLEAR, now
    return Signal.UNKNOWN if met is None else Signal.BETWEEN, now


def _plain(rule: VersionedRule, value: float) -> Signal:
    when, clear = rule.rule.when, rule.rule.clear
    assert isinstance(when, Value), "a plain rule has one limit"
    assert isinstance(clear, ClearLimit), "and clears by one"
    if when.meets(value):
        return Signal.MET
    return Signal.CLEAR if clear.meets(value) else Signal.BETWEEN


def _remember(memory: Memory, given: Given, t_ms: int) -> Memory:
    """The memory with the values of one more reading, and without what no condition looks back to."""
    changed = dict(memory)
    for one, value in given:
        values = (*changed.get(one.key, ()), (t_ms, value))
        changed[one.key] = tuple(pair for pair in values[-one.keeps :] if t_ms - pair[0] <= one.keeps_ms)
    return changed
