"""A rule in one plain sentence, Chinese or English. Pure."""

from __future__ import annotations

from typing import Literal, assert_never

from cunmai_rules.thresholds.conditions import All, AnyOf, Condition, Not
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.labels import KINDS, field_label, unit_sign, word_label
from cunmai_rules.thresholds.leaves import Change, Count, Value
from cunmai_rules.thresholds.limits import Direction
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_rules.thresholds.worded import Heard, Is, Missing

Lang = Literal["zh", "en"]

_COMPARISONS: dict[Direction, tuple[str, str]] = {
    Direction.AT_OR_BELOW: ("≤", "at or below"),
    Direction.BELOW: ("<", "below"),
    Direction.AT_OR_ABOVE: ("≥", "at or above"),
    Direction.ABOVE: (">", "above"),
}


def rule_sentence(rule: Rule, lang: Lang) -> str:
    """When the rule raises."""
    when = rule.when
    zh = lang == "zh"
    if isinstance(when, Silence):
        return _silence(when, lang)
    text = condition_sentence(when, lang)
    if when.for_s == 0:
        return text
    return f"{text} 持续 {span(when.for_s, lang)}" if zh else f"{text} for {span(when.for_s, lang)}"


def _silence(when: Silence, lang: Lang) -> str:
    kinds = _side(("或", " or "), lang).join(_side(KINDS[kind], lang) for kind in when.nothing_heard)
    for_ = span(when.for_s, lang)
    since = _side(KINDS[when.after], lang) if when.after else ""
    if lang == "zh":
        return f"{since}后 {for_}没有{kinds}" if since else f"{for_}没有{kinds}"
    return f"no {kinds} for {for_}" + (f" after {since}" if since else "")


def condition_sentence(condition: Condition, lang: Lang) -> str:
    """One condition; the parts of a combined one in brackets."""
    match condition:
        case Count():
            text = _count(condition, lang)
        case Value():
            text = _value(condition, lang)
        case Change():
            text = _change(condition, lang)
        case Is() | Heard() | Missing():
            text = _worded(condition, lang)
        case ScoreAt() | ScoreBand():
            text = _score(condition, lang)
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
    within_s = condition.within_s
    if lang == "zh":
        within = f"{span(within_s, lang)}内" if within_s is not None else ""
        return f"{within}最近 {condition.of_last} 次中至少 {condition.at_least} 次 {one}"
    within = f" within {span(within_s, lang)}" if within_s is not None else ""
    return f"{condition.at_least} of the last {condition.of_last}{within}: {one}"


def _bracketed(condition: Condition, lang: Lang) -> str:
    text = condition_sentence(condition, lang)
    return f"({text})" if isinstance(condition, All | AnyOf | Not) else text


def _value(condition: Value, lang: Lang) -> str:
    comparison = _side(_COMPARISONS[condition.direction], lang)
    return f"{_label(condition, lang)} {comparison} {_amount(condition.value, condition.unit, lang)}"


def _change(condition: Change, lang: Lang) -> str:
    by = condition.falls_by if condition.falls_by is not None else condition.rises_by
    falls = condition.falls_by is not None
    amount = _amount(by or 0, condition.unit, lang)
    within = span(condition.within_s, lang)
    if lang == "zh":
        return f"{_label(condition, lang)} {within}内{'下降' if falls else '上升'}至少 {amount}"
    verb = "falls" if falls else "rises"
    return f"{_label(condition, lang)} {verb} by at least {amount} within {within}"


def _worded(condition: Is | Heard | Missing, lang: Lang) -> str:
    match condition:
        case Is():
            words = [_word(condition.reads, one, lang) for one in condition.is_]
            label = _side(field_label(condition.reads), lang)
            text = f"{label}: " + _side(("或", " or "), lang).join(words)
        case Heard():
            kind, within = _side(KINDS[condition.heard], lang), span(condition.within_s, lang)
            text = _side((f"{within}内有{kind}", f"{kind} within {within}"), lang)
        case Missing():
            kind, label = (
                _side(KINDS[condition.missing.partition(".")[0]], lang),
                _side(field_label(condition.missing), lang),
            )
            text = _side((f"{kind}缺少{label}", f"{kind} without {label}"), lang)
        case _:
            assert_never(condition)
    return text


def _score(condition: ScoreAt | ScoreBand, lang: Lang) -> str:
    table = condition.scorer.table
    title = _side((table.title.zh, table.title.en), lang)
    if isinstance(condition, ScoreAt):
        comparison = _side(_COMPARISONS[condition.direction], lang)
        return f"{title} {comparison} {condition.value:g}{_side((' 分', ''), lang)}"
    bands = [_side((one.title.zh, one.title.en), lang) for one in table.bands if one.band in condition.band]
    return f"{title}: " + _side(("或", " or "), lang).join(bands)


def _word(name: str, word: bool | str, lang: Lang) -> str:
    if isinstance(word, bool):
        return _side(("是", "yes") if word else ("否", "no"), lang)
    return _side(word_label(name, word), lang)


def _amount(value: float, unit: str, lang: Lang) -> str:
    sign = _side(unit_sign(unit), lang)
    return f"{value:g} {sign}" if sign else f"{value:g}"


def _label(condition: Value | Change, lang: Lang) -> str:
    return _side(field_label(condition.reads), lang)


def span(seconds: int, lang: Lang) -> str:
    """A length of time in the largest unit that divides it."""
    for length_s, zh, en in ((86_400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if seconds >= length_s and seconds % length_s == 0:
            return f"{seconds // length_s} {_side((zh, en), lang)}"
    return f"{seconds} {_side(('秒', 's'), lang)}"


def _side(pair: tuple[str, str], lang: Lang) -> str:
    return pair[0 if lang == "zh" else 1]
