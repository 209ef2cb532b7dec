"""Rules that can never be meant: they raise on nothing, on everything, or for nobody. Refused at load. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import reduce

from cunmai_rules.lint.finding import Finding, Place
from cunmai_rules.lint.interval import EVERYTHING, Interval, complement, cover, of_limit, of_range
from cunmai_rules.lint.quantities import possible
from cunmai_rules.thresholds.applies import Applies
from cunmai_rules.thresholds.catalogue import WORDED
from cunmai_rules.thresholds.conditions import All, AnyOf, Not
from cunmai_rules.thresholds.forms import ClearLimit, Silence, Spell
from cunmai_rules.thresholds.leaves import Change, Count, Value
from cunmai_rules.thresholds.pack import Pack, Rule
from cunmai_rules.thresholds.worded import Is

AGES = Interval(0, 130)
ALTITUDES_M = Interval(-430, 6000)
"""From the Dead Sea's shore to above the highest town."""


def impossible(pack: Pack) -> Iterator[Finding]:
    """Everything of a pack that cannot be meant, in the order of the file."""
    for n, rule in enumerate(pack.rules):
        place: Place = ("rules", n)
        yield from _of_condition(rule.when, (*place, "when"))
        if isinstance(rule.clear, ClearLimit) and isinstance(rule.when, Value):
            yield from _of_interval(rule.when.reads, of_limit(rule.clear), (*place, "clear"))
        elif rule.clear is not None:
            yield from _of_condition(rule.clear, (*place, "clear"))
        yield from _of_spell(rule, (*place, "when"))
        yield from _of_applies(rule.applies, (*place, "applies"))


def _of_condition(condition: object, place: Place) -> Iterator[Finding]:
    match condition:
        case Value():
            yield from _of_interval(condition.reads, of_limit(condition), place)
        case Change():
            yield from _of_change(condition, place)
        case Is():
            yield from _of_words(condition, place)
        case Not():
            yield from _of_condition(condition.not_, (*place, "not"))
        case All():
            for n, part in enumerate(condition.all):
                yield from _of_condition(part, (*place, "all", n))
            yield from _of_all(condition, place)
        case AnyOf():
            for n, part in enumerate(condition.any):
                yield from _of_condition(part, (*place, "any", n))
            yield from _of_any(condition, place)


def _of_interval(reads: str, met: Interval, place: Place) -> Iterator[Finding]:
    """A limit against what the contract lets the value be."""
    kind, _, field = reads.partition(".")
    span = possible(kind, field)
    zh, en = span.words()
    if (met & span).empty:
        yield Finding(
            place,
            f"{reads} 只会是 {zh}, 这个界限永远达不到",
            f"{reads} is always {en}: this limit is never met",
        )
    elif met.holds(span):
        yield Finding(
            place,
            f"{reads} 只会是 {zh}, 这个界限永远成立",
            f"{reads} is always {en}: this limit is always met",
        )


def _of_words(condition: Is, place: Place) -> Iterator[Finding]:
    words = WORDED[condition.reads]
    if (words.yes_no or words.words) and len(set(condition.is_)) == len(words.choices):
        yield Finding(
            place,
            f"is 列出了 {condition.reads} 的所有值, 永远成立",
            f"`is` lists every value of {condition.reads}: it always holds",
        )


def _of_change(change: Change, place: Place) -> Iterator[Finding]:
    span = possible(*change.kind_and_field)
    by = change.falls_by if change.falls_by is not None else change.rises_by
    zh, en = span.words()
    if by is not None and by > span.high - span.low:
        yield Finding(
            place,
            f"{change.reads} 只会是 {zh}, 不可能变化 {by:g}",
            f"{change.reads} is always {en}: it cannot change by {by:g}",
        )


def _of_all(condition: All, place: Place) -> Iterator[Finding]:
    words: dict[str, list[frozenset[bool | str]]] = defaultdict(list)
    for part in condition.all:
        if isinstance(part, Is):
            words[part.reads].append(frozenset(part.is_))
    for reads, those in words.items():
        if not frozenset.intersection(*those):
            yield _contradiction(reads, place)
    for reads, met in _by_value(condition.all).items():
        if met.empty and not any(_is_empty(part) for part in condition.all):
            yield _contradiction(reads, place)


def _contradiction(reads: str, place: Place) -> Finding:
    return Finding(
        place,
        f"all 里对 {reads} 的要求互相矛盾, 永远不会同时成立; 二者之一成立请用 any",
        f"the conditions of `all` on {reads} contradict one another; for either of them write `any`",
    )


def _is_empty(part: object) -> bool:
    return isinstance(part, Value) and (of_limit(part) & possible(*part.kind_and_field)).empty


def _by_value(parts: tuple[object, ...]) -> dict[str, Interval]:
    """What remains of each value that is limited more than once. A count is not about the newest value."""
    limits: dict[str, list[Interval]] = defaultdict(list)
    for part in parts:
        if isinstance(part, Value) and not isinstance(part, Count):
            limits[part.reads].append(of_limit(part))
        elif isinstance(part, Not) and isinstance(part.not_, Value) and not isinstance(part.not_, Count):
            limits[part.not_.reads] += complement(of_limit(part.not_))
    return {
        reads: reduce(Interval.__and__, those, EVERYTHING)
        for reads, those in limits.items()
        if len(those) > 1
    }


def _of_any(condition: AnyOf, place: Place) -> Iterator[Finding]:
    by_value: dict[str, list[Interval]] = defaultdict(list)
    for part in condition.any:
        if isinstance(part, Value) and not isinstance(part, Count):
            by_value[part.reads].append(of_limit(part))
    for reads, those in by_value.items():
        span = possible(*_split(reads))
        if len(those) > 1 and cover(those, span) and not any(one.holds(span) for one in those):
            yield Finding(
                place,
                f"any 里对 {reads} 的条件合起来包括所有值, 永远成立; 同时成立请用 all",
                f"the conditions of `any` on {reads} hold for every value; for both at once write `all`",
            )


def _split(reads: str) -> tuple[str, str]:
    kind, _, field = reads.partition(".")
    return kind, field


def _of_spell(rule: Rule, place: Place) -> Iterator[Finding]:
    when = rule.when
    if isinstance(when, Spell) and not isinstance(when, Silence) and when.for_s > 0 and when.gap_s == 0:
        yield Finding(
            (*place, "gap_s"),
            "gap_s 为 0 时任何两次测量都不算同一次, for_s 永远达不到; 请写读数的间隔, 例如 gap_s: 600",
            "with gap_s: 0 no two readings are one spell, and for_s is never reached; "
            "write how far apart they may be, for example gap_s: 600",
        )


def _of_applies(applies: Applies, place: Place) -> Iterator[Finding]:
    for name, given, span, zh, en in (
        ("age_years", applies.age_years, AGES, "没有人的年龄", "nobody's age"),
        ("altitude_m", applies.altitude_m, ALTITUDES_M, "没有机构的海拔", "no clinic's altitude"),
    ):
        if given is not None and (of_range(given) & span).empty:
            yield Finding(
                (*place, name),
                f"{zh}在这个范围内, 规则对谁都不适用",
                f"{en} is within this range: the rule applies to no one",
            )
    if applies.conditions and set(applies.conditions) <= set(applies.without_conditions):
        yield Finding(
            (*place, "without_conditions"),
            "要求有的疾病都被 without_conditions 排除, 规则对谁都不适用",
            "every condition that it asks for is excluded by without_conditions: the rule applies to no one",
        )
