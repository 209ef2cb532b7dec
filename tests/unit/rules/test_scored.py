"""Score tables as conditions of rules: whole scores, honest ranges, and whom a score is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cunmai_rules.scores.files import load_score
from cunmai_rules.scores.reading import Scorer
from cunmai_rules.scores.scoring import Range, Scored
from cunmai_rules.shipped import scores_dir
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Escalate
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.loader import build_rules
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_runtime.yamlfile import FileProblems
from support.rules import Story, one_rule
from support.rules_bench import Bench
from support.sms_sink import SmsSink

ADULTS = "{age_years: {at_or_above: 16}, pregnant: false}"
SEVEN = "{score: news2, at_or_above: 7}"


def story(when: str, clear: str | None = "{for_s: 0}", **more: str) -> Story:
    return Story(rules=one_rule(when, clear, **{"applies": ADULTS} | more))


def sick(told: Story, at_s: float = 0, *, leave_out: str = "", **changed: Any) -> Story:
    """3 for the breaths, 3 for SpO2, and nothing else; each part can be left out or changed."""
    kinds: dict[str, dict[str, Any]] = {
        "respiration": {"respiratory_rate_per_min": 25},
        "blood_pressure": {"systolic_mmhg": 120, "diastolic_mmhg": 70},
        "temperature": {"temperature_c": 37},
        "assessment": {"consciousness": "A", "on_oxygen": False},
        "oximetry": {"spo2_pct": 91, "pulse_bpm": 70},
    }
    for kind, values in kinds.items():
        if kind != leave_out:
            told.sees(at_s, kind, **{name: changed.get(name, value) for name, value in values.items()})
    return told


# -- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "changed", "reason"),
    [
        ("at_or_above: 7", {}, "normal"),  # 6
        ("at_or_above: 6", {}, "limit_met"),
        ("above: 6", {}, "normal"),
        ("above: 6", {"pulse_bpm": 91}, "limit_met"),  # 7
        ("at_or_above: 7", {"pulse_bpm": 91}, "limit_met"),  # 7
        ("at_or_above: 7", {"pulse_bpm": 90}, "normal"),  # 6
        ("at_or_above: 8", {"on_oxygen": True}, "limit_met"),  # 8
        ("at_or_above: 9", {"consciousness": "C"}, "limit_met"),  # 9
        ("band: [medium]", {}, "limit_met"),  # 5-6 is medium
        ("band: [high]", {}, "normal"),
        ("band: [medium, high]", {"pulse_bpm": 91}, "limit_met"),
        ("band: high", {"pulse_bpm": 91}, "limit_met"),
    ],
)
def test_a_whole_score(limit: str, changed: dict[str, Any], reason: str) -> None:
    assert sick(story(f"{{score: news2, {limit}}}"), **changed).reasons[-1] == reason


@pytest.mark.parametrize(
    ("limit", "truth"),
    [
        # No assessment: consciousness 0 or 3, oxygen 0 or 2. 6 is certain, 11 is possible.
        ("at_or_above: 6", "limit_met"),
        ("at_or_above: 7", "incomplete"),
        ("at_or_above: 11", "incomplete"),
        ("at_or_above: 12", "normal"),
        ("at_or_below: 5", "normal"),
        ("at_or_below: 6", "incomplete"),
        ("at_or_below: 11", "limit_met"),
        ("band: [low, low-medium]", "normal"),
        ("band: [medium]", "incomplete"),
        ("band: [medium, high]", "limit_met"),
    ],
)
def test_a_partial_score_is_a_range_and_not_a_number(limit: str, truth: str) -> None:
    assert sick(story(f"{{score: news2, {limit}}}"), leave_out="assessment").reasons[-1] == truth


def test_a_partial_score_is_never_green() -> None:
    told = story(SEVEN).sees(0, "oximetry", spo2_pct=98, pulse_bpm=70)
    assert (told.reasons, told.grades) == (["incomplete"], [])


def test_high_values_alone_may_be_enough() -> None:
    """3 for SpO2, 3 for the pulse, 3 for the breaths: 9 whatever else is."""
    told = story(SEVEN).sees(0, "oximetry", spo2_pct=90, pulse_bpm=135)
    told.sees(1, "respiration", respiratory_rate_per_min=30)
    assert told.reasons == ["incomplete", "limit_met"]


@pytest.mark.parametrize(("age_s", "reason"), [(3600, "limit_met"), (3601, "incomplete")])
def test_a_value_that_is_too_old_is_missing(age_s: int, reason: str) -> None:
    """3 + 3 + 2 in all; where only the oximeter's values are young enough, at least 5."""
    told = sick(story("{score: news2, at_or_above: 8, within_s: 3600}"), pulse_bpm=111)
    told.sees(age_s, "oximetry", spo2_pct=91, pulse_bpm=111)
    assert told.reasons[-1] == reason


def test_a_value_that_cannot_be_is_missing() -> None:
    """A thermometer in the cupboard, 10 degrees: 6 is certain, and 9 possible."""
    assert sick(story(SEVEN), temperature_c=10).reasons[-1] == "incomplete"


def test_the_newest_of_several_pulses_counts() -> None:
    """By the oximeter 70, then by the cuff 111: 2 points more than 6."""
    told = sick(story("{score: news2, at_or_above: 8}"))
    told.sees(10, "blood_pressure", systolic_mmhg=120, diastolic_mmhg=70, pulse_bpm=111)
    assert told.reasons[-2:] == ["normal", "limit_met"]
    assert told.sees(20, "oximetry", spo2_pct=91, pulse_bpm=70).reasons[-1] == "cleared"


def test_a_score_has_hysteresis() -> None:
    told = sick(story(SEVEN, "{below: 5, for_s: 60}"), pulse_bpm=91)  # 7
    for at_s, spo2 in ((10, 93), (20, 94), (80, 94)):
        told.sees(at_s, "oximetry", spo2_pct=spo2, pulse_bpm=70)  # 3 + 2 = 5, then 3 + 1 = 4
    assert told.reasons[-4:] == ["limit_met", "still_raised", "clearing", "cleared"]


def test_a_score_within_other_conditions() -> None:
    hot = "{reads: temperature.temperature_c, unit: Cel, at_or_above: 38.5}"
    told = sick(story(f"{{any: [{SEVEN}, {hot}]}}"), leave_out="assessment", temperature_c=38.5)
    assert told.reasons == ["incomplete", "incomplete", "limit_met", "still_raised"]


# -- what whoever is asked is told --------------------------------------------------------------------------


def said(told: Story) -> list[tuple[str, str]]:
    return [(one.said_zh, one.said_en) for one in told.actions if isinstance(one, Escalate)]


def test_a_finding_says_the_score_and_its_parts() -> None:
    told = sick(story(SEVEN), pulse_bpm=91, on_oxygen=True)  # 3 + 3 + 1 + 2
    assert said(told) == [
        (
            "国家早期预警评分 2(NEWS2) 9 分(高): 呼吸频率 3, 血氧饱和度 3, 吸氧 2, 脉率 1",
            (
                "National Early Warning Score 2 (NEWS2) 9 (high): respiratory rate 3, oxygen saturation 3, "
                "on oxygen 2, pulse 1"
            ),
        )
    ]


def test_a_partial_score_says_its_range_and_what_is_missing() -> None:
    told = story(SEVEN).sees(0, "oximetry", spo2_pct=90, pulse_bpm=135)
    told.sees(1, "respiration", respiratory_rate_per_min=30)
    assert said(told) == [
        (
            "国家早期预警评分 2(NEWS2) 9-20 分(缺 吸氧, 收缩压, 意识, 体温): 呼吸频率 3, 血氧饱和度 3, 脉率 3",
            (
                "National Early Warning Score 2 (NEWS2) 9-20 (missing on oxygen, systolic blood pressure, "
                "consciousness (ACVPU), temperature): respiratory rate 3, oxygen saturation 3, pulse 3"
            ),
        )
    ]


def test_a_message_carries_the_score(tmp_path: Path, sink: SmsSink) -> None:
    bench = Bench(tmp_path, sink, packs=RULE.encode())
    for kind, values in (
        ("respiration", {"respiratory_rate_per_min": 30}),
        ("oximetry", {"mode": "spot", "spo2_pct": 90, "pulse_bpm": 135}),
    ):
        reading = bench.reading(97, kind=kind) | values
        bench.deliver({name: value for name, value in reading.items() if kind == "oximetry" or name in values
                       or name not in ("mode", "spo2_pct", "pulse_bpm")})  # fmt: skip
    bench.notifier.send_due()
    (text,) = bench.sink.texts
    bench.close()
    assert text.startswith(
        "【村脉】红色预警: 居民 R-7F3K 国家早期预警评分 2(NEWS2) 9-20 分(缺 吸氧, 收缩压, 意识, 体温): "
        "呼吸频率 3, 血氧饱和度 3, 脉率 3, 11:04 上村卫生室. 规则 r1 1-"
    )


# -- what is known of the resident ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        (frozenset({"hypercapnic-failure", "copd"}), "normal"),  # scale 2: 88-92 gives 0
        (frozenset({"copd"}), "limit_met"),  # scale 1: <= 91 gives 3
        (frozenset(), "limit_met"),
        (None, "limit_met"),  # not documented
    ],
)
def test_scale_2_is_for_documented_hypercapnic_failure_only(
    conditions: frozenset[str] | None, reason: str
) -> None:
    told = story("{score: news2, at_or_above: 3}")
    told.facts = Facts(age_years=70, conditions=conditions)
    sick(told, spo2_pct=90, respiratory_rate_per_min=16)
    assert told.reasons[-1] == reason


@pytest.mark.parametrize(
    ("months", "rate", "reason"),
    [
        (1, 60, "limit_met"), (1, 59, "normal"), (2, 50, "limit_met"), (2, 49, "normal"), (12, 40, "limit_met"),
        (12, 39, "normal"), (61, 30, "limit_met"), (61, 29, "normal"),
        (None, 60, "limit_met"), (None, 59, "incomplete"), (None, 29, "normal"),
    ],
)  # fmt: skip
def test_a_childs_limits_go_by_the_month(months: float | None, rate: int, reason: str) -> None:
    told = story("{score: child-severe, band: severe}", applies="{age_years: {below: 14}}")
    told.facts = Facts(age_months=months)
    told.sees(0, "assessment", febrile_or_crying=False).sees(1, "oximetry", spo2_pct=98)
    assert told.sees(2, "respiration", respiratory_rate_per_min=rate).reasons[-1] == reason


def test_breaths_counted_while_crying_say_nothing() -> None:
    told = story("{score: child-severe, band: severe}", applies="{age_years: {below: 14}}")
    told.facts = Facts(age_months=30)
    told.sees(0, "assessment", febrile_or_crying=True).sees(1, "oximetry", spo2_pct=98)
    assert told.sees(2, "respiration", respiratory_rate_per_min=60).reasons[-1] == "incomplete"


NEWS2, MEOWS, CHILD = (Scorer(load_score(name)) for name in ("news2", "meows", "child-severe"))


@pytest.mark.parametrize(
    ("scorer", "facts", "for_them"),
    [
        (NEWS2, NOTHING_KNOWN, True),
        (NEWS2, Facts(age_years=16, pregnant=False), True),
        (NEWS2, Facts(age_years=15.9), False),
        (NEWS2, Facts(age_years=30, pregnant=True), False),
        (MEOWS, NOTHING_KNOWN, True),
        (MEOWS, Facts(pregnant=True), True),
        (MEOWS, Facts(pregnant=False), True),  # she may be newly delivered
        (MEOWS, Facts(pregnant=False, conditions=frozenset({"newly-delivered"})), True),
        (MEOWS, Facts(pregnant=False, conditions=frozenset()), False),
        (CHILD, Facts(age_years=13.9), True),
        (CHILD, Facts(age_years=14), False),
    ],
)
def test_whom_a_score_is_not_for(scorer: Scorer, facts: Facts, for_them: bool) -> None:
    found = scorer.outcome(AtHand({}, 0, 0, facts), None)
    assert (found is not None) is for_them


def test_where_it_is_known_that_a_score_is_not_for_somebody_the_rule_is_not_either() -> None:
    told = story(SEVEN)
    told.facts = Facts(age_years=30, pregnant=True)
    assert set(sick(told).reasons) == {"not_applicable"}


@pytest.mark.parametrize(
    ("applies", "months", "years", "fits"),
    [
        ("{age_months: {below: 2}}", 1, None, True),
        ("{age_months: {below: 2}}", 2, None, False),
        ("{age_months: {below: 2}}", None, 0, True),  # of the months of that year, some fit
        ("{age_months: {below: 2}}", None, 1, False),
        ("{age_months: {at_or_above: 2, below: 12}}", None, 40, False),
        ("{age_months: {below: 2}}", None, None, True),
    ],
)
def test_applicability_by_the_month(
    applies: str, months: float | None, years: float | None, fits: bool
) -> None:
    told = Story(
        rules=one_rule('{reads: oximetry.spo2_pct, unit: "%", below: 93}', "{above: 95}", applies=applies)
    )
    told.facts = Facts(age_years=years, age_months=months)
    assert told.reads(0, 90).reasons == ["limit_met" if fits else "not_applicable"]


# -- what it costs, and whose table it is -----------------------------------------------------------------


def test_the_same_values_are_scored_once() -> None:
    scorer = Scorer(load_score("news2"))
    for second in range(60):
        values: Any = {
            "oximetry.spo2_pct": [(second, 97 + second % 2)],
            "oximetry.pulse_bpm": [(second, 70)],
            "oximetry.perfusion_index_pct": [(second, second / 10)],
        }
        assert isinstance(scorer.outcome(AtHand(values, second, 1000), None), Range)
    remembered = scorer._remembered.cache_info()
    assert (remembered.misses, remembered.hits) == (2, 58)


RULE = (
    "pack: test\nversion: 1\ntitle: {zh: t, en: t}\nrules:\n  - id: r1\n    title: {zh: t, en: t}\n"
    f"    grade: red\n    when: {SEVEN}\n    clear: {{for_s: 0}}\n    lane: page\n    applies: {ADULTS}\n"
    "    source: a test\n"
)
SHIPPED = (scores_dir() / "news2.yaml").read_text()


def test_a_table_beside_the_packs_stands_in_for_the_shipped_one() -> None:
    harsher = SHIPPED.replace("- {from: 91, to: 110, points: 1}", "- {from: 91, to: 110, points: 3}")
    rules = [
        build_rules([("a.yaml", RULE.encode()), ("news2.yaml", text.encode())]) for text in (SHIPPED, harsher)
    ]
    told = [sick(Story(rules=one), spo2_pct=93, pulse_bpm=91) for one in rules]  # 3 + 2 + 1, or + 3
    assert [one.reasons[-1] for one in told] == ["normal", "limit_met"]
    assert rules[0].digest != rules[1].digest


def test_other_words_in_a_table_leave_the_rule_as_it_was() -> None:
    reworded = SHIPPED.replace("Royal College of Physicians", "RCP").replace("呼吸频率", "呼吸次数")
    reworded = reworded.replace("under 16 years", "children")
    assert reworded != SHIPPED
    shipped = build_rules([("a.yaml", RULE.encode())])
    own = build_rules([("a.yaml", RULE.encode()), ("news2.yaml", reworded.encode())])
    assert shipped.digest == own.digest


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED, "c.yaml": SHIPPED},
            "c.yaml:3: 评分 news2 在 b.yaml 已有 / score news2 is already in b.yaml",
        ),
        (
            {"b.yaml": SHIPPED},
            "packs:1: 目录里没有阈值文件(*.yaml) / there is no threshold file (*.yaml)",
        ),
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED.replace("reads: oximetry.spo2_pct", "reads: temperature.temperature_c")},
            (
                "b.yaml:16: spo2: temperature.temperature_c 的单位是 'Cel', 不是 '%' / "
                "temperature.temperature_c is in 'Cel', not '%'"
            ),
        ),
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED.replace("reads: oximetry.spo2_pct", "reads: oximetry.spo2")},
            (
                "b.yaml:16: spo2: 没有 oximetry.spo2, 相近的有: oximetry.spo2_pct, oximetry.mode, "
                "oximetry.pulse_bpm, oximetry.perfusion_index_pct / no value oximetry.spo2; near it: "
                "oximetry.spo2_pct, oximetry.mode, oximetry.pulse_bpm, oximetry.perfusion_index_pct"
            ),
        ),
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED.replace("[A, C, V, P, U]", "[A, V, P, U]").replace("C: 3, ", "")},
            (
                "b.yaml:31: consciousness: choices 缺少 assessment.consciousness 的 C / "
                "choices lack what assessment.consciousness can be: C"
            ),
        ),
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED.replace("hypercapnic-failure: 2", "hypercapnic-failure: 3")},
            "b.yaml:19: scale: 3 不是选项 / 3 is no choice of it",
        ),
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED.replace("reads: assessment.on_oxygen", "by_condition: {copd: true}")},
            "b.yaml:24: on_oxygen: by_condition 要有 choices 和 default / by_condition needs choices and a default",
        ),
        (
            {"a.yaml": RULE, "b.yaml": SHIPPED.replace("reads: oximetry.spo2_pct", "reads: [], fact: pregnant,"
                                                       " by_condition: {copd: 1}")},
            "b.yaml:16: spo2: reads, fact, by_condition 只写一个 / give one of reads, fact and by_condition",
        ),
    ],
)  # fmt: skip
def test_a_wrong_table_is_named_with_its_line(files: dict[str, str], problem: str) -> None:
    with pytest.raises(FileProblems) as caught:
        build_rules([(name, text.encode()) for name, text in files.items()])
    assert [str(one) for one in caught.value.problems] == [problem]


# -- in words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "zh", "en"),
    [
        (SEVEN, "国家早期预警评分 2(NEWS2) ≥ 7 分", "National Early Warning Score 2 (NEWS2) at or above 7"),
        (
            "{score: news2, band: [medium, high], for_s: 60}",
            "国家早期预警评分 2(NEWS2): 中或高 持续 1 分钟",
            "National Early Warning Score 2 (NEWS2): medium or high for 1 min",
        ),
    ],
)
def test_a_rule_in_one_sentence(when: str, zh: str, en: str) -> None:
    rule = one_rule(when, "{for_s: 0}", applies=ADULTS).by_id["r1"].rule
    assert (rule_sentence(rule, "zh"), rule_sentence(rule, "en")) == (zh, en)


# -- mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "zh", "en"),
    [
        (
            "{score: news3, at_or_above: 7}",
            "没有评分 'news3', 可选: child-severe, meows, news2, risk-colour",
            "there is no score 'news3'; there are: child-severe, meows, news2, risk-colour",
        ),
        (
            "{score: risk-colour, band: red}",
            "评分 risk-colour 不能用于规则: disease, vaccination 没有写 reads、fact 或 by_condition",
            "score risk-colour is not for rules: its disease, vaccination have no reads, fact or by_condition",
        ),
        (
            "{score: news2, band: severe}",
            "评分 news2 没有等级 severe, 可选: low, low-medium, medium, high",
            "score news2 has no band severe; there are: low, low-medium, medium, high",
        ),
        (
            "{score: news2, at_or_above: 21}",
            "评分 news2 只有 0 到 20 分, 永远达不到",
            "score news2 is 0 to 20: this is never met",
        ),
        (
            "{score: news2, band: high, at_or_above: 7}",
            "band, at_or_above 只写一个",
            "give only one of band, at_or_above",
        ),
        (
            '{score: news2, at_or_above: 7, unit: "1"}',
            "评分没有单位, 去掉 unit",
            "a score has no unit: drop unit",
        ),
        (
            "{score: news2}",
            "界限必须恰好写一个: at_or_below, below, at_or_above, above",
            "give exactly one of at_or_below, below, at_or_above, above",
        ),
    ],
)
def test_a_mistake_in_when_is_named_with_its_line(when: str, zh: str, en: str) -> None:
    with pytest.raises(FileProblems) as caught:
        one_rule(when, "{for_s: 0}", applies=ADULTS)
    assert [str(one) for one in caught.value.problems] == [
        f"test.yaml:10: rules.0.when: {zh} / rules.0.when: {en}"
    ]


@pytest.mark.parametrize(
    ("score", "applies", "zh", "en"),
    [
        (SEVEN, "{}", "评分 news2 不适用于16 岁以下: 在 applies 写 age_years: {at_or_above: 16}",
         "score news2 is not for under 16 years: in applies, write age_years: {at_or_above: 16}"),
        (SEVEN, "{age_years: {at_or_above: 15}, pregnant: false}",
         "评分 news2 不适用于16 岁以下: 在 applies 写 age_years: {at_or_above: 16}",
         "score news2 is not for under 16 years: in applies, write age_years: {at_or_above: 16}"),
        (SEVEN, "{age_years: {above: 15.9}}",
         "评分 news2 不适用于16 岁以下: 在 applies 写 age_years: {at_or_above: 16}",
         "score news2 is not for under 16 years: in applies, write age_years: {at_or_above: 16}"),
        (SEVEN, "{age_years: {at_or_above: 16}}", "评分 news2 不适用于孕妇(请用 meows): 在 applies 写 pregnant: false",
         "score news2 is not for pregnancy (use meows): in applies, write pregnant: false"),
        ("{score: meows, at_or_above: 7}", "{}",
         "评分 meows 不适用于非孕产妇(请用 news2): 在 applies 写 pregnant: true",
         "score meows is not for anyone not pregnant or newly delivered (use news2): in applies, write pregnant: true"),
        ("{score: child-severe, band: severe}", "{age_years: {at_or_below: 14}}",
         "评分 child-severe 不适用于14 岁及以上: 在 applies 写 age_years: {below: 14}",
         "score child-severe is not for 14 years and older: in applies, write age_years: {below: 14}"),
        (f"{{all: [{SEVEN}]}}", "{pregnant: false}",
         "评分 news2 不适用于16 岁以下: 在 applies 写 age_years: {at_or_above: 16}",
         "score news2 is not for under 16 years: in applies, write age_years: {at_or_above: 16}"),
    ],
)  # fmt: skip
def test_a_rule_that_leaves_people_in_whom_the_score_is_not_for_is_told(
    score: str, applies: str, zh: str, en: str
) -> None:
    with pytest.raises(FileProblems) as caught:
        one_rule(score, "{for_s: 0}", applies=applies)
    assert [str(one) for one in caught.value.problems] == [f"test.yaml:5: rules.0: {zh} / rules.0: {en}"]


@pytest.mark.parametrize(
    ("score", "applies"),
    [
        (SEVEN, "{age_years: {above: 16}, pregnant: false}"),
        (SEVEN, "{age_months: {at_or_above: 192}, pregnant: false}"),
        ("{score: meows, at_or_above: 7}", "{pregnant: true}"),
        ("{score: meows, at_or_above: 7}", "{conditions: [newly-delivered]}"),
        ("{score: child-severe, band: severe}", "{age_months: {below: 168}}"),
    ],
)
def test_a_rule_that_leaves_them_out_loads(score: str, applies: str) -> None:
    assert one_rule(score, "{for_s: 0}", applies=applies).by_id


def test_a_whole_score_of_the_scorer_is_that_of_the_table() -> None:
    values: Any = {
        "respiration.respiratory_rate_per_min": [(0, 25)], "oximetry.spo2_pct": [(0, 91)],
        "oximetry.pulse_bpm": [(0, 91)], "blood_pressure.systolic_mmhg": [(0, 120)],
        "temperature.temperature_c": [(0, 37.0)], "assessment.consciousness": [(0, "A")],
        "assessment.on_oxygen": [(0, False)],
    }  # fmt: skip
    found = NEWS2.outcome(AtHand(values, 0, 1), None)
    assert isinstance(found, Scored)
    assert (found.score, found.band) == (7, "high")
