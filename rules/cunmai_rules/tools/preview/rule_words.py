"""A rule in plain sentences, part by part, for people who read it aloud. Pure.

`thresholds/sentence.py` says when a rule raises; here is the rest: for whom, what happens then, what ends it, what
silence does. Each is a pair, Chinese and English.
"""

from __future__ import annotations

from collections.abc import Iterator

from cunmai_rules.thresholds.applies import DEFAULT_LIMITS_UP_TO_M, Facts
from cunmai_rules.thresholds.events import RuleLane
from cunmai_rules.thresholds.forms import ClearAll, ClearAny, ClearLimit, ClearNoLonger, Silence
from cunmai_rules.thresholds.labels import KINDS, Pair, condition_label
from cunmai_rules.thresholds.limits import Direction, Range
from cunmai_rules.thresholds.pack import Rule
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.sentence import rule_sentence, span
from cunmai_rules.tools.preview.spoken import clear_spoken, condition_spoken
from cunmai_wire.events import Grade, Priority

GRADES: dict[str, Pair] = {
    Grade.RED: ("红色", "red"),
    Grade.YELLOW: ("黄色", "yellow"),
    Grade.GREEN: ("绿色(正常)", "green (normal)"),
    Grade.GREY: ("灰色(未知)", "grey (unknown)"),
}
LANES: dict[str, Pair] = {
    RuleLane.PAGE: ("立即通知家庭医生团队", "the family-doctor team is told at once"),
    RuleLane.REVIEW: ("进工作列表, 等人查看", "it waits on the worklist to be looked at"),
    RuleLane.PANEL: ("只在面板上显示, 不找人", "it is shown on the panels, and nobody is asked"),
}
PRIORITIES: dict[str, Pair] = {
    Priority.HIGH: ("高", "high"),
    Priority.MEDIUM: ("中", "medium"),
    Priority.LOW: ("低", "low"),
}
COLOURS: dict[str, Pair] = {"red": ("红", "red"), "yellow": ("黄", "yellow"), "green": ("绿", "green")}
_SPOKEN: dict[Direction, Pair] = {
    Direction.AT_OR_BELOW: ("不高于 {}(含)", "at or below {}"),
    Direction.BELOW: ("低于 {}(不含)", "below {}"),
    Direction.AT_OR_ABOVE: ("不低于 {}(含)", "at or above {}"),
    Direction.ABOVE: ("高于 {}(不含)", "above {}"),
}


KNOWN_TO_FIT: Pair = ("登记库中已知符合的人", "those of whom this is known")


# -- for whom -----------------------------------------------------------------------------------------------


def applies_to(rule: VersionedRule) -> list[Pair]:
    """Each line of whom it applies to; one line that says everybody where there is none."""
    lines = [line for line, _ in _lines(rule, Facts()) if line != KNOWN_TO_FIT]
    return [*(lines or [("所有人", "everybody")]), *_where_unknown(rule)]


def _where_unknown(rule: VersionedRule) -> Iterator[Pair]:
    """Whether it is for those of whom it is not known; nothing where it asks for nothing."""
    applies = rule.rule.applies
    asked = [
        words
        for asks, words in (
            (applies.age_years or applies.age_months, ("年龄", "age")),
            (applies.pregnant is not None, ("是否怀孕", "pregnancy")),
            (applies.conditions or applies.without_conditions, ("疾病情况", "conditions")),
            (applies.risk_colour, ("风险分级", "risk colour")),
        )
        if asks
    ]
    if not asked:
        return
    zh, en = "或".join(one[0] for one in asked), " or ".join(one[1] for one in asked)
    if applies.where_unknown == "does_not":
        yield f"没有登记{zh}的人不用", f"not for people whose record does not tell: {en}"
    else:
        yield f"没有登记{zh}的人也包括在内", f"people whose record does not tell are included: {en}"


def why_unfit(rule: VersionedRule, facts: Facts) -> list[Pair]:
    """The lines that this person does not fit, with what is known of them; none where the rule applies."""
    return [
        (f"只用于{line[0]}, 而此人{known[0]}", f"it is for {line[1]}, and this person: {known[1]}")
        for line, known in _lines(rule, facts)
        if known is not None
    ]


def _lines(rule: VersionedRule, facts: Facts) -> Iterator[tuple[Pair, Pair | None]]:
    """Each line, and what is known that does not fit it; None where it fits or is not known."""
    applies = rule.rule.applies
    altitude = applies.altitude_m
    if altitude is None and rule.reads_spo2:
        altitude = Range(at_or_below=DEFAULT_LIMITS_UP_TO_M)
    if applies.age_years is not None:
        yield _ranged(("年龄", "age"), applies.age_years, facts.age_years, ("岁", "years"))
    if applies.age_months is not None:
        yield _ranged(("月龄", "age"), applies.age_months, facts.age_months, ("个月", "months"))
    if applies.pregnant is not None:
        line = ("孕妇", "pregnant women") if applies.pregnant else ("非孕妇", "those who are not pregnant")
        unfit = facts.pregnant is not None and facts.pregnant != applies.pregnant
        known = ("怀孕", "pregnant") if facts.pregnant else ("没有怀孕", "not pregnant")
        yield line, known if unfit else None
    has = facts.conditions
    listed = _listed(sorted(has)) if has else ("没有这些疾病", "has none of them")
    if applies.conditions:
        named = _listed(applies.conditions)
        one = len(applies.conditions) == 1
        line = (
            (f"有{named[0]}的人", f"those with {named[1]}")
            if one
            else (f"有 {named[0]} 之一的人", f"those with one of {named[1]}")
        )
        yield line, listed if has is not None and has.isdisjoint(applies.conditions) else None
    if applies.without_conditions:
        named = _listed(applies.without_conditions)
        line = (f"没有{named[0]}的人", f"those without {named[1]}")
        yield line, listed if has is not None and not has.isdisjoint(applies.without_conditions) else None
    if applies.risk_colour:
        line = (
            "风险分级为" + "、".join(COLOURS[one][0] for one in applies.risk_colour) + "的人",
            "residents at risk " + " or ".join(COLOURS[one][1] for one in applies.risk_colour),
        )
        colour = facts.risk_colour
        unfit = colour is not None and colour not in applies.risk_colour
        yield line, (f"是{COLOURS[colour][0]}", COLOURS[colour][1]) if colour and unfit else None
    if applies.where_unknown == "does_not":
        left_out = not applies.fits(facts, reads_spo2=False) and applies.asks_for_unknown(facts)
        unknown = ("的这些情况没有登记", "is somebody of whom that is not known")
        yield KNOWN_TO_FIT, unknown if left_out else None
    if altitude is not None:
        yield _ranged(("机构海拔", "altitude of the clinic"), altitude, facts.altitude_m, ("米", "m"))


def _ranged(label: Pair, range_: Range, value: float | None, unit: Pair) -> tuple[Pair, Pair | None]:
    bounds = [
        (_SPOKEN[direction], bound)
        for direction in sorted(Direction, key=lambda one: one.low_side)  # the lower bound first
        if (bound := getattr(range_, direction)) is not None
    ]
    line = (
        label[0] + "、".join(words[0].format(_aged(bound, unit)[0]) for words, bound in bounds),
        f"{label[1]} " + " and ".join(words[1].format(_aged(bound, unit)[1]) for words, bound in bounds),
    )
    if value is None or range_.holds(value):
        return line, None
    return line, (f"{label[0]} {value:g} {unit[0]}", f"{label[1]} {value:g} {unit[1]}")


def _aged(value: float, unit: Pair) -> Pair:
    """A bound with its unit; whole years of months as years besides."""
    years = f"{value / 12:g}" if unit[0] == "个月" and value >= 24 and value % 12 == 0 else ""
    return (
        f"{value:g} {unit[0]}" + (f"(满 {years} 岁)" if years else ""),
        f"{value:g} {unit[1]}" + (f" ({years} years)" if years else ""),
    )


def _listed(names: tuple[str, ...] | list[str]) -> Pair:
    labels = [condition_label(name) for name in names]
    return "、".join(zh for zh, _ in labels), ", ".join(en for _, en in labels)


# -- when, what then, until when ------------------------------------------------------------------------------


def raises(rule: Rule) -> Pair:
    """When it raises."""
    return rule_sentence(rule, "zh"), rule_sentence(rule, "en")


def what_then(rule: Rule) -> Pair:
    """What happens when it raises."""
    grade, lane, urgency = GRADES[rule.grade], LANES[rule.lane], PRIORITIES[rule.urgency]
    return f"{grade[0]}, {lane[0]}; 优先级{urgency[0]}", f"{grade[1]}; {lane[1]}; priority {urgency[1]}"


def prompts(rule: Rule) -> Pair | None:
    """What the kiosk shows, or None."""
    if rule.prompt is None:
        return None
    return (
        f"异常刚开始或信号可疑时, 一体机上显示“{rule.prompt.zh}”",
        f"when it begins, or the signal is doubtful, the kiosk shows: {rule.prompt.en}",
    )


def clears(rule: Rule) -> Pair:
    """What ends it."""
    clear = rule.clear
    if isinstance(rule.when, Silence) or clear is None:
        return "再次收到就解除", "it ends when something is heard again"
    held = _for(clear.for_s)
    match clear:
        case ClearNoLonger():
            return (
                f"上述情况不再成立{held[0]}, 就解除",
                f"it ends when that has not held{held[1]}",
            )
        case ClearLimit():
            limit = clear_spoken(clear, rule)
            return f"{limit[0]}{held[0]}, 才解除", f"it ends only when {limit[1]}{held[1]}"
        case ClearAll() | ClearAny():
            said = condition_spoken(clear, rule.stale_after_s)
            return f"{said[0]}{held[0]}, 才解除", f"it ends only when {said[1]}{held[1]}"


def _for(seconds: int) -> Pair:
    if not seconds:
        return "", ""
    return f", 并且持续 {span(seconds, 'zh')}", f", for {span(seconds, 'en')}"


def silence(rule: Rule) -> Pair:
    """What happens where nothing comes any more."""
    if isinstance(rule.when, Silence):
        return "没有数据本身就是预警的理由", "silence is itself what raises it"
    stale = rule.stale_after_s
    return (
        f"{span(stale, 'zh')}没有有效数据, 正常就变为未知; 已有的预警不会因为没有数据而解除",
        f"after {span(stale, 'en')} without usable readings normal becomes unknown; an alarm stays",
    )


def trusts(rule: Rule) -> Pair | None:
    """Which readings count; None for a rule that hears any."""
    if isinstance(rule.when, Silence):
        return None
    doubt = rule.quality.doubt_after_s
    return (
        f"信号不可靠的测量值不作依据; 可疑的异常值持续 {span(doubt, 'zh')}, 就请人重新测量",
        f"readings of doubtful quality do not count; after {span(doubt, 'en')} of abnormal ones: measure again",
    )


def kinds_of(rule: VersionedRule) -> Pair:
    """What it listens to."""
    kinds = [KINDS.get(kind, (kind, kind)) for kind in rule.kinds]
    return "、".join(kind[0] for kind in kinds), ", ".join(kind[1] for kind in kinds)
