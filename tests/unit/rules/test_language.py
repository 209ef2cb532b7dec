"""What threshold files can say beyond one limit, by stories."""

from __future__ import annotations

import pytest

from cunmai_rules.thresholds.applies import Applies, Facts, PersonalLimits
from cunmai_rules.thresholds.catalogue import KIND_NAMES
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_rules.thresholds.state import rule_states
from cunmai_runtime.yamlfile import FileProblems
from support.rules import one_rule, story

LOW = '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93}'
FAST = '{reads: oximetry.pulse_bpm, unit: "/min", above: 110}'
HOT = "{reads: temperature.temperature_c, unit: Cel, at_or_above: 38.5}"
DAY = 86_400


# -- all, any, not: truth tables, with unknown -----------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "spo2", "temperature", "reason"),
    [
        (f"{{all: [{LOW}, {HOT}]}}", 90, 39, "limit_met"),
        (f"{{all: [{LOW}, {HOT}]}}", 97, 39, "normal"),
        (f"{{all: [{LOW}, {HOT}]}}", 90, 37, "normal"),
        (f"{{all: [{LOW}, {HOT}]}}", 90, None, "incomplete"),
        (f"{{all: [{LOW}, {HOT}]}}", 97, None, "normal"),  # false whatever the temperature is
        (f"{{any: [{LOW}, {HOT}]}}", 90, None, "limit_met"),  # true whatever the temperature is
        (f"{{any: [{LOW}, {HOT}]}}", 97, None, "incomplete"),
        (f"{{any: [{LOW}, {HOT}]}}", 97, 37, "normal"),
        (f"{{all: [{LOW}, {{not: {HOT}}}]}}", 90, 37, "limit_met"),
        (f"{{all: [{LOW}, {{not: {HOT}}}]}}", 90, 39, "normal"),
        (f"{{all: [{LOW}, {{not: {HOT}}}]}}", 90, None, "incomplete"),
    ],
)
def test_combined_conditions(when: str, spo2: float, temperature: float | None, reason: str) -> None:
    told = story(when)
    if temperature is not None:
        told.sees(0, "temperature", temperature_c=temperature)
    told.sees(1, "oximetry", spo2_pct=spo2)
    assert told.reasons[-1] == reason


def test_an_input_that_is_missing_is_unknown_and_never_green() -> None:
    told = story(f"{{any: [{LOW}, {HOT}]}}").sees(0, "oximetry", spo2_pct=98)
    assert (told.reasons, told.grades) == (["incomplete"], [])


@pytest.mark.parametrize(("age_s", "reason"), [(900, "limit_met"), (901, "incomplete")])
def test_an_input_that_is_too_old_is_unknown(age_s: int, reason: str) -> None:
    told = story(f"{{all: [{LOW}, {HOT}]}}").sees(0, "temperature", temperature_c=39)
    assert told.sees(age_s, "oximetry", spo2_pct=90).reasons[-1] == reason


@pytest.mark.parametrize(("age_s", "reason"), [(7200, "limit_met"), (7201, "incomplete")])
def test_how_old_an_input_may_be_can_be_said(age_s: int, reason: str) -> None:
    hot = HOT.replace("}", ", within_s: 7200}")
    told = story(f"{{all: [{LOW}, {hot}]}}").sees(0, "temperature", temperature_c=39)
    assert told.sees(age_s, "oximetry", spo2_pct=90).reasons[-1] == reason


def test_two_values_of_one_reading() -> None:
    told = story(f"{{all: [{LOW}, {FAST}], for_s: 15}}", "{for_s: 30}")
    for at_s in range(16):
        told.sees(at_s, "oximetry", spo2_pct=92, pulse_bpm=120)
    assert told.escalations == [("page", "limit_met", 15)]
    told.sees(20, "oximetry", spo2_pct=92, pulse_bpm=100).sees(50, "oximetry", spo2_pct=92, pulse_bpm=100)
    assert told.grades[-1] == ("green", 50)


def test_a_combined_rule_can_have_hysteresis() -> None:
    clear = '{all: [{reads: oximetry.spo2_pct, unit: "%", at_or_above: 95}], for_s: 30}'
    told = story(f"{{all: [{LOW}, {FAST}]}}", clear).sees(0, "oximetry", spo2_pct=92, pulse_bpm=120)
    told.sees(10, "oximetry", spo2_pct=94, pulse_bpm=90).sees(60, "oximetry", spo2_pct=94, pulse_bpm=90)
    assert told.reasons[-1] == "still_raised"
    told.sees(70, "oximetry", spo2_pct=95, pulse_bpm=90).sees(100, "oximetry", spo2_pct=95, pulse_bpm=90)
    assert told.grades[-1] == ("green", 100)


def test_a_flagged_value_is_no_input() -> None:
    told = story(f"{{all: [{LOW}, {HOT}]}}").sees(0, "temperature", "questionable", temperature_c=39)
    assert told.sees(1, "oximetry", spo2_pct=90).reasons == ["quality_gated", "incomplete"]


# -- counts -------------------------------------------------------------------------------------------------

TWO_OF_THREE = LOW.replace("}", ", at_least: 2, of_last: 3, within_s: 1800}")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([90], "incomplete"),
        ([97, 97], "normal"),
        ([90, 97], "normal"),  # the newest meets the clearing limit
        ([90, 95], "incomplete"),
        ([90, 97, 90], "limit_met"),
        ([90, 90], "limit_met"),
        ([90, 97, 97, 90], "normal"),
        ([93, 93], "limit_met"),
        ([93, 93.1, 94], "normal"),
    ],
)
def test_two_of_the_last_three(values: list[float], reason: str) -> None:
    told = story(TWO_OF_THREE, "{at_or_above: 96}")
    for n, value in enumerate(values):
        told.sees(n * 300, "oximetry", spo2_pct=value)
    assert told.reasons[-1] == reason


def test_a_count_looks_back_only_so_far() -> None:
    told = story(TWO_OF_THREE, "{at_or_above: 96}").sees(0, "oximetry", spo2_pct=90)
    assert told.sees(1801, "oximetry", spo2_pct=90).reasons[-1] == "incomplete"
    assert told.sees(1802, "oximetry", spo2_pct=90).reasons[-1] == "limit_met"


# -- change ----------------------------------------------------------------------------------------------------

FALLS = '{reads: oximetry.spo2_pct, unit: "%", falls_by: 4, within_s: 600}'


@pytest.mark.parametrize(
    ("values", "raised"), [([98, 94], True), ([98, 94.1], False), ([94, 98], False), ([98, 97, 94], True)]
)
def test_a_fall(values: list[float], raised: bool) -> None:
    told = story(FALLS)
    for n, value in enumerate(values):
        told.sees(n * 60, "oximetry", spo2_pct=value)
    assert bool(told.escalations) is raised


@pytest.mark.parametrize(("gap_s", "raised"), [(600, True), (601, False)])
def test_a_fall_is_within_a_span(gap_s: int, raised: bool) -> None:
    told = story(FALLS).sees(0, "oximetry", spo2_pct=98).sees(gap_s, "oximetry", spo2_pct=94)
    assert bool(told.escalations) is raised


def test_a_rise() -> None:
    when = "{reads: weight.weight_kg, unit: kg, rises_by: 2, within_s: 259200}"
    told = story(when).sees(0, "weight", weight_kg=60).sees(2 * DAY, "weight", weight_kg=62)
    assert told.escalations == [("page", "limit_met", 2 * DAY)]


def test_one_value_alone_is_no_change_and_not_normal_either() -> None:
    assert story(FALLS).sees(0, "oximetry", spo2_pct=90).reasons == ["incomplete"]


# -- silence ---------------------------------------------------------------------------------------------------


def test_a_missed_follow_up_is_raised_when_it_is_due_and_ends_when_it_comes() -> None:
    told = story("{nothing_heard: oximetry, for_s: 86400}", None, lane="review")
    told.sees(0, "oximetry", spo2_pct=97).passes(DAY)
    assert told.escalations == []
    told.passes(DAY + 1).passes(3 * DAY)
    assert told.escalations == [("review", "nothing_heard", 0)]
    assert told.sources == [("s", 1)]
    told.sees(3 * DAY, "oximetry", spo2_pct=97)
    assert [grade for grade, _ in told.grades] == ["green", "red", "green"]
    assert len(told.passes(5 * DAY).escalations) == 2


def test_a_wait_that_begins_with_another_kind() -> None:
    """An exam, and no weighing within a day."""
    when = "{nothing_heard: weight, after: ultrasound_exam, for_s: 86400}"
    told = story(when, None).sees(0, "weight", weight_kg=60).passes(2 * DAY)
    assert told.escalations == []
    told.sees(2 * DAY, "ultrasound_exam").sees(2 * DAY + 3600, "ultrasound_exam")
    told.sees(3 * DAY, "weight", weight_kg=60).passes(4 * DAY)
    assert told.escalations == []  # it came in time
    told.sees(5 * DAY, "ultrasound_exam").passes(7 * DAY)
    assert told.escalations == [("page", "nothing_heard", 5 * DAY)]


def test_hearing_after_a_long_silence_still_tells_the_silence() -> None:
    told = story("{nothing_heard: oximetry, for_s: 86400}", None)
    told.sees(0, "oximetry", spo2_pct=97).sees(3 * DAY, "oximetry", spo2_pct=97)
    assert told.escalations == [("page", "nothing_heard", 0)]
    assert [grade for grade, _ in told.grades] == ["green", "red", "green"]


# -- tables and sites --------------------------------------------------------------------------------------------


def test_the_worst_of_a_table_counts() -> None:
    when = "{reads: site_status.stock_days, unit: d, below: 14}"
    told = story(when, "{at_or_above: 14}").sees(0, "site_status", stock_days={"a": 20.0, "b": 14.0})
    assert told.reasons == ["normal"]
    assert told.sees(60, "site_status", stock_days={"a": 20.0, "b": 13.9}).reasons[-1] == "limit_met"
    assert told.sees(70, "site_status", stock_days={}).reasons[-1] == "no_value"


def test_a_queue() -> None:
    when = '{reads: site_status.waiting_count, unit: "{person}", at_or_above: 30, for_s: 600, gap_s: 900}'
    told = story(when, "{below: 20}")
    for at_s in range(0, 601, 300):
        told.sees(at_s, "site_status", waiting_count=30)
    assert told.escalations == [("page", "limit_met", 600)]


# -- whom it applies to --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("applies", "facts", "fits"),
    [
        ("{age_years: {at_or_above: 16}}", Facts(age_years=16), True),
        ("{age_years: {at_or_above: 16}}", Facts(age_years=15.9), False),
        ("{age_years: {at_or_above: 1, below: 5}}", Facts(age_years=5), False),
        ("{age_years: {at_or_above: 16}}", Facts(), True),  # not known: not taken away
        ("{pregnant: true}", Facts(pregnant=False), False),
        ("{pregnant: true}", Facts(pregnant=True), True),
        ("{pregnant: false}", Facts(pregnant=True), False),
        ("{pregnant: true}", Facts(), True),
        ("{conditions: [copd, asthma]}", Facts(conditions=frozenset({"asthma"})), True),
        ("{conditions: [copd]}", Facts(conditions=frozenset()), False),
        ("{conditions: [copd]}", Facts(), True),
        ("{without_conditions: [copd]}", Facts(conditions=frozenset({"copd"})), False),
        ("{without_conditions: [copd]}", Facts(conditions=frozenset()), True),
        ("{risk_colour: [red, yellow]}", Facts(risk_colour="green"), False),
        ("{risk_colour: [red, yellow]}", Facts(risk_colour="red"), True),
        ("{}", Facts(altitude_m=2500), True),
        ("{}", Facts(altitude_m=2501), False),  # the default limits are refused above 2,500 m
        ("{altitude_m: {above: 2500, at_or_below: 3500}}", Facts(altitude_m=3000), True),
        ("{altitude_m: {above: 2500, at_or_below: 3500}}", Facts(altitude_m=2500), False),
    ],
)
def test_applicability(applies: str, facts: Facts, fits: bool) -> None:
    told = story(LOW, "{at_or_above: 95}", applies=applies)
    told.facts = facts
    told.sees(0, "oximetry", spo2_pct=90)
    assert told.reasons == ["limit_met" if fits else "not_applicable"]
    assert bool(rule_states(told.state)) is fits


def test_altitude_does_not_matter_to_other_values() -> None:
    told = story(HOT, "{below: 38}")
    told.facts = Facts(altitude_m=4000)
    assert told.sees(0, "temperature", temperature_c=39).escalations


def test_a_rule_that_ceases_to_apply_grades_nobody() -> None:
    told = story(LOW, "{at_or_above: 95}", applies="{pregnant: true}").sees(0, "oximetry", spo2_pct=90)
    told.facts = Facts(pregnant=False)
    told.passes(10)
    assert told.grades == [("red", 0), ("grey", 10)]
    assert rule_states(told.state) == {}


def test_a_residents_own_limits_stand_in_for_the_rules() -> None:
    told = story(LOW, "{at_or_above: 95}")
    told.facts = Facts(limits={"r1": PersonalLimits(raises=88, clears=90)})
    told.sees(0, "oximetry", spo2_pct=89).sees(10, "oximetry", spo2_pct=90)
    assert told.escalations == []
    told.sees(20, "oximetry", spo2_pct=88).sees(30, "oximetry", spo2_pct=90)
    assert told.reasons == ["normal", "normal", "limit_met", "cleared"]


# -- in words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "clear", "zh", "en"),
    [
        (
            LOW.replace("}", ", for_s: 15}"),
            "{at_or_above: 95}",
            "血氧饱和度 ≤ 93 % 持续 15 秒",
            "Oxygen saturation in arterial blood by pulse oximetry at or below 93 % for 15 s",
        ),
        (
            f"{{all: [{FAST}, {{not: {HOT}}}]}}",
            "{for_s: 60}",
            "脉率 > 110 次/分 并且 (不满足 体温 ≥ 38.5 ℃)",
            "Heart rate by pulse oximetry above 110 /min and (not Body temperature at or above 38.5 °C)",
        ),
        (
            FAST.replace("}", ", at_least: 2, of_last: 3}"),
            "{below: 100}",
            "最近 3 次中至少 2 次 脉率 > 110 次/分",
            "2 of the last 3: Heart rate by pulse oximetry above 110 /min",
        ),
        (
            FAST.replace("}", ", at_least: 2, of_last: 3, within_s: 604800}"),
            "{below: 100}",
            "7 天内最近 3 次中至少 2 次 脉率 > 110 次/分",
            "2 of the last 3 within 7 d: Heart rate by pulse oximetry above 110 /min",
        ),
        (
            "{reads: weight.weight_kg, unit: kg, rises_by: 2, within_s: 259200}",
            "{for_s: 60}",
            "体重 3 天内上升至少 2 kg",
            "Body weight rises by at least 2 kg within 3 d",
        ),
        (
            "{nothing_heard: weight, after: ultrasound_exam, for_s: 86400}",
            None,
            "超声检查后 1 天没有体重测量",
            "no weight for 1 d after ultrasound exam",
        ),
    ],
)
def test_a_rule_in_one_sentence(when: str, clear: str | None, zh: str, en: str) -> None:
    rule = one_rule(when, clear).by_id["r1"].rule
    assert (rule_sentence(rule, "zh"), rule_sentence(rule, "en")) == (zh, en)


# -- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "clear", "more", "problem"),
    [
        (
            LOW,
            None,
            {},
            "test.yaml:5: rules.0: 缺少必填项 'clear' / rules.0: required key 'clear' is missing",
        ),
        (
            LOW,
            "{for_s: 30}",
            {},
            (
                "test.yaml:5: rules.0: clear 必须写一个界限, 例如 at_or_above: 95 / "
                "rules.0: clear needs a limit, for example at_or_above: 95"
            ),
        ),
        (
            f"{{all: [{LOW}]}}",
            "{at_or_above: 95}",
            {},
            (
                "test.yaml:5: rules.0: 组合条件的 clear 写 for_s, 或用 all/any 列出带 reads 的条件 / "
                "rules.0: for a combined condition, clear is a for_s, or all/any with conditions that say "
                "what they read"
            ),
        ),
        (
            "{nothing_heard: oximetry, for_s: 60}",
            "{for_s: 30}",
            {},
            (
                "test.yaml:5: rules.0: nothing_heard 的规则不写 clear: 再次收到就解除 / "
                "rules.0: a rule on nothing_heard has no clear: hearing something ends it"
            ),
        ),
        (
            "{nothing_heard: oximetry, after: oximetry, for_s: 60}",
            None,
            {},
            (
                "test.yaml:10: rules.0.when: after 与 nothing_heard 不能相同; 只等下一次时不写 after / "
                "rules.0.when: after and nothing_heard must differ; without after it waits for the next one"
            ),
        ),
        (
            f"{{all: [{LOW}, {{nothing_heard: oximetry, for_s: 60}}]}}",
            "{for_s: 0}",
            {},
            (
                "test.yaml:10: rules.0.when.all.1: nothing_heard 只能单独作为 when / "
                "rules.0.when.all.1: nothing_heard can only be a rule's whole `when`"
            ),
        ),
        (
            LOW.replace("}", ", at_least: 4, of_last: 3}"),
            "{at_or_above: 95}",
            {},
            (
                "test.yaml:10: rules.0.when: at_least 4 大于 of_last 3 / "
                "rules.0.when: at_least 4 is more than of_last 3"
            ),
        ),
        (
            LOW.replace("}", ", at_least: 2}"),
            "{at_or_above: 95}",
            {},
            (
                "test.yaml:10: rules.0.when.of_last: 缺少必填项 'of_last' / "
                "rules.0.when.of_last: required key 'of_last' is missing"
            ),
        ),
        (
            FALLS.replace("falls_by: 4", "falls_by: 4, rises_by: 4"),
            "{for_s: 0}",
            {},
            (
                "test.yaml:10: rules.0.when: falls_by 和 rises_by 必须恰好写一个 / "
                "rules.0.when: give exactly one of falls_by and rises_by"
            ),
        ),
        (
            FALLS.replace('"%"', '"kPa"'),
            "{for_s: 0}",
            {},
            (
                "test.yaml:10: rules.0.when: oximetry.spo2_pct 的单位是 '%', 不是 'kPa' / "
                "rules.0.when: oximetry.spo2_pct is in '%', not 'kPa'"
            ),
        ),
        (
            f"{{all: [{LOW.replace('at_or_below', 'at_or_bellow')}]}}",
            "{for_s: 0}",
            {},
            (
                "test.yaml:10: rules.0.when.all.0.at_or_bellow: 不认识的键 'at_or_bellow', 是不是 'at_or_below'? / "
                "rules.0.when.all.0.at_or_bellow: unknown key 'at_or_bellow'; did you mean 'at_or_below'?"
            ),
        ),
        (
            "{any: []}",
            "{for_s: 0}",
            {},
            "test.yaml:10: rules.0.when.any: [] 至少需要 1 项 / rules.0.when.any: [] needs at least 1 items",
        ),
        (
            "{nothing_heard: spo2, for_s: 60}",
            None,
            {},
            (
                f"test.yaml:10: rules.0.when.nothing_heard: 没有 spo2 这类数据, 可选: {', '.join(KIND_NAMES)} / "
                f"rules.0.when.nothing_heard: no kind spo2; one of: {', '.join(KIND_NAMES)}"
            ),
        ),
        (
            LOW,
            "{at_or_above: 95}",
            {"applies": "{age_years: {at_or_above: 65, below: 16}}"},
            (
                "test.yaml:12: rules.0.applies.age_years: 范围的下限高于上限 / "
                "rules.0.applies.age_years: the lower bound is above the upper bound"
            ),
        ),
        (
            LOW,
            "{at_or_above: 95}",
            {"applies": "{altitude_m: {}}"},
            (
                "test.yaml:12: rules.0.applies.altitude_m: 范围写一个下限、一个上限或两个都写 / "
                "rules.0.applies.altitude_m: give a lower bound, an upper bound, or one of each"
            ),
        ),
        (
            LOW,
            "{at_or_above: 95}",
            {"quality": "{doubt_after_s: 5}"},
            (
                "test.yaml:12: rules.0.quality.doubt_after_s: 5 不能小于 10 / "
                "rules.0.quality.doubt_after_s: 5 should be at least 10"
            ),
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    when: str, clear: str | None, more: dict[str, str], problem: str
) -> None:
    with pytest.raises(FileProblems) as caught:
        one_rule(when, clear, **more)
    assert problem in [str(one) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("applies", "facts", "default", "left_out"),
    [
        ({"pregnant": True}, Facts(), True, False),
        ({"pregnant": True}, Facts(pregnant=True), True, True),
        ({"pregnant": True}, Facts(pregnant=False), False, False),
        ({"age_years": {"below": 16}}, Facts(), True, False),
        ({"age_years": {"below": 16}}, Facts(age_years=15), True, True),
        ({"age_months": {"below": 168}}, Facts(age_band_years=(0, 5)), True, True),
        ({"conditions": ["diabetes"]}, Facts(), True, False),
        ({"conditions": ["diabetes"]}, Facts(conditions=frozenset({"diabetes"})), True, True),
        ({"without_conditions": ["copd"]}, Facts(), True, False),
        ({"risk_colour": ["red"]}, Facts(), True, False),
        ({"risk_colour": ["red"]}, Facts(risk_colour="red"), True, True),
        # The altitude is the clinic's, not the resident's: it never leaves anybody out by being unknown.
        ({"altitude_m": {"at_or_below": 2500}}, Facts(), True, True),
    ],
)
def test_whom_nothing_is_known_of(
    applies: dict[str, object], facts: Facts, default: bool, left_out: bool
) -> None:
    assert Applies.model_validate(applies).fits(facts, reads_spo2=True) is default
    careful = Applies.model_validate(applies | {"where_unknown": "does_not"})
    assert careful.fits(facts, reads_spo2=True) is left_out
