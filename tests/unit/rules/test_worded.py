"""Words, yes and no, what was heard and what is missing, as conditions of rules, by stories."""

from __future__ import annotations

import pytest

from cunmai_rules.thresholds.catalogue import KIND_NAMES, WORDED, Worded
from cunmai_rules.thresholds.labels import KINDS, field_label, word_label
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_rules.thresholds.state import rule_state
from cunmai_runtime.yamlfile import FileProblems
from cunmai_wire.readings import DeviceCondition
from support.rules import one_rule, story

SILENT = "{reads: device_status.condition, is: silent}"
EITHER = "{reads: device_status.condition, is: [silent, fault]}"
FALLS = '{reads: oximetry.spo2_pct, unit: "%", falls_by: 4, within_s: 600}'
EXAM = "{heard: ultrasound_exam, within_s: 3600}"
DAY = 86_400


# -- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "condition", "reason"),
    [
        (SILENT, "silent", "limit_met"),
        (SILENT, "fault", "normal"),
        (EITHER, "fault", "limit_met"),
        (EITHER, "silent", "limit_met"),
        (EITHER, "connected", "normal"),
        (f"{{not: {SILENT}}}", "silent", "normal"),
        (f"{{not: {SILENT}}}", "connected", "limit_met"),
    ],
)
def test_a_word(when: str, condition: str, reason: str) -> None:
    assert story(when).sees(0, "device_status", condition=condition).reasons == [reason]


def test_a_member_of_the_contracts_enumeration_is_its_word_also_after_a_restart() -> None:
    told = story(SILENT.replace("}", ", for_s: 60}")).sees(
        0, "device_status", condition=DeviceCondition.SILENT
    )
    told.sees(60, "device_status", condition=DeviceCondition.SILENT)
    assert told.reasons == ["spell_began", "limit_met"]
    kept = rule_state(told.state, "r1")
    assert kept.memory == {"device_status.condition": ((kept.since_ms, "silent"),)}


def test_a_word_clears_when_it_has_been_another_for_long_enough() -> None:
    told = story(SILENT, "{for_s: 60}").sees(0, "device_status", condition="silent")
    told.sees(10, "device_status", condition="connected").sees(70, "device_status", condition="connected")
    assert told.reasons == ["limit_met", "clearing", "cleared"]


def test_a_word_may_clear_only_by_certain_others() -> None:
    clear = "{all: [{reads: device_status.condition, is: connected}]}"
    told = story(SILENT, clear).sees(0, "device_status", condition="silent")
    told.sees(10, "device_status", condition="disconnected").sees(20, "device_status", condition="connected")
    assert told.reasons == ["limit_met", "still_raised", "cleared"]


@pytest.mark.parametrize(("age_s", "reason"), [(600, "limit_met"), (601, "incomplete")])
def test_an_old_word_is_unknown(age_s: int, reason: str) -> None:
    silent = SILENT.replace("}", ", within_s: 600}")
    low = '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93}'
    told = story(f"{{all: [{silent}, {low}]}}").sees(0, "device_status", condition="silent")
    assert told.sees(age_s, "oximetry", spo2_pct=90).reasons[-1] == reason


# -- what was heard -----------------------------------------------------------------------------------------


def test_an_exam_together_with_a_fall_of_spo2() -> None:
    """98 to 94 within 10 minutes is a fall of 4; the exam was 1 h ago at the most."""
    told = story(f"{{all: [{EXAM}, {FALLS}]}}", "{for_s: 60}")
    told.sees(0, "ultrasound_exam").sees(3300, "oximetry", spo2_pct=98).sees(3600, "oximetry", spo2_pct=94)
    assert told.reasons == ["incomplete", "incomplete", "limit_met"]
    assert told.escalations == [("page", "limit_met", 3600)]


def test_a_fall_of_spo2_without_an_exam_in_time_is_not_it() -> None:
    """The exam is 3601 s old at the second value; what was not heard is no, and never unknown."""
    told = story(f"{{all: [{EXAM}, {FALLS}]}}", "{for_s: 60}")
    told.sees(0, "ultrasound_exam").sees(3300, "oximetry", spo2_pct=98).sees(3601, "oximetry", spo2_pct=94)
    assert told.reasons[-1] == "normal"
    never = story(f"{{all: [{EXAM}, {FALLS}]}}").sees(0, "oximetry", spo2_pct=98)
    assert never.reasons == ["normal"]


def test_an_exam_after_the_fall_completes_the_condition() -> None:
    told = story(f"{{all: [{EXAM}, {FALLS}]}}").sees(0, "oximetry", spo2_pct=98)
    told.sees(300, "oximetry", spo2_pct=93).sees(500, "ultrasound_exam")
    assert told.reasons[-1] == "limit_met"


def test_the_quality_of_what_need_only_be_heard_does_not_matter() -> None:
    told = story(f"{{all: [{EXAM}, {FALLS}]}}").sees(0, "ultrasound_exam", "questionable")
    told.sees(1, "oximetry", spo2_pct=98).sees(60, "oximetry", spo2_pct=94)
    assert told.reasons == ["incomplete", "incomplete", "limit_met"]


def test_several_kinds_of_which_any_ends_the_silence() -> None:
    told = story("{nothing_heard: [oximetry, temperature], for_s: 86400}", None, lane="review")
    told.sees(0, "oximetry", spo2_pct=97).sees(DAY, "temperature", temperature_c=36.5).passes(DAY + 1)
    assert told.escalations == []
    told.sees(DAY + 2, "weight", weight_kg=60).passes(2 * DAY + 1)
    assert told.escalations == [("review", "nothing_heard", DAY)]


# -- what is missing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"rows": 400}, "limit_met"), ({"body_part": "ABDOMEN"}, "normal"), ({"body_part": ""}, "limit_met")],
)
def test_a_reading_that_came_without_a_value(values: dict[str, object], reason: str) -> None:
    told = story("{missing: ultrasound_exam.body_part}").sees(0, "ultrasound_exam", **values)
    assert told.reasons == [reason]


def test_nothing_is_missing_from_a_reading_that_did_not_come() -> None:
    low = '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93}'
    told = story(f"{{all: [{{missing: ultrasound_exam.body_part}}, {low}]}}")
    assert told.sees(0, "oximetry", spo2_pct=90).reasons == ["incomplete"]


# -- lanes and priorities ---------------------------------------------------------------------------------------

LOW = '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15}'


def test_a_rule_for_the_panels_grades_and_asks_nobody() -> None:
    told = story(LOW, "{at_or_above: 95}", lane="panel").reads(0, 92).reads(15, 92).reads(30, 96)
    assert (told.grades, told.escalations) == ([("red", 15), ("green", 30)], [])
    told.reads(40, 92).passes(641)  # unconfirmed
    told.reads(1000, 80, "low_perfusion").reads(1060, 80, "low_perfusion")  # doubtful
    assert told.escalations == []
    assert told.reasons[-2:] == ["quality_gated", "doubtful"]


def test_silence_of_a_rule_for_the_panels_asks_nobody() -> None:
    told = story("{nothing_heard: oximetry, for_s: 60}", None, lane="panel").reads(0, 97).passes(61)
    assert (told.grades[-1][0], told.escalations) == ("red", [])


@pytest.mark.parametrize(
    ("more", "priority"),
    [
        ({"grade": "red"}, "high"),
        ({"grade": "yellow"}, "medium"),
        ({"grade": "red", "priority": "low"}, "low"),
        ({"grade": "yellow", "priority": "high"}, "high"),
    ],
)
def test_the_priority_of_what_is_found(more: dict[str, str], priority: str) -> None:
    told = story(LOW, "{at_or_above: 95}", **more).reads(0, 92).reads(15, 92)
    assert told.priorities == [priority]


def test_a_new_prompt_or_priority_leaves_the_rule_as_it_was() -> None:
    plain = one_rule(LOW, "{at_or_above: 95}").by_id["r1"]
    worded = one_rule(LOW, "{at_or_above: 95}", prompt="{zh: 再测, en: again}", priority="low").by_id["r1"]
    panel = one_rule(LOW, "{at_or_above: 95}", lane="panel").by_id["r1"]
    assert plain.digest == worded.digest != panel.digest


# -- in words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "clear", "zh", "en"),
    [
        (
            EITHER.replace("}", ", for_s: 300}"),
            "{for_s: 0}",
            "设备状况: 失联或故障 持续 5 分钟",
            "condition of the device: silent or fault for 5 min",
        ),
        (
            f"{{all: [{EXAM}, {FALLS}]}}",
            "{for_s: 0}",
            "1 小时内有超声检查 并且 血氧饱和度 10 分钟内下降至少 4 %",
            (
                "ultrasound exam within 1 h and Oxygen saturation in arterial blood by pulse oximetry "
                "falls by at least 4 % within 10 min"
            ),
        ),
        (
            "{missing: ultrasound_exam.body_part}",
            "{for_s: 0}",
            "超声检查缺少检查部位",
            "ultrasound exam without body part",
        ),
        (
            "{nothing_heard: [oximetry, temperature], for_s: 86400}",
            None,
            "1 天没有血氧测量或体温测量",
            "no oximetry or temperature for 1 d",
        ),
    ],
)
def test_a_rule_in_one_sentence(when: str, clear: str | None, zh: str, en: str) -> None:
    rule = one_rule(when, clear).by_id["r1"].rule
    assert (rule_sentence(rule, "zh"), rule_sentence(rule, "en")) == (zh, en)


def test_every_kind_and_every_word_of_the_contract_has_a_name_in_both_languages() -> None:
    assert set(KIND_NAMES) <= set(KINDS)
    for name, worded in WORDED.items():
        for word in worded.words or ():
            assert word_label(name, word) != (word, word), (name, word)
        if worded != Worded():
            assert field_label(name) != (name, name), name


# -- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "clear", "zh", "en"),
    [
        (
            "{reads: device_status.condition, is: silnt}",
            "{for_s: 0}",
            "device_status.condition 没有 silnt 这个值, 可选: connected, disconnected, silent, fault",
            "device_status.condition is never silnt; one of: connected, disconnected, silent, fault",
        ),
        (
            "{reads: device_status.condition, is: true}",
            "{for_s: 0}",
            "device_status.condition 没有 true 这个值, 可选: connected, disconnected, silent, fault",
            "device_status.condition is never true; one of: connected, disconnected, silent, fault",
        ),
        (
            "{reads: gateway_status.online, is: online}",
            "{for_s: 0}",
            "gateway_status.online 没有 online 这个值, 可选: true, false",
            "gateway_status.online is never online; one of: true, false",
        ),
        (
            "{reads: oximetry.spo2_pct, is: low}",
            "{for_s: 0}",
            'oximetry.spo2_pct 是数值: 不用 is, 写 at_or_below 等界限和 unit: "%"',
            'oximetry.spo2_pct is a number: instead of is, give a limit such as at_or_below, and unit: "%"',
        ),
        (
            "{reads: device_status.condition, at_or_below: 3}",
            "{for_s: 0}",
            "device_status.condition 不是数值: 用 is, 例如 is: connected, 不写界限和 unit",
            "device_status.condition is no number: use is, for example is: connected, without a limit or a unit",
        ),
        (
            "{reads: device_status.condition, is: silent, unit: '1'}",
            "{for_s: 0}",
            "is 与 unit 不能同写, 只留一种",
            "is excludes unit: keep one of them",
        ),
        (
            "{reads: device_status.state, is: silent}",
            "{for_s: 0}",
            (
                "没有 device_status.state, 相近的有: device_status.model, device_status.firmware, "
                "device_status.reason, device_status.manufacturer, device_status.condition"
            ),
            (
                "no value device_status.state; near it: device_status.model, device_status.firmware, "
                "device_status.reason, device_status.manufacturer, device_status.condition"
            ),
        ),
        (
            "{missing: weight.body_kg}",
            "{for_s: 0}",
            ("没有 weight.body_kg, 相近的有: weight.bmi_kg_m2, weight.weight_kg, weight.height_m"),
            ("no value weight.body_kg; near it: weight.bmi_kg_m2, weight.weight_kg, weight.height_m"),
        ),
        (
            EXAM,
            "{for_s: 0}",
            "heard 不能单独作为 when, 与测量值一起写在 all 里",
            "heard cannot be a rule's whole `when`: put it in all, beside a condition on a value",
        ),
    ],
)
def test_a_mistake_in_when_is_named_with_its_line(when: str, clear: str, zh: str, en: str) -> None:
    with pytest.raises(FileProblems) as caught:
        one_rule(when, clear)
    assert [str(one) for one in caught.value.problems] == [
        f"test.yaml:10: rules.0.when: {zh} / rules.0.when: {en}"
    ]


@pytest.mark.parametrize(
    ("when", "clear", "more", "problem"),
    [
        (
            f"{{any: [{EXAM}]}}",
            "{for_s: 0}",
            {},
            (
                "test.yaml:5: rules.0: heard 要与测量值一起写在 all 里, 单独不会解除 / rules.0: put heard in all, "
                "beside a condition on a value: by itself it would never clear"
            ),
        ),
        (
            "{reads: device_status.condition, is: 3}",
            "{for_s: 0}",
            {},
            (
                "test.yaml:10: rules.0.when.is: 写一个词、几个词的列表, 或 true/false / "
                "rules.0.when.is: give a word, a list of words, or true or false"
            ),
        ),
        (
            SILENT,
            "{at_or_above: 3}",
            {},
            (
                "test.yaml:5: rules.0: is、missing 和 band 的 clear 写 for_s: 不再是这样满多久 / "
                "rules.0: with is, missing and band, clear is a for_s: for how long it is so no more"
            ),
        ),
        (
            SILENT,
            "{is: connected}",
            {},
            (
                "test.yaml:11: rules.0.clear: clear 里带 reads、is、score 的条件写在 all 或 any 里 / "
                "rules.0.clear: in clear, conditions with reads, is or score go into all or any"
            ),
        ),
        (
            "{nothing_heard: [], for_s: 60}",
            None,
            {},
            (
                "test.yaml:10: rules.0.when.nothing_heard: 写一类数据, 或几类的列表 / "
                "rules.0.when.nothing_heard: give a kind, or a list of kinds"
            ),
        ),
        (
            "{nothing_heard: [oximetry, weight], after: weight, for_s: 60}",
            None,
            {},
            (
                "test.yaml:10: rules.0.when: after 与 nothing_heard 不能相同; 只等下一次时不写 after / "
                "rules.0.when: after and nothing_heard must differ; without after it waits for the next one"
            ),
        ),
        (
            SILENT,
            "{for_s: 0}",
            {"priority": "urgent"},
            (
                "test.yaml:12: rules.0.priority: 'urgent' 不可用, 可选: 'high', 'medium', 'low' / "
                "rules.0.priority: 'urgent' is not one of 'high', 'medium', 'low'"
            ),
        ),
        (
            "{nothing_heard: oximetry, for_s: 60}",
            None,
            {"prompt": "{zh: 请再测一次, en: again}"},
            (
                "test.yaml:5: rules.0: nothing_heard 的规则不写 prompt: 没有人在一体机前 / "
                "rules.0: a rule on nothing_heard has no prompt: nobody is at the kiosk"
            ),
        ),
        (
            SILENT,
            "{for_s: 0}",
            {"prompt": "{zh: 请再测一次, en: again}"},
            (
                "test.yaml:5: rules.0: 只看机构、设备或网关的规则不写 prompt: 一体机前没有居民 / "
                "rules.0: a rule on a site, a device or a gateway has no prompt: no resident is at the kiosk"
            ),
        ),
        (
            SILENT,
            "{for_s: 0}",
            {"prompt": "{zh: 请再测一次}"},
            (
                "test.yaml:12: rules.0.prompt.en: 缺少必填项 'en' / "
                "rules.0.prompt.en: required key 'en' is missing"
            ),
        ),
    ],
)
def test_a_mistake_elsewhere_is_named_with_its_line(
    when: str, clear: str | None, more: dict[str, str], problem: str
) -> None:
    with pytest.raises(FileProblems) as caught:
        one_rule(when, clear, **more)
    assert [str(one) for one in caught.value.problems] == [problem]
