"""Whole rules as packs will have them: sites, devices together, a resident's own limits. Worked out by hand."""

from __future__ import annotations

import pytest

from cunmai_rules.thresholds.applies import Facts, PersonalLimits
from support.rules import Story, one_rule

DAY = 86_400
HOUR = 3600


def story(when: str, clear: str | None = None, **more: str) -> Story:
    return Story(rules=one_rule(when, clear, **more))


# -- a resident's own limits --------------------------------------------------------------------------------

SYSTOLIC = 'reads: blood_pressure.systolic_mmhg, unit: "mm[Hg]", at_or_above: 140'
PRESSURE = f"{{{SYSTOLIC}}}"


def pressures(told: Story, *systolic: float, own: PersonalLimits | None = None) -> list[str]:
    """Why each of these pressures, a day apart, was decided on as it was."""
    told.facts = Facts(limits={} if own is None else {"r1": own})
    for day, value in enumerate(systolic):
        told.sees(day * DAY, "blood_pressure", systolic_mmhg=value, diastolic_mmhg=80)
    return told.reasons


def test_a_residents_own_limits_for_blood_pressure() -> None:
    more = {"stale_after_s": "2592000"}
    assert pressures(story(PRESSURE, "{below: 140}", **more), 139, 140, 139) == [
        "normal",
        "limit_met",
        "cleared",
    ]
    own = PersonalLimits(raises=150, clears=145)
    found = pressures(story(PRESSURE, "{below: 140}", **more), 149, 150, 145, 144, own=own)
    assert found == ["normal", "limit_met", "still_raised", "cleared"]


def test_own_limits_hold_for_two_of_three_as_well() -> None:
    when = f"{{{SYSTOLIC}, at_least: 2, of_last: 3, within_s: 2592000}}"
    own = PersonalLimits(raises=150, clears=150)
    assert pressures(story(when, "{below: 140}"), 140, 140) == ["incomplete", "limit_met"]
    assert pressures(story(when, "{below: 140}"), 149, 149, own=own) == ["normal", "normal"]
    assert pressures(story(when, "{below: 140}"), 150, 155, own=own) == ["incomplete", "limit_met"]


@pytest.mark.parametrize(
    "own",
    [
        PersonalLimits(raises=150, clears=160),  # 155 would raise and clear at once
        PersonalLimits(raises=float("nan"), clears=140),
    ],
)
def test_own_limits_that_cannot_be_leave_the_rules(own: PersonalLimits) -> None:
    """A rule that judges nothing would be worse."""
    assert pressures(story(PRESSURE, "{below: 140}"), 139, 140, own=own) == ["normal", "limit_met"]


def test_own_limits_for_a_rule_without_a_single_limit_leave_it_as_it_is() -> None:
    both = f'{{any: [{PRESSURE}, {{reads: blood_pressure.diastolic_mmhg, unit: "mm[Hg]", at_or_above: 90}}]}}'
    own = PersonalLimits(raises=150, clears=145)
    assert pressures(story(both, "{for_s: 0}"), 139, 140, own=own) == ["normal", "limit_met"]


def test_own_limits_for_glucose_hold_at_both_sides_by_two_rules() -> None:
    high = story("{reads: glucose.glucose_mmol_l, unit: mmol/L, at_or_above: 16.7}", "{below: 13}")
    low = story("{reads: glucose.glucose_mmol_l, unit: mmol/L, at_or_below: 3.9}", "{above: 4.4}")
    for told, own in ((high, PersonalLimits(20, 18)), (low, PersonalLimits(3, 3.5))):
        told.facts = Facts(limits={"r1": own})
        for at_s, value in enumerate((3.9, 3.0, 16.7, 20.0)):
            told.sees(at_s, "glucose", glucose_mmol_l=value)
    assert high.reasons == ["normal", "normal", "normal", "limit_met"]
    assert low.reasons == ["normal", "limit_met", "cleared", "normal"]


# -- a site: queue, beds, stock -----------------------------------------------------------------------------

WAITING = '{{reads: site_status.waiting_count, unit: "{{person}}", at_or_above: {limit}, for_s: {for_s}, gap_s: 900}}'


@pytest.mark.parametrize(
    ("waiting", "raised"),
    [(29, [False, False]), (30, [True, False]), (49, [True, False]), (50, [True, True])],
)
def test_a_fever_clinics_queue_of_30_warns_and_of_50_alarms(waiting: int, raised: list[bool]) -> None:
    warns = story(WAITING.format(limit=30, for_s=600), "{at_or_below: 20, for_s: 600}", grade="yellow")
    alarms = story(WAITING.format(limit=50, for_s=0), "{below: 40}")
    for told in (warns, alarms):
        for at_s in (0, 300, 600):
            told.sees(at_s, "site_status", waiting_count=waiting)
    assert [bool(told.escalations) for told in (warns, alarms)] == raised


def test_a_queue_clears_when_it_has_been_short_for_ten_minutes() -> None:
    told = story(WAITING.format(limit=30, for_s=0), "{at_or_below: 20, for_s: 600}", grade="yellow")
    told.sees(0, "site_status", waiting_count=35).sees(300, "site_status", waiting_count=20)
    told.sees(600, "site_status", waiting_count=21).sees(800, "site_status", waiting_count=12)
    told.sees(1400, "site_status", waiting_count=10)
    assert told.reasons == ["limit_met", "clearing", "still_raised", "clearing", "cleared"]


@pytest.mark.parametrize(("beds", "reason"), [(0, "limit_met"), (1, "normal"), (None, "no_value")])
def test_no_bed_is_free(beds: int | None, reason: str) -> None:
    told = story('{reads: site_status.free_beds_count, unit: "{bed}", below: 1}', "{at_or_above: 1}")
    values = {} if beds is None else {"free_beds_count": beds}
    assert told.sees(0, "site_status", waiting_count=3, **values).reasons == [reason]


def test_of_the_medicines_the_one_that_lasts_shortest_counts() -> None:
    told = story("{reads: site_status.stock_days, unit: d, below: 14}", "{at_or_above: 21}", grade="yellow")
    for hour, stock in enumerate(
        ({"ibuprofen": 30.0, "paxlovid": 14.0}, {"ibuprofen": 30.0, "paxlovid": 13.0}, {"paxlovid": 20.0},
         {"ibuprofen": 12.0, "paxlovid": 40.0}, {"ibuprofen": 21.0, "paxlovid": 40.0})
    ):  # fmt: skip
        told.sees(hour * 60, "site_status", stock_days=stock)
    assert told.reasons == ["normal", "limit_met", "still_raised", "still_raised", "cleared"]


# -- devices together ---------------------------------------------------------------------------------------

OVERDUE = "{nothing_heard: ultrasound_report, after: ultrasound_exam, for_s: 86400}"


def test_an_exam_without_a_report_within_24_hours() -> None:
    told = story(OVERDUE, lane="review").sees(0, "ultrasound_exam", study_uid="1.2.3").passes(DAY)
    assert told.escalations == []
    told.passes(DAY + 1)
    assert told.escalations == [("review", "nothing_heard", 0)]
    assert told.sources == [("s", 1)]  # the exam
    told.sees(DAY + HOUR, "ultrasound_report", study_uid="1.2.3", status="final")
    assert told.grades[-1] == ("green", DAY + HOUR)


def test_a_report_in_time_ends_the_wait() -> None:
    told = story(OVERDUE, lane="review").sees(0, "ultrasound_exam", study_uid="1.2.3")
    told.sees(23 * HOUR, "ultrasound_report", study_uid="1.2.3", status="preliminary").passes(3 * DAY)
    assert told.escalations == []


def test_the_wait_is_from_the_first_exam_that_nobody_reported_on() -> None:
    """A second exam 20 hours later does not give the first one more time."""
    told = story(OVERDUE, lane="review").sees(0, "ultrasound_exam").sees(20 * HOUR, "ultrasound_exam")
    assert told.passes(DAY + 1).escalations == [("review", "nothing_heard", 0)]


def test_an_exam_together_with_a_rising_need_of_oxygen() -> None:
    """An exam within the hour, SpO2 not above 93, and 2 L/min of oxygen or more."""
    when = (
        "{all: [{heard: ultrasound_exam, within_s: 3600}, {reads: assessment.on_oxygen, is: true, within_s: 3600},"
        " {reads: assessment.oxygen_flow_l_min, unit: L/min, at_or_above: 2, within_s: 3600},"
        ' {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93}]}'
    )
    told = story(when, "{for_s: 0}").sees(0, "ultrasound_exam")
    told.sees(60, "assessment", on_oxygen=True, oxygen_flow_l_min=2.0)
    told.sees(120, "oximetry", spo2_pct=93).sees(180, "oximetry", spo2_pct=94)
    assert told.reasons == ["incomplete", "incomplete", "limit_met", "cleared"]
    told.sees(3600, "oximetry", spo2_pct=93).sees(3601, "oximetry", spo2_pct=93)
    assert told.reasons[-2:] == ["limit_met", "cleared"]  # the exam is more than an hour old


# -- follow-up ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colour", "days", "missed"), [("red", 1, True), ("yellow", 1, False), (None, 1, True)]
)
def test_a_missed_follow_up_of_a_red_resident(colour: str | None, days: int, missed: bool) -> None:
    """Measuring counts as well as a visit; whoever's colour is not known is looked after as the red."""
    when = "{nothing_heard: [follow_up, oximetry], for_s: 86400}"
    told = story(when, applies="{risk_colour: [red]}", lane="review", grade="yellow", priority="high")
    told.facts = Facts(risk_colour=colour)  # type: ignore[arg-type]  # one of the three, or not known
    told.sees(0, "follow_up", method="home").sees(HOUR, "oximetry", spo2_pct=97).passes(HOUR + days * DAY + 1)
    assert told.escalations == ([("review", "nothing_heard", HOUR)] if missed else [])
    assert told.priorities == (["high"] if missed else [])
