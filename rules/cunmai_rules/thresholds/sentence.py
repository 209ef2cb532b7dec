"""A rule in one plain sentence, Chinese or English. Pure."""

from __future__ import annotations

from typing import Literal, assert_never

from cunmai_rules.thresholds.conditions import All, AnyOf, Change, Count, Direction, Not, Value
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.pack import Rule
from cunmai_wire.codes import CODES

Lang = Literal["zh", "en"]

_COMPARISONS: dict[Direction, tuple[str, str]] = {
    Direction.AT_OR_BELOW: ("≤", "at or below"),
    Direction.BELOW: ("<", "below"),
    Direction.AT_OR_ABOVE: ("≥", "at or above"),
    Direction.ABOVE: (">", "above"),
}
KINDS: dict[str, tuple[str, str]] = {
    "oximetry": ("血氧测量", "oximetry"),
    "blood_pressure": ("血压测量", "blood pressure"),
    "temperature": ("体温测量", "temperature"),
    "heart_rate": ("心率测量", "heart rate"),
    "respiration": ("呼吸计数", "respiration count"),
    "assessment": ("观察记录", "assessment"),
    "follow_up": ("随访", "follow-up"),
    "glucose": ("血糖测量", "glucose"),
    "weight": ("体重测量", "weight"),
    "ultrasound_exam": ("超声检查", "ultrasound exam"),
    "ultrasound_report": ("超声报告", "ultrasound report"),
    "site_status": ("机构状态", "site status"),
    "device_status": ("设备状态", "device status"),
}


def rule_sentence(rule: Rule, lang: Lang) -> str:
    """When the rule raises."""
    when = rule.when
    zh = lang == "zh"
    if isinstance(when, Silence):
        kind = _side(KINDS[when.nothing_heard], lang)
        since = f"{_side(KINDS[when.after], lang)}" if when.after else ""
        for_ = span(when.for_s, lang)
        if zh:
            return f"{since}后 {for_}没有{kind}" if since else f"{for_}没有{kind}"
        return f"no {kind} for {for_}" + (f" after {since}" if since else "")
    text = condition_sentence(when, lang)
    if when.for_s == 0:
        return text
    return f"{text} 持续 {span(when.for_s, lang)}" if zh else f"{text} for {span(when.for_s, lang)}"


def condition_sentence(condition: Value | Change | All | AnyOf | Not, lang: Lang) -> str:
    """One condition; the parts of a combined one in brackets."""
    match condition:
        case Count():
            text = _count(condition, lang)
        case Value():
            text = _value(condition, lang)
        case Change():
            text = _change(condition, lang)
        case All():
            text = _side((" 并且 ", " and "), lang).join(_bracketed(part, lang) for part in condition.all)
        case AnyOf():
            text = _side((" 或者 ", " or "), lang).join(_bracketed(part, lang) for part in condition.any)
        case Not():
            text = f"{_side(('不满足', 'not'), lang)} {_bracketed(condition.not_, lang)}"
        case _:
            assert_never(condition)
    return text


def _count(condition: Count, lang: Lang) -> str:
    one = _value(condition, lang)
    if lang == "zh":
        return f"最近 {condition.of_last} 次中至少 {condition.at_least} 次 {one}"
    return f"{condition.at_least} of the last {condition.of_last}: {one}"


def _bracketed(condition: Value | Change | All | AnyOf | Not, lang: Lang) -> str:
    text = condition_sentence(condition, lang)
    return f"({text})" if isinstance(condition, All | AnyOf | Not) else text


def _value(condition: Value, lang: Lang) -> str:
    comparison = _side(_COMPARISONS[condition.direction], lang)
    return f"{_label(condition, lang)} {comparison} {condition.value:g} {condition.unit}"


def _change(condition: Change, lang: Lang) -> str:
    by = condition.falls_by if condition.falls_by is not None else condition.rises_by
    falls = condition.falls_by is not None
    within = span(condition.within_s, lang)
    if lang == "zh":
        return (
            f"{_label(condition, lang)} {within}内{'下降' if falls else '上升'}至少 {by:g} {condition.unit}"
        )
    verb = "falls" if falls else "rises"
    return f"{_label(condition, lang)} {verb} by at least {by:g} {condition.unit} within {within}"


def _label(condition: Value | Change, lang: Lang) -> str:
    code = CODES[condition.kind_and_field]
    return code.display_zh if lang == "zh" else code.display


def span(seconds: int, lang: Lang) -> str:
    """A length of time in the largest unit that divides it."""
    for length_s, zh, en in ((86_400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= length_s and seconds % length_s == 0:
            return f"{seconds // length_s} {_side((zh, en), lang)}"
    return f"{seconds} {_side(('秒', 's'), lang)}"


def _side(pair: tuple[str, str], lang: Lang) -> str:
    return pair[0 if lang == "zh" else 1]
