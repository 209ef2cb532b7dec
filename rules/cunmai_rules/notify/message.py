"""What a message says, as values for its template: never a name, an identity number or a diagnosis. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.judgements import Judged
from cunmai_rules.moments import local_time
from cunmai_rules.notify.languages import Language
from cunmai_rules.notify.trend import DOWN, LEVEL, UP, trend_arrow
from cunmai_rules.thresholds.catalogue import NUMBERS
from cunmai_rules.thresholds.labels import unit_sign
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.signal import looked_at
from cunmai_wire.events import Grade

GRADES_ZH = {Grade.RED: "红色", Grade.YELLOW: "黄色", Grade.GREEN: "绿色", Grade.GREY: "灰色"}

TREND_MS = 5 * 60_000
"""The arrow beside a value tells of so long before it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in words and figures, for a message or a page."""

    label_zh: str
    label_en: str
    value: float | None
    unit_zh: str
    unit_en: str
    arrow: str
    pulse_bpm: float | None
    t_ms: int


def finding(
    escalation: Escalation, rule: VersionedRule | None, readings: Sequence[Judged], *, newest: bool = False
) -> Finding | None:
    """The value behind an escalation, with its trend; None where the rule is gone.

    `readings` are the subject's, oldest first, up to the one that raised it. `newest` takes the last
    sound one of them instead, and None where there is none.
    """
    main = rule.rule.main if rule else None
    if rule is None or main is None:
        return None
    sound = [one for one in readings if figure(one, rule) is not None and not _objected(one, rule)]
    if newest:
        last = sound[-1] if sound else None
        if last is None:
            return None
    else:
        raised_by = (escalation.stream, escalation.seq)
        last = next((one for one in reversed(readings) if (one.stream, one.seq) == raised_by), None)
    code = NUMBERS[main.reads]
    t_ms = last.t_ms if last else escalation.reading_t_ms
    lately = [figure(one, rule) for one in sound if 0 <= t_ms - one.t_ms <= TREND_MS]
    return Finding(
        code.display_zh,
        code.display,
        figure(last, rule) if last else None,
        *unit_sign(code.ucum),
        trend_arrow([value for value in lately if value is not None]),
        last.values.get("pulse_bpm") if last else None,
        t_ms,
    )


def figure(reading: Judged, rule: VersionedRule) -> float | None:
    """The number that stands for a rule, of one reading; of a table, its worst entry."""
    main = rule.rule.main
    if main is None or reading.kind != main.kind_and_field[0]:
        return None
    (one,) = (one for one in rule.inputs[reading.kind] if one.key == main.reads)
    value = looked_at(one, reading.values)
    return float(value) if isinstance(value, int | float) else None


def _objected(reading: Judged, rule: VersionedRule) -> bool:
    return any(flag not in rule.rule.quality.accept for flag in reading.quality)


@dataclass(frozen=True, slots=True)
class Page:
    """What one notice tells of: its escalation, how it stands, and how it can be answered."""

    escalation: Escalation
    found: Finding | None
    told_before: int
    """How many messages about it were taken for this person before."""
    site: str
    code: str | None
    """What a reply names it by; None where nobody passes replies on."""
    title: str = ""
    """Of the rule, for what no figure or score says."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a summary tells of: everything on the list that its link opens, and what of it is new."""

    site: str | None
    """None: several."""
    sites: int
    listed: Sequence[Escalation]
    new: int
    newest_ms: int
    """When the newest of what it tells of was measured."""
    code: str | None


def summary_values(summary: Summary, language: Language, utc_offset_minutes: int) -> dict[str, str]:
    """The template's variables, but for the link and its token. No resident is named: their number grows."""
    words = _WORDS[language]
    local = local_time(summary.newest_ms, utc_offset_minutes)
    red = sum(one.grade is Grade.RED for one in summary.listed)
    return {
        "again": "" if summary.new else words["again"],
        "site": summary.site or words["sites"].format(count=summary.sites),
        "open": str(len(summary.listed)),
        "red": str(red),
        "yellow": str(len(summary.listed) - red),
        "new": str(summary.new),
        "time": f"{local:%H:%M}",
        "reply": words["reply_all"].format(code=summary.code) if summary.code else "",
        "code": summary.code or "",
    }


def page_values(page: Page, language: Language, utc_offset_minutes: int) -> dict[str, str]:
    """The template's variables, but for the link and its token, which are not kept."""
    words = _WORDS[language]
    escalation, found = page.escalation, page.found
    local = local_time(found.t_ms if found else escalation.reading_t_ms, utc_offset_minutes)
    who = _who(escalation, words)
    said = (escalation.said_en if language == "en" else escalation.said_zh) or page.title
    return {
        "again": words["again"] if page.told_before else "",
        "grade": words[escalation.grade.value],
        "who": who,
        "resident": escalation.resident or who,
        "figures": _figures(found, language) or f" {said}".rstrip(),
        "values": _values(found, language) or said or words["none"],
        "time": f"{local:%H:%M}",
        "times": words["times"].format(number=page.told_before + 1),
        "site": page.site,
        "rule": escalation.rule,
        "version": escalation.version,
        "reply": words["reply"].format(code=page.code) if page.code else "",
        "code": page.code or "",
    }


def _who(escalation: Escalation, words: dict[str, str]) -> str:
    if escalation.resident:
        return words["resident"].format(resident=escalation.resident)
    if escalation.device == escalation.gateway:
        return words["gateway"].format(gateway=escalation.gateway)
    return words["nobody"].format(device=escalation.device)


_WORDS: dict[Language, dict[str, str]] = {
    "zh-CN": {
        **{grade.value: word for grade, word in GRADES_ZH.items()},
        "again": "再次提醒, ", "resident": "居民 {resident}", "nobody": "未登记居民(设备 {device})",
        "gateway": "网关 {gateway}",
        "times": "第{number}次", "reply": ", 或回复 1已看 2已联系 3转诊 4误报 加 {code}", "pulse": "脉率",
        "sites": "{count}个机构", "reply_all": ", 或回复 1 {code} 表示全部已看",
        UP: "上升", DOWN: "下降", LEVEL: "平稳", "none": "见页面",
    },
    "en": {
        **{grade.value: grade.value for grade in Grade},
        "again": "again, ", "resident": "resident {resident}", "nobody": "nobody checked in (device {device})",
        "gateway": "gateway {gateway}",
        "times": "{number}", "reply": ", or reply 1 seen 2 contacted 3 referred 4 false alarm with {code}",
        "sites": "{count} sites", "reply_all": ", or reply 1 {code} for all seen",
        "pulse": "pulse", UP: "up", DOWN: "down", LEVEL: "level", "none": "see the page",
    },
}  # fmt: skip


def _figures(found: Finding | None, language: Language) -> str:
    if found is None or found.value is None:
        return ""
    words = _WORDS[language]
    pulse = f", {words['pulse']} {found.pulse_bpm:g}" if found.pulse_bpm is not None else ""
    if language == "en":
        return f" {found.label_en} {found.value:g}{found.unit_en} {words[found.arrow]}{pulse}"
    return f" {found.label_zh.removesuffix('饱和度')} {found.value:g}{found.unit_zh}{found.arrow}{pulse}"


def _values(found: Finding | None, language: Language) -> str:
    """As `_figures`, in words alone: providers of templates refuse arrows."""
    words = _WORDS[language]
    if found is None or found.value is None:
        return ""
    label = found.label_en if language == "en" else found.label_zh.removesuffix("饱和度")
    unit = found.unit_en if language == "en" else found.unit_zh
    pulse = f" {words['pulse']} {found.pulse_bpm:g}" if found.pulse_bpm is not None else ""
    return f"{label} {found.value:g}{unit} {words[found.arrow]}{pulse}"
