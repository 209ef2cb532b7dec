"""`cunmai rules preview`: rules in words, written down here by hand, and pictures that show the limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.catalogue import FIELDS, NUMBERS, WORDED
from cunmai_rules.thresholds.labels import field_label, unit_sign, word_label
from cunmai_rules.thresholds.limits import Limit
from cunmai_rules.tools.preview.numberline import number_line_svg
from cunmai_rules.tools.preview.rule_words import GRADES, LANES, PRIORITIES
from cunmai_rules.tools.preview.spoken import limit_spoken
from cunmai_runtime.yamlfile import FileProblems
from cunmai_wire.events import Grade, Priority

PACK = """\
pack: all-forms
version: 3
title: {zh: 各种写法, en: All forms}
rules:
"""
COMBINED = """\
when:
  all:
    - {reads: oximetry.spo2_pct, unit: "%", below: 94}
    - not: {reads: temperature.temperature_c, unit: Cel, above: 38.5}
  for_s: 15
clear: {all: [{reads: oximetry.spo2_pct, unit: "%", at_or_above: 95}], for_s: 30}
lane: page"""
TAIL = "    source: a test <b>\n"


def pack(folder: Path, *rules: str) -> Path:
    """A pack of rules that are given as the YAML of their parts."""
    text = PACK
    for number, rule in enumerate(rules):
        text += f"  - id: r{number}\n    title: {{zh: 第{number}条, en: rule {number}}}\n    grade: yellow\n"
        text += "".join(f"    {line}\n" for line in rule.splitlines()) + TAIL
    (folder / "pack.yaml").write_text(text)
    return folder


def preview(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["preview", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


def test_a_rule_read_aloud(tmp_path: Path) -> None:
    rule = """\
when: {reads: blood_pressure.systolic_mmhg, unit: "mm[Hg]", at_or_above: 180, at_least: 2, of_last: 3, within_s: 604800}
clear: {below: 160, for_s: 60}
applies:
  age_years: {at_or_above: 18, below: 65}
  pregnant: false
  conditions: [hypertension]
  risk_colour: [red, yellow]
prompt: {zh: 休息五分钟再测, en: Rest five minutes}
lane: review
priority: high
stale_after_s: 86400"""
    assert preview(pack(tmp_path, rule)).splitlines() == [
        "【各种写法】第 3 版",
        "",
        "1. 第0条 (r0)",
        (
            "   给谁用: 年龄不低于 18 岁(含)、低于 65 岁(不含); 非孕妇; 有高血压(hypertension)的人; "
            "风险分级为红、黄的人; 没有登记年龄或是否怀孕或疾病情况或风险分级的人也包括在内。"
        ),
        "   什么时候报警: 7 天内的最近 3 次里至少 2 次收缩压不低于 180 毫米汞柱(含 180)。",
        "   报警后: 黄色, 进工作列表, 等人查看; 优先级高。",
        "   一体机: 异常刚开始或信号可疑时, 一体机上显示“休息五分钟再测”。",
        "   什么时候解除: 收缩压低于 160 毫米汞柱(不含 160), 并且持续 1 分钟, 才解除。",
        "   没有数据时: 1 天没有有效数据, 正常就变为未知; 已有的预警不会因为没有数据而解除。",
        "   信号不好时: 信号不可靠的测量值不作依据; 可疑的异常值持续 1 分钟, 就请人重新测量。",
        "   依据: a test <b>。",
        "",
    ]


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        (
            'when: {reads: oximetry.spo2_pct, unit: "%", falls_by: 4, within_s: 600}\nclear: {for_s: 60}\nlane: panel',
            [
                "血氧饱和度在 10 分钟内下降了 4% 或更多",
                "只在面板上显示, 不找人",
                "上述情况不再成立, 并且持续 1 分钟, 就解除",
            ],
            ["falls by 4 % or more within 10 min", "nobody is asked", "that has not held, for 1 min"],
        ),
        (
            "when: {nothing_heard: weight, after: ultrasound_exam, for_s: 86400}\nlane: review",
            ["超声检查之后 1 天, 还没有体重测量", "再次收到就解除", "没有数据本身就是预警的理由"],
            [
                "1 d after ultrasound exam there is still no weight",
                "heard again",
                "silence is itself what raises it",
            ],
        ),
        (
            COMBINED,
            [
                "血氧饱和度低于 94%(不含 94); 同时并不是“体温高于 38.5 摄氏度(不含 38.5)”, 并且持续 15 秒",
                "血氧饱和度不低于 95%(含 95), 并且持续 30 秒, 才解除",
            ],
            ["it is not so that Body temperature is above 38.5 °C", "it lasts for 15 s"],
        ),
        (
            "when: {reads: device_status.condition, is: [silent, fault]}\nclear: {for_s: 60}\nlane: review",
            ["设备状况: 失联或故障"],
            ["condition of the device: silent or fault"],
        ),
    ],
    ids=["change", "silence", "combined", "words"],
)
def test_each_form_in_both_languages(tmp_path: Path, rule: str, zh: list[str], en: list[str]) -> None:
    folder = pack(tmp_path, rule)
    chinese, english = preview(folder), preview(folder, "--lang", "en")
    for words in zh:
        assert words in chinese
    for words in en:
        assert words in english
    assert "报警" not in english


@pytest.mark.parametrize(
    ("applies", "zh", "en"),
    [
        ("{}", "给谁用: 所有人。", "For: everybody."),
        (
            "{age_months: {below: 168}, where_unknown: does_not}",
            "给谁用: 月龄低于 168 个月(满 14 岁)(不含); 没有登记年龄的人不用。",
            "For: age below 168 months (14 years); not for people whose record does not tell: age.",
        ),
        (
            "{age_years: {at_or_above: 16}, pregnant: false}",
            "给谁用: 年龄不低于 16 岁(含); 非孕妇; 没有登记年龄或是否怀孕的人也包括在内。",
            (
                "For: age at or above 16 years; those who are not pregnant; "
                "people whose record does not tell are included: age or pregnancy."
            ),
        ),
        (
            "{without_conditions: [copd, own-name]}",
            "给谁用: 没有慢阻肺(copd)、own-name的人; 没有登记疾病情况的人也包括在内。",
            "For: those without COPD, own-name; people whose record does not tell are included: conditions.",
        ),
        (
            "{altitude_m: {at_or_below: 1000}}",
            "给谁用: 机构海拔不高于 1000 米(含)。",
            "For: altitude of the clinic at or below 1000 m.",
        ),
    ],
)
def test_for_whom_it_is_and_whether_for_those_of_whom_nothing_is_known(
    tmp_path: Path, applies: str, zh: str, en: str
) -> None:
    rule = (
        "when: {reads: temperature.temperature_c, unit: Cel, below: 35}\nclear: {above: 36}\nlane: page\n"
        f"applies: {applies}"
    )
    lines = preview(pack(tmp_path, rule), "--lang", "both").splitlines()
    assert (lines[3].strip(), lines[4].strip()) == (zh, en)


@pytest.mark.parametrize(
    ("when", "clear", "zh", "en"),
    [
        (
            "{reads: temperature.temperature_c, unit: Cel, above: 38, at_least: 2, of_last: 3}",
            "{below: 37}",
            "15 分钟内的最近 3 次里至少 2 次体温高于 38 摄氏度(不含 38)",
            "at least 2 of the last 3 within 15 min: Body temperature is above 38 °C (38 not included)",
        ),
        (
            (
                "{all: [{reads: glucose.glucose_mmol_l, unit: mmol/L, at_or_above: 7, within_s: 60}, "
                "{reads: glucose.meal, is: fasting, within_s: 60}]}"
            ),
            "{for_s: 60}",
            "血糖不低于 7 毫摩尔/升(含 7); 同时进餐情况: 空腹(这些都只看 1 分钟内的值)",
            (
                "Glucose in blood, moles per volume is at or above 7 mmol/L (7 included); and meal: fasting "
                "(all by values of 1 min only)"
            ),
        ),
        (
            (
                "{any: [{reads: temperature.temperature_c, unit: Cel, above: 38, within_s: 60}, "
                "{reads: oximetry.pulse_bpm, unit: /min, above: 120}]}"
            ),
            "{for_s: 60}",
            "体温高于 38 摄氏度(不含 38)(只看 1 分钟内的值); 或者脉率高于 120 次/分(不含 120)",
            (
                "Body temperature is above 38 °C (38 not included) (values of 1 min only); or Heart rate by pulse "
                "oximetry is above 120 a minute (120 not included)"
            ),
        ),
        (
            '{reads: gateway_status.lost_count, unit: "{reading}", rises_by: 1, within_s: 3600}',
            "{for_s: 60}",
            "丢失的测量值在 1 小时内上升了 1 个 或更多",
            "Readings lost rises by 1 readings or more within 1 h",
        ),
    ],
    ids=["count", "one age for all", "an age for one", "a unit in braces"],
)
def test_how_far_back_it_looks(tmp_path: Path, when: str, clear: str, zh: str, en: str) -> None:
    lines = preview(pack(tmp_path, f"when: {when}\nclear: {clear}\nlane: review"), "--lang", "both")
    assert f"什么时候报警: {zh}。" in lines
    assert f"It raises when: {en}." in lines


def test_every_word_and_unit_has_a_name_that_can_be_said() -> None:
    for name, worded in WORDED.items():
        assert field_label(name) != (name, name)
        for word in worded.words or ():
            assert word_label(name, word) != (word, word), (name, word)
    for name in FIELDS:
        assert field_label(name) != (name, name)
    for unit in {code.ucum for code in NUMBERS.values()} - {"1", "%"}:
        assert unit not in limit_spoken(Limit(above=2), unit)[0]
        assert not set("[]{}") & set("".join(unit_sign(unit)))


def test_no_shipped_rule_is_read_out_in_the_words_of_its_file() -> None:
    for line in preview(packs_dir()).splitlines():
        if "依据" not in line and not re.match(r"\d+\. |【", line):
            plain = re.sub(r"\([a-z-]+\)|NEWS2|MEOWS|\([ACVPU]\)", "", line)
            assert not re.search(r"[A-Za-z{}_]", plain), line


def test_it_can_be_read_aloud() -> None:
    """No sign that has no sound, in any shipped rule; what a source cites is as it is cited."""
    for line in preview(packs_dir()).splitlines():
        if "依据" not in line:
            assert not re.search(r"[≤≥<>&|]|\[Hg\]", line), line


def test_wrong_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("pack: [")
    with pytest.raises(FileProblems, match=r"a\.yaml:1"):
        preview(tmp_path)


def test_the_page_opens_offline_and_escapes_what_authors_write(tmp_path: Path) -> None:
    rule = (
        'when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93}\nclear: {at_or_above: 95}\nlane: page'
    )
    out = tmp_path / "out.html"
    preview(pack(tmp_path, rule), "--html", out)
    text = out.read_text()
    assert "://" not in text
    assert "<script" not in text
    assert "a test &lt;b&gt;" in text
    assert text.count("<svg") == 1


def zones(svg: str) -> dict[str, tuple[float, float]]:
    found = re.findall(r'class="zone (\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', svg)
    return {name: (float(x), float(x) + float(width)) for name, x, width in found}


def test_a_low_limit_raises_on_the_left_and_clears_on_the_right() -> None:
    svg = number_line_svg(Limit(at_or_below=93), Limit(at_or_above=95), grade="red", unit="%", title="t")
    found = zones(svg)
    assert found["between"][0] == found["red"][0]
    assert found["red"][1] < found["clear"][0]
    assert found["clear"][1] == found["between"][1]
    assert svg.count('fill="var(--ink)"') == 2  # both limits include themselves
    assert ">100</text>" in svg  # a percentage does not go further


def test_a_high_limit_raises_on_the_right_and_hollow_points_are_not_included() -> None:
    svg = number_line_svg(Limit(above=180), Limit(below=160), grade="yellow", unit="mm[Hg]", title="t")
    found = zones(svg)
    assert found["clear"][1] < found["yellow"][0]
    assert svg.count('fill="var(--card)"') == 2


def test_a_limit_without_a_clearing_one_has_two_zones() -> None:
    svg = number_line_svg(Limit(at_or_above=38), None, grade="yellow", unit="Cel", title="t")
    assert set(zones(svg)) == {"between", "yellow"}


def test_every_grade_and_priority_has_words() -> None:
    assert set(GRADES) == set(Grade)
    assert set(PRIORITIES) == set(Priority)
    assert set(LANES) == {"page", "review", "panel"}
