"""Rules of one pack on the same value, side by side: what lies between them, and what they say twice. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

from cunmai_rules.lint.finding import Finding
from cunmai_rules.lint.interval import EVERYTHING, Interval, of_limit
from cunmai_rules.lint.quantities import STEP
from cunmai_rules.thresholds.conditions import All
from cunmai_rules.thresholds.forms import ClearLimit, ClearNoLonger, Spell
from cunmai_rules.thresholds.leaves import Count, Value
from cunmai_rules.thresholds.pack import Pack, Rule


@dataclass(frozen=True, slots=True)
class Band:
    """A rule that is raised by one range of one value."""

    n: int
    """Of the rule in its pack."""
    rule: Rule
    reads: str
    met: Interval
    for_s: int


def band_advice(pack: Pack) -> Iterator[Finding]:
    """Gaps and overlaps of bands, and rules that another one always outdoes."""
    groups: dict[tuple[str, object], list[Band]] = defaultdict(list)
    for n, rule in enumerate(pack.rules):
        band = _band(n, rule)
        if band is not None:
            groups[band.reads, rule.applies].append(band)
    for bands in groups.values():
        yield from _gaps(bands)
        for one, other in combinations(bands, 2):
            yield from _overlap(one, other)


def range_of(condition: object) -> tuple[str, Interval] | None:
    """The one value that a condition is about, and what meets it; None where it is about more, or a count."""
    parts: tuple[object, ...] = condition.all if isinstance(condition, All) else (condition,)
    values = [part for part in parts if isinstance(part, Value) and not isinstance(part, Count)]
    if len(values) < len(parts) or len({one.reads for one in values}) != 1:
        return None
    return values[0].reads, reduce(Interval.__and__, map(of_limit, values), EVERYTHING)


def _band(n: int, rule: Rule) -> Band | None:
    """The range that raises a rule by itself, where there is one."""
    found = range_of(rule.when)
    if found is None or not isinstance(rule.when, Spell):
        return None
    return Band(n, rule, *found, rule.when.for_s)


def _gaps(bands: list[Band]) -> Iterator[Finding]:
    """A sliver between two neighbours, as 93.5 between 93 and 94: no rule sees it."""
    step = STEP.get(bands[0].reads)
    ordered = sorted(bands, key=lambda one: (one.met.low, one.met.high))
    if step is None:
        return
    for lower in ordered:
        above = [one for one in ordered if not lower.met.gap_to(one.met).empty]
        nearest = min(above, key=lambda one: one.met.low, default=None)
        if nearest is None or any(_reaches_into(one.met, lower.met, nearest.met) for one in ordered):
            continue
        gap = lower.met.gap_to(nearest.met)
        if gap.high - gap.low <= step + 1e-9:
            middle = (gap.low + gap.high) / 2
            later = max(lower, nearest, key=lambda one: one.n)
            zh, en = _instead(lower, nearest)
            yield Finding(
                ("rules", later.n, "when"),
                f"{lower.rule.id} 与 {nearest.rule.id} 之间有空隙, 例如 {middle:g} 不属于任何一条; {zh}",
                f"there is a gap between {lower.rule.id} and {nearest.rule.id}: {middle:g}, for example, "
                f"is in neither; {en}",
            )


def _reaches_into(one: Interval, lower: Interval, upper: Interval) -> bool:
    return not (one & lower.gap_to(upper)).empty


def _instead(lower: Band, upper: Band) -> tuple[str, str]:
    """The simplest way to close a gap: the upper band begins where the lower one ends."""
    word = "above" if lower.met.with_high else "at_or_above"
    text = f"{word}: {lower.met.high:g}"
    return f"{upper.rule.id} 写 {text}", f"write `{text}` in {upper.rule.id}"


def _overlap(one: Band, other: Band) -> Iterator[Finding]:
    if _always_outdone(other, one):
        yield _outdone(other, one)
    elif _always_outdone(one, other):
        yield _outdone(one, other)
    elif one.met.bounded and other.met.bounded and one.rule.grade == other.rule.grade:
        both = one.met & other.met
        zh, en = both.words()
        if not both.empty and not one.met.holds(other.met) and not other.met.holds(one.met):
            yield Finding(
                ("rules", other.n, "when"),
                f"{other.rule.id} 与 {one.rule.id} 颜色相同而且重叠于 {zh}; 让一条在另一条结束处开始",
                f"{other.rule.id} and {one.rule.id} have one colour and overlap in {en}; "
                "let the one begin where the other ends",
            )


def _always_outdone(one: Band, by: Band) -> bool:
    """Whether the other rule is raised whenever this one is, no later, not cleared sooner, and does the same."""
    return (
        by.met.holds(one.met)
        and by.for_s <= one.for_s
        and _does(by.rule) == _does(one.rule)
        and set(one.rule.quality.accept) <= set(by.rule.quality.accept)
        and _clears_no_sooner(by.rule, one.rule)
    )


def _does(rule: Rule) -> tuple[object, ...]:
    return rule.grade, rule.lane, getattr(rule, "priority", None), getattr(rule, "prompt", None)


def _clears_no_sooner(by: Rule, one: Rule) -> bool:
    match by.clear, one.clear:
        case ClearLimit(), ClearLimit():
            return of_limit(one.clear).holds(of_limit(by.clear)) and by.clear.for_s >= one.clear.for_s
        case ClearNoLonger(), ClearNoLonger():
            return by.clear.for_s >= one.clear.for_s
        case _:
            return False


def _outdone(one: Band, by: Band) -> Finding:
    return Finding(
        ("rules", one.n),
        f"{one.rule.id} 永远不会单独触发: {by.rule.id} 范围更宽且动作相同; 删去一条, 或改变等级、时间或去向",
        f"{one.rule.id} never raises by itself: {by.rule.id} is broader and does the same; "
        "remove one, or change its grade, time or lane",
    )
