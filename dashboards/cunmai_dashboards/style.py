"""Colours, limits and words that panels share. Unknown has a colour and words of its own, everywhere."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

RED, YELLOW, GREEN, BLUE = "red", "#EAB839", "green", "blue"
GREY = "#808080"
NOTHING = "transparent"
UNKNOWN = "未知 unknown"

SEVERE_PCT = 93
"""At or below: severe (诊疗方案第十版)."""
MILD_PCT = 95
"""At or above: nothing to object to."""

_JUST_ABOVE_PCT = 0.01
"""Grafana's steps begin at their value, and 93 itself is severe."""


def steps(*pairs: tuple[float | None, str]) -> builders.ThresholdsConfig:
    """From each value up, its colour. The first has no value: it begins at the bottom."""
    thresholds = [models.Threshold(value=value, color=colour) for value, colour in pairs]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def spo2_limits(above: str) -> builders.ThresholdsConfig:
    """The two limits of SpO2: red up to and including 93, yellow below 95, `above` from there."""
    return steps((None, RED), (SEVERE_PCT + _JUST_ABOVE_PCT, YELLOW), (MILD_PCT, above))


def always(colour: str) -> builders.ThresholdsConfig:
    """One colour whatever the value."""
    return steps((None, colour))


def _special(match: models.SpecialValueMatch, text: str, colour: str, index: int) -> models.ValueMapping:
    result = models.ValueMappingResult(text=text, color=colour, index=index)
    return models.SpecialValueMap(models.DashboardSpecialValueMapOptions(match=match, result=result))


def _words(**words: tuple[str, str]) -> models.ValueMapping:
    """Value to text and colour."""
    return models.ValueMap(
        {
            value: models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(words.items())
        }
    )


MISSING: list[models.ValueMapping] = [_special(models.SpecialValueMatch.NULL_AND_NAN, UNKNOWN, GREY, 0)]
"""For numbers."""

_MISSING_TEXT = _special(models.SpecialValueMatch.NULL, UNKNOWN, GREY, 100)
"""For words, where NaN must not be named: some versions of Grafana take any text for it."""

_GRADES = _words(
    red=("红 red", RED),
    yellow=("黄 yellow", YELLOW),
    green=("绿 green", GREEN),
    grey=("灰, 未知 grey, unknown", GREY),
)

GRADES: list[models.ValueMapping] = [_GRADES, _MISSING_TEXT]

OUTCOMES: list[models.ValueMapping] = [
    _GRADES,
    _words(page=("立即通知 page", RED), review=("复核 review", BLUE)),
    _words(
        queued=("待发 queued", YELLOW),
        accepted=("已受理 accepted", BLUE),
        delivered=("已送达 delivered", GREEN),
        failed=("失败 failed", RED),
        unconfirmed=("无回执 no receipt", YELLOW),
        dropped=("不再需要 dropped", GREY),
    ),
    _words(
        seen=("已看 seen", YELLOW),
        contacted=("已联系 contacted", GREEN),
        referred=("转诊 referred", GREEN),
        false_alarm=("误报 false alarm", BLUE),
    ),
]
"""Grades, lanes, states of a notice, answers. An empty cell stays empty: the row is about something else."""

GAPS: list[models.ValueMapping] = [
    _words(
        missing=("未到 missing", YELLOW),
        lost=("丢失 lost", RED),
        unjudged=("未判 not judged", YELLOW),
    ),
    _words(open=("未了结 open", RED), closed=("已补齐 closed", BLUE)),
]
"""Kinds and conditions of the ledger's gaps."""

OBSERVED: list[models.ValueMapping] = [
    _words(
        A=("清醒 alert", NOTHING),
        C=("新发意识模糊 new confusion", RED),
        V=("对呼唤有反应 responds to voice", RED),
        P=("对疼痛有反应 responds to pain", RED),
        U=("无反应 unresponsive", RED),
    ),
    _words(true=("是 yes", YELLOW), false=("否 no", NOTHING)),
    _words(
        home=("上门 home visit", BLUE),
        clinic=("到诊所 at the clinic", BLUE),
        phone=("电话 phone", BLUE),
        video=("视频 video", BLUE),
    ),
]
"""What a person saw and did. Nothing is green: no single sight says that all is well."""

QUALITIES: list[models.ValueMapping] = [
    # No flag at all is an empty text, which is not the same as no reading.
    _special(models.SpecialValueMatch.EMPTY, "良好 good", GREEN, 0),
    _MISSING_TEXT,
    models.RegexMap(
        models.DashboardRegexMapOptions(
            pattern="(.+)", result=models.ValueMappingResult(text="$1", color=YELLOW, index=2)
        )
    ),
]
