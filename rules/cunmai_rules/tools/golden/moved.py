"""A rule with one of its limits elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel

from cunmai_rules.thresholds.conditions import All, AnyOf, Condition, Not
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.leaves import Reads, Value
from cunmai_rules.thresholds.limits import Direction, Limit
from cunmai_rules.thresholds.pack import Rule

Place = tuple[str | int, ...]
"""Within a rule: names of its parts, and positions in lists."""
_Model = TypeVar("_Model", bound=BaseModel)


def leaves_at(condition: Condition, place: Place) -> Iterator[tuple[Place, Condition]]:
    """Every condition on a single value, with its place."""
    match condition:
        case All():
            parts: tuple[Condition, ...] = condition.all
        case AnyOf():
            parts = condition.any
        case Not():
            yield from leaves_at(condition.not_, (*place, "not_"))
            return
        case _:
            yield place, condition
            return
    key = "all" if isinstance(condition, All) else "any"
    for n, part in enumerate(parts):
        yield from leaves_at(part, (*place, key, n))


def without_raising_at(rule: Rule, clear: Limit, value: float) -> Rule:
    """The rule without what raises it at this value itself: what raises outranks what clears."""
    about = clear.reads if isinstance(clear, Reads) else rule.main.reads if rule.main else None
    leaves = [] if isinstance(rule.when, Silence) else leaves_at(rule.when, ("when",))
    same = [
        (place, leaf)
        for place, leaf in leaves
        if isinstance(leaf, Value) and leaf.reads == about and "not_" not in place
    ]
    met = [(place, leaf) for place, leaf in same if leaf.meets(value)]
    if not isinstance(rule.when, AnyOf):  # a band holds where all of its ends do, and ends at the nearest
        met = sorted(met, key=lambda one: abs(one[1].value - value))[:1] if len(met) == len(same) else []
    for place, leaf in met:
        beyond = Direction.BELOW if leaf.direction.low_side else Direction.ABOVE
        rule = moved(rule, place, leaf, beyond, value)
    return rule


def plain(value: float) -> float:
    """Without the dust of binary fractions."""
    return round(value, 6)


def moved(rule: Rule, place: Place, limit: Limit, direction: Direction, value: float) -> Rule:
    """With one limit in another direction, at another value."""
    changed: dict[str, Any] = dict.fromkeys(Direction, None) | {direction.value: value}
    elsewhere: Rule = with_leaf(rule, place, _fresh(limit, changed))
    return elsewhere


def _fresh(model: _Model, changed: dict[str, Any]) -> _Model:
    """A copy that has not worked anything out yet."""
    copy = model.model_copy(update=changed)
    for worked_out in ("direction", "value"):
        copy.__dict__.pop(worked_out, None)
    return copy


def with_leaf(model: Any, place: Place, leaf: BaseModel) -> Any:
    """The rule, or a part of it, with another condition at a place. It is not checked again."""
    if not place:
        return leaf
    key, *rest = place
    if isinstance(model, tuple):
        assert isinstance(key, int), "a position in a list"
        return (*model[:key], with_leaf(model[key], tuple(rest), leaf), *model[key + 1 :])
    return model.model_copy(update={str(key): with_leaf(getattr(model, str(key)), tuple(rest), leaf)})
