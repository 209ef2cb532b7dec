"""Conditions as people say them: no signs, units by their names, and whether a limit includes itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from cunmai_rules.thresholds.conditions import All, AnyOf, Condition, Not
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.labels import KINDS, Pair, field_label
from cunmai_rules.thresholds.leaves import Change, Count, Reads, Value
from cunmai_rules.thresholds.limits import Direction, Limit
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.sentence import condition_sentence, span
from cunmai_rules.thresholds.worded import Heard, Is, Missing

_SPOKEN: dict[Direction, Pair] = {
    Direction.AT_OR_BELOW: ("不高于 {0}(含 {1})", "at or below {0} ({1} included)"),
    Direction.BELOW: ("低于 {0}(不含 {1})", "below {0} ({1} not included)"),
    Direction.AT_OR_ABOVE: ("不低于 {0}(含 {1})", "at or above {0} ({1} included)"),
    Direction.ABOVE: ("高于 {0}(不含 {1})", "above {0} ({1} not included)"),
}
_UNITS: dict[str, Pair] = {
    "%": ("%", " %"),
    "/min": (" 次/分", " a minute"),
    "mm[Hg]": (" 毫米汞柱", " mmHg"),
    "Cel": (" 摄氏度", " °C"),
    "mmol/L": (" 毫摩尔/升", " mmol/L"),
    "kg": (" 公斤", " kg"),
    "m": (" 米", " m"),
    "kg/m2": ("", ""),  # a body-mass index is said without its unit
    "d": (" 天", " days"),
    "s": (" 秒", " s"),
    "ms": (" 毫秒", " ms"),
    "L/min": (" 升/分", " l/min"),
    "{person}": (" 人", " people"),
    "{bed}": (" 张", " beds"),
    "mm": (" 毫米", " mm"),
    "{reading}": (" 个", " readings"),
    "dB[mW]": (" 分贝毫瓦", " dBm"),
    "Mbit/s": (" 兆比特每秒", " Mbit/s"),
    "1": ("", ""),
}


def when_spoken(rule: Rule) -> Pair:
    """When a rule raises."""
    when = rule.when
    if isinstance(when, Silence):
        return silence_spoken(when)
    text = condition_spoken(when, rule.stale_after_s)
    if not when.for_s:
        return text
    return (
        f"{text[0]}, 并且持续 {span(when.for_s, 'zh')}",
        f"{text[1]}, and it lasts for {span(when.for_s, 'en')}",
    )


def silence_spoken(when: Silence) -> Pair:
    """What is not heard for how long."""
    kinds = [KINDS.get(kind, (kind, kind)) for kind in when.nothing_heard]
    zh, en = "或".join(kind[0] for kind in kinds), " or ".join(kind[1] for kind in kinds)
    if when.after is None:
        return (
            f"距上一次{zh}已过 {span(when.for_s, 'zh')}, 还没有新的",
            f"{span(when.for_s, 'en')} have passed since the last {en}",
        )
    after = KINDS.get(when.after, (when.after, when.after))
    return (
        f"{after[0]}之后 {span(when.for_s, 'zh')}, 还没有{zh}",
        f"{span(when.for_s, 'en')} after {after[1]} there is still no {en}",
    )


def condition_spoken(condition: Condition, stale_s: int | None = None) -> Pair:
    """One condition; the parts of a combined one one after the other.

    `stale_s`: how far back a count looks where it does not say.
    """
    match condition:
        case Count():
            spoken = _count(condition, stale_s)
        case Value():
            spoken = _aged(_value(condition), condition.within_s)
        case Change():
            spoken = _change(condition)
        case All():
            spoken = _together(condition.all, ("; 同时", "; and "), stale_s)
        case AnyOf():
            spoken = _together(condition.any, ("; 或者", "; or "), stale_s)
        case Not():
            inner = condition_spoken(condition.not_, stale_s)
            spoken = f"并不是“{inner[0]}”", f"it is not so that {inner[1]}"
        case ScoreAt():
            spoken = _aged(score_spoken(condition, condition), condition.within_s)
        case _:
            # Words, what was heard, what is missing: their sentence has no signs.
            spoken = condition_sentence(condition, "zh"), condition_sentence(condition, "en")
            spoken = _aged(spoken, None if isinstance(condition, Heard) else condition.within_s)
    return spoken


def _count(condition: Count, stale_s: int | None) -> Pair:
    one = _value(condition)
    within_s = condition.within_s if condition.within_s is not None else stale_s
    zh = f"{span(within_s, 'zh')}内的" if within_s is not None else ""
    en = f" within {span(within_s, 'en')}" if within_s is not None else ""
    return (
        f"{zh}最近 {condition.of_last} 次里至少 {condition.at_least} 次{one[0]}",
        f"at least {condition.at_least} of the last {condition.of_last}{en}: {one[1]}",
    )


def _aged(spoken: Pair, within_s: int | None) -> Pair:
    """With how old a value may be, where the file says it."""
    if within_s is None:
        return spoken
    return (
        f"{spoken[0]}(只看 {span(within_s, 'zh')}内的值)",
        f"{spoken[1]} (values of {span(within_s, 'en')} only)",
    )


def score_spoken(score: ScoreAt, limit: Limit) -> Pair:
    """A limit on a score."""
    title, spoken = score.scorer.table.title, limit_spoken(limit, "1")
    return f"{title.zh}{spoken[0]}", f"{title.en} is {spoken[1]}"


def _together(parts: Sequence[Condition], between: Pair, stale_s: int | None) -> Pair:
    """One after the other. How old the values may be is said once where it is the same for all of them."""
    within = {
        one.within_s if isinstance(one, _AGED) and not isinstance(one, Count) else None for one in parts
    }
    same_s = within.pop() if len(within) == 1 else None
    if same_s is not None:
        parts = [one.model_copy(update={"within_s": None}) for one in parts]
    spoken = [condition_spoken(one, stale_s) for one in parts]
    text = between[0].join(one[0] for one in spoken), between[1].join(one[1] for one in spoken)
    if same_s is None:
        return text
    return (
        f"{text[0]}(这些都只看 {span(same_s, 'zh')}内的值)",
        f"{text[1]} (all by values of {span(same_s, 'en')} only)",
    )


_AGED = (Value, Is, Missing, ScoreAt, ScoreBand)


def _value(value: Value) -> Pair:
    label, limit = field_label(value.reads), limit_spoken(value, value.unit)
    return f"{label[0]}{limit[0]}", f"{label[1]} is {limit[1]}"


def _change(change: Change) -> Pair:
    falls = change.falls_by is not None
    by = _amount(change.falls_by if change.falls_by is not None else change.rises_by or 0, change.unit)
    label, within = field_label(change.reads), (span(change.within_s, "zh"), span(change.within_s, "en"))
    return (
        f"{label[0]}在 {within[0]}内{'下降' if falls else '上升'}了 {by[0]} 或更多",
        f"{label[1]} {'falls' if falls else 'rises'} by {by[1]} or more within {within[1]}",
    )


def limit_spoken(limit: Limit, unit: str) -> Pair:
    """A comparison, with the unit by its name."""
    words, amount, bare = _SPOKEN[limit.direction], _amount(limit.value, unit), f"{limit.value:g}"
    return words[0].format(amount[0], bare), words[1].format(amount[1], bare)


def _amount(value: float, unit: str) -> Pair:
    name = _UNITS.get(unit, (f" {unit}", f" {unit}"))
    return f"{value:g}{name[0]}", f"{value:g}{name[1]}"


def clear_spoken(limit: Limit, rule: Rule) -> Pair:
    """What a clearing limit asks of the value that the rule is about."""
    main = rule.main
    if isinstance(rule.when, ScoreAt):
        return score_spoken(rule.when, limit)
    spoken = limit_spoken(limit, main.unit if isinstance(main, Reads) else "1")
    label = field_label(main.reads) if main is not None else ("", "")
    return f"{label[0]}{spoken[0]}", f"{label[1]} is {spoken[1]}"
