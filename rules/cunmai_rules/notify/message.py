"""The text of a message. Pure. It never carries a name, a phone or identity number, or a diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cunmai_rules.escalation.policy import Escalation
from cunmai_rules.journal.judgements import Judged
from cunmai_rules.notify.trend import trend_arrow
from cunmai_rules.thresholds.catalogue import NUMBERS
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.signal import looked_at
from cunmai_wire.events import Grade

GRADES_ZH = {Grade.RED: "红色", Grade.YELLOW: "黄色", Grade.GREEN: "绿色", Grade.GREY: "灰色"}

TREND_MS = 5 * 60_000
"""The arrow beside a value tells of so long before it."""

UNITS_ZH = {"/min": "次/分", "Cel": "℃"}
UNITS_EN = {"Cel": "°C", "mm[Hg]": "mmHg"}


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
        UNITS_ZH.get(code.ucum, UNITS_EN.get(code.ucum, code.ucum)),
        UNITS_EN.get(code.ucum, code.ucum),
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


def sms_text(
    escalation: Escalation,
    found: Finding | None,
    *,
    site: str,
    again: bool,
    utc_offset_minutes: int,
    title: str = "",
) -> str:
    """The Chinese text of one message, up to where its link follows. `again`: it is not the first one.

    `title`: of the rule, for what no figure or score says.
    """
    who = _who(escalation)
    measured = datetime.fromtimestamp((found.t_ms if found else escalation.reading_t_ms) / 1000, UTC)
    local = measured + timedelta(minutes=utc_offset_minutes)
    repeat = "再次提醒, " if again else ""
    what = _figures(found) or f" {escalation.said_zh or title}".rstrip()
    return (
        f"【村脉】{repeat}{GRADES_ZH[escalation.grade]}预警: {who}{what}, "
        f"{local:%H:%M} {site}. 规则 {escalation.rule} {escalation.version}. 请点开答复"
    )


def _who(escalation: Escalation) -> str:
    if escalation.resident:
        return f"居民 {escalation.resident}"
    if escalation.device == escalation.gateway:
        return f"网关 {escalation.gateway}"
    return f"未登记居民(设备 {escalation.device})"


def _figures(found: Finding | None) -> str:
    if found is None or found.value is None:
        return ""
    pulse = f", 脉率 {found.pulse_bpm:g}" if found.pulse_bpm is not None else ""
    return f" {found.label_zh.removesuffix('饱和度')} {found.value:g}{found.unit_zh}{found.arrow}{pulse}"
