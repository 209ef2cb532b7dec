"""The step, by stories. Limit: at or below 93 for 15 s; clears at or above 95 for 30 s; gap 600 s; stale 900 s."""

from __future__ import annotations

import pytest

from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.memory import load_memory
from cunmai_rules.thresholds.state import rule_states
from cunmai_rules.thresholds.step import due_ms
from support.rules import OXIMETRY, T0_MS, Story, no_profiles, one_rule, oximetry_rules

CHANGED = oximetry_rules(OXIMETRY.replace(b"at_or_below: 93", b"at_or_below: 92"))
OTHER = oximetry_rules(OXIMETRY.replace(b"spo2-low", b"spo2-other"))
HOUR_OF_THE_STORY_S = T0_MS // 3_600_000 * 3600


@pytest.mark.parametrize(
    ("spo2_pct", "raised"), [(92, True), (93, True), (93.0, True), (93.1, False), (94, False)]
)
def test_the_limit_includes_itself_and_nothing_above(spo2_pct: float, raised: bool) -> None:
    story = Story()
    for at_s in range(17):
        story.reads(at_s, spo2_pct)
    assert bool(story.escalations) is raised


@pytest.mark.parametrize(("last_s", "raised"), [(14, False), (15, True), (16, True)])
def test_a_spell_must_last(last_s: int, raised: bool) -> None:
    story = Story()
    for at_s in range(last_s + 1):
        story.reads(at_s, 90)
    assert bool(story.escalations) is raised


def test_a_spell_pages_once_when_it_has_lasted() -> None:
    story = Story()
    for at_s in range(120):
        story.reads(at_s, 90)
    assert story.escalations == [("page", "limit_met", 15)]
    assert story.grades == [("red", 15)]
    assert story.reasons[:2] == ["spell_began", "spell_goes_on"]
    assert story.reasons[15:17] == ["limit_met", "still_raised"]


def test_a_reading_that_clears_ends_a_spell() -> None:
    story = Story().reads(0, 90).reads(10, 95).reads(14, 90).reads(20, 90)
    assert story.escalations == []
    assert story.reasons == ["spell_began", "spell_ended", "spell_began", "spell_goes_on"]


def test_a_reading_between_the_limits_does_not_end_a_spell() -> None:
    story = Story().reads(0, 90).reads(10, 94).reads(14, 90).reads(15, 94).reads(16, 90)
    assert story.escalations == [("page", "limit_met", 16)]
    assert story.reasons[:4] == ["spell_began", "spell_goes_on", "spell_goes_on", "spell_goes_on"]


def test_ten_minutes_at_88_with_one_94_every_15_s_page() -> None:
    story = Story()
    for at_s in range(600):
        story.reads(at_s, 94 if at_s % 15 == 14 else 88)
    assert story.escalations == [("page", "limit_met", 15)]


def test_one_low_reading_and_then_values_between_the_limits_is_not_pending_for_ever() -> None:
    story = Story().reads(0, 93)
    for at_s in range(60, 661, 60):
        story.reads(at_s, 94)
    assert story.escalations == [("review", "spell_unconfirmed", 0)]
    assert story.grades == [("green", 660)]


def test_two_spot_checks_within_the_gap_confirm_each_other() -> None:
    assert Story().reads(0, 91).reads(600, 91).escalations == [("page", "limit_met", 600)]


def test_two_spot_checks_beyond_the_gap_do_not_and_the_first_goes_to_review() -> None:
    story = Story().reads(0, 91).reads(601, 91)
    assert story.escalations == [("review", "spell_unconfirmed", 0)]


def test_one_low_reading_and_then_silence_goes_to_review() -> None:
    story = Story().reads(0, 91).passes(600)
    assert story.escalations == []
    story.passes(601).passes(700)
    assert story.escalations == [("review", "spell_unconfirmed", 0)]


def test_an_alarm_ends_only_at_the_clearing_limit_held_long_enough() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    story.reads(20, 94).reads(60, 94)  # between the limits: hysteresis
    story.reads(70, 95).reads(99, 95)
    assert story.grades == [("red", 15)]
    story.reads(100, 95)
    assert story.grades == [("red", 15), ("green", 100)]
    assert story.reasons[-3:] == ["clearing", "clearing", "cleared"]


def test_a_dip_while_clearing_begins_the_clearing_anew() -> None:
    story = Story().reads(0, 90).reads(15, 90).reads(20, 96).reads(45, 94).reads(46, 96).reads(75, 96)
    assert story.grades == [("red", 15)]
    assert story.reads(76, 96).grades[-1] == ("green", 76)


def test_it_can_page_again_after_it_has_cleared() -> None:
    story = Story().reads(0, 90).reads(15, 90).reads(20, 96).reads(50, 96).reads(60, 90).reads(75, 90)
    assert story.escalations == [("page", "limit_met", 15), ("page", "limit_met", 75)]


def test_silence_never_clears_an_alarm() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    story.passes(3600).passes(10 * 24 * 3600)
    assert story.grades == [("red", 15)]


def test_silence_makes_green_grey() -> None:
    story = Story().reads(0, 98).passes(900)
    assert story.grades == [("green", 0)]
    assert story.passes(901).grades == [("green", 0), ("grey", 900.001)]
    assert story.reads(1000, 98).grades[-1] == ("green", 1000)


def test_a_spell_under_way_is_not_green() -> None:
    assert Story().reads(0, 98).reads(1, 92).grades == [("green", 0), ("grey", 1)]


@pytest.mark.parametrize("flag", ["low_perfusion", "questionable", "finger_off", "a_flag_of_tomorrow"])
def test_a_flagged_reading_raises_nothing(flag: str) -> None:
    story = Story()
    for at_s in range(60):
        story.reads(at_s, 80, flag)
    assert story.actions == []
    assert set(story.reasons) == {"quality_gated"}


def test_a_flagged_reading_clears_nothing() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    for at_s in range(20, 120):
        story.reads(at_s, 99, "low_perfusion")
    assert story.grades == [("red", 15)]


def test_an_accepted_flag_does_not_matter() -> None:
    assert Story().reads(0, 90, "from_storage").reads(15, 90, "from_storage").escalations


def test_a_reading_without_the_value_decides_nothing() -> None:
    story = Story().reads(0, None)
    assert (story.reasons, story.actions) == (["no_value"], [])


def test_a_late_spell_goes_to_review_not_to_a_page() -> None:
    story = Story().reads(0, 90, late=True).reads(15, 90, late=True)
    assert story.escalations == [("review", "limit_met_late", 15)]
    assert story.grades == [("red", 15)]


def test_a_late_alarm_that_live_readings_confirm_becomes_a_page() -> None:
    story = Story().reads(0, 90, late=True).reads(15, 90, late=True).reads(30, 90)
    assert story.escalations == [("review", "limit_met_late", 15), ("page", "confirmed_live", 30)]
    assert len(story.reads(31, 90).escalations) == 2


def test_a_dangerous_reading_from_the_past_asks_for_one_review_an_hour_and_changes_no_state() -> None:
    story = Story().reads(7200, 98)
    before = story.state
    for at_s in range(3600, 3660):
        story.reads(at_s, 85, late=True)
    assert story.state == before
    assert story.keys == {f"spo2-low:{HOUR_OF_THE_STORY_S + 3600}000:review"}
    # The key is the hour's, so that one review is asked for; the time told is the first reading's own.
    assert story.escalations[0] == ("review", "out_of_order_dangerous", 3600)


def test_a_harmless_reading_from_the_past_changes_nothing() -> None:
    story = Story().reads(100, 98)
    before, actions = story.state, len(story.actions)
    story.reads(50, 99)
    assert (story.state, len(story.actions), story.reasons[-1]) == (before, actions, "out_of_order")


def test_a_changed_rule_keeps_its_alarm() -> None:
    raised = Story().reads(0, 90).reads(15, 90)
    raised.rules = CHANGED
    assert raised.reads(20, 90).reasons[-1] == "still_raised"
    assert raised.grades == [("red", 15)]


def test_a_changed_rule_judges_a_spell_anew_and_the_old_one_is_not_forgotten() -> None:
    story = Story().reads(0, 90).reads(14, 90)
    story.rules = CHANGED
    assert story.reads(16, 90).reasons[-1] == "spell_began"
    assert story.escalations == [("review", "spell_unconfirmed", 0)]
    assert story.sources == [("s", 1)]
    assert story.reads(32, 90).escalations[-1] == ("page", "limit_met", 32)


def test_a_changed_rule_with_a_spell_under_way_leaves_nobody_green() -> None:
    story = Story().reads(0, 98).reads(1, 88)
    story.rules = CHANGED
    story.passes(2)
    assert story.grades == [("green", 0), ("grey", 1)]
    assert story.escalations == [("review", "spell_unconfirmed", 1)]


def test_a_green_of_a_changed_rule_is_no_longer_known() -> None:
    story = Story().reads(0, 94)
    story.rules = CHANGED
    assert story.passes(1).grades[1:] == [("grey", 0)]


@pytest.mark.parametrize(
    "raw",
    [
        OXIMETRY + b"# a comment\n",
        OXIMETRY.replace(b"version: 7", b"version: 8"),
        OXIMETRY.replace(b"source: a test", b"source: signed again"),
    ],
)
def test_a_file_that_changes_around_an_equal_rule_keeps_the_spell(raw: bytes) -> None:
    story = Story().reads(0, 90).reads(14, 90)
    story.rules = oximetry_rules(raw)
    story.reads(15, 90)
    assert story.escalations == [("page", "limit_met", 15)]
    assert story.actions[-1].version == story.rules.by_id["spo2-low"].version


def test_a_removed_rule_grades_nobody_and_leaves_nothing_behind() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    version = story.actions[0].version
    story.rules = OTHER
    story.passes(16)
    assert story.grades == [("red", 15), ("grey", 16)]
    assert (story.actions[-1].version, rule_states(story.state)) == (version, {})
    assert story.reasons[-1] == "rule_removed"


def test_a_rule_that_comes_back_pages_anew() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    story.rules = OTHER
    story.reads(20, 97).passes(60)
    story.rules = oximetry_rules()
    story.reads(100, 88).reads(116, 88)
    assert story.escalations == [("page", "limit_met", 15), ("page", "limit_met", 116)]


# -- episodes ---------------------------------------------------------------------------------------------


def test_a_second_episode_after_days_of_silence_pages_again() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    days = 5 * 24 * 3600
    for at_s in range(days, days + 120):
        story.reads(at_s, 88)
    assert story.escalations == [("page", "limit_met", 15), ("page", "limit_met", days + 15)]
    assert story.grades == [("red", 15)]


@pytest.mark.parametrize(("gap_s", "pages"), [(900, 1), (901, 2)])
def test_an_episode_ends_with_the_evidence_for_it(gap_s: int, pages: int) -> None:
    story = Story().reads(0, 90).reads(15, 90)
    story.reads(15 + gap_s, 90).reads(31 + gap_s, 90)
    assert len([lane for lane, _, _ in story.escalations if lane == "page"]) == pages


def test_after_the_silence_a_value_between_the_limits_neither_clears_nor_hides_what_follows() -> None:
    story = Story().reads(0, 90).reads(15, 90).reads(5000, 94)
    assert story.reasons[-1] == "still_raised"
    assert story.grades == [("red", 15)]
    assert story.reads(5001, 90).reads(5016, 90).escalations[-1] == ("page", "limit_met", 5016)


def test_after_the_silence_an_alarm_still_clears_only_when_the_clearing_has_held() -> None:
    story = Story().reads(0, 90).reads(15, 90).passes(4000).reads(5000, 97)
    assert story.grades == [("red", 15)]
    assert story.reads(5030, 97).grades[1:] == [("green", 5030)]


def test_a_spell_after_the_silence_that_ends_leaves_the_old_alarm() -> None:
    story = Story().reads(0, 90).reads(15, 90).reads(5000, 90).reads(5005, 97)
    assert story.reasons[-2:] == ["spell_began", "clearing"]
    assert story.grades == [("red", 15)]


def test_a_low_reading_while_an_old_alarm_clears_begins_the_clearing_anew() -> None:
    story = Story().reads(0, 90).reads(15, 90).reads(5000, 97).reads(5020, 94).reads(5040, 97)
    assert story.reasons[-1] == "clearing"
    assert story.grades == [("red", 15)]


# -- values of doubtful quality -----------------------------------------------------------------------------


def test_ten_minutes_at_78_with_poor_perfusion_ask_for_a_measurement_and_page_nobody() -> None:
    story = Story().reads(0, 97)
    for at_s in range(1, 601):
        story.reads(at_s, 78, "low_perfusion")
    assert story.escalations == [("review", "doubtful", 61)]
    assert story.grades == [("green", 0), ("grey", 61)]
    assert story.sources == [("s", 62)]


def test_doubtful_values_ask_once_an_hour() -> None:
    story = Story()
    for at_s in range(0, 3 * 3600, 10):
        story.reads(at_s, 78, "low_perfusion")
    hours = {(T0_MS / 1000 + at_s) // 3600 for _, _, at_s in story.escalations}
    assert len(story.escalations) == len(hours) == 4  # the story begins a few minutes into an hour


def test_a_usable_reading_ends_the_doubt() -> None:
    story = Story()
    for at_s in range(600):
        story.reads(at_s, 97 if at_s % 30 == 29 else 78, *(() if at_s % 30 == 29 else ("searching",)))
    assert story.escalations == []


def test_doubtful_values_far_apart_are_not_one_doubt() -> None:
    story = Story().reads(0, 78, "movement").reads(601, 78, "movement").reads(660, 78, "movement")
    assert not story.escalations
    assert story.reads(661, 78, "movement").escalations == [("review", "doubtful", 661)]


def test_doubtful_normal_values_ask_for_nothing() -> None:
    story = Story()
    for at_s in range(300):
        story.reads(at_s, 97, "low_perfusion")
    assert story.escalations == []


# -- clocks, order, origin ------------------------------------------------------------------------------------


def test_one_reading_from_the_future_does_not_mute_the_live_ones() -> None:
    """Our own clock was a day ahead when the first arrived, and has been put right since."""
    day = 86_400
    story = Story().reads(day, 97, arrived_s=day)
    for at_s in range(20):
        story.reads(at_s, 80, arrived_s=at_s)
    assert story.escalations == [("page", "limit_met", 15)]


def test_two_readings_of_one_millisecond_are_both_judged() -> None:
    story = Story().reads(0, 98).reads(0, 90)
    assert story.reasons == ["normal", "spell_began"]


def test_a_value_between_the_limits_confirms_nothing() -> None:
    story = Story().reads(0, 90, late=True).reads(15, 90, late=True).reads(30, 94)
    assert story.escalations == [("review", "limit_met_late", 15)]


def test_readings_while_raised_are_the_newest_evidence() -> None:
    story = Story().reads(0, 90).reads(15, 90).reads(60, 90).reads(59, 90)
    assert story.reasons[-1] == "out_of_order"


def test_an_unconfirmed_spell_names_its_first_reading() -> None:
    story = Story().reads(0, 91).reads(5, 90).reads(700, 97)
    assert story.escalations == [("review", "spell_unconfirmed", 0)]
    assert story.sources == [("s", 1)]


def test_a_state_of_the_first_version_keeps_its_alarm_and_gives_its_spell_to_review() -> None:
    """Written by the program before this state had a digest of its rule."""
    raised = f'{{"v":1,"rules":{{"spo2-low":["raised",{T0_MS},{T0_MS},0,"page","7-0a1b2c3d"]}}}}'
    story = Story(state=load_memory(raised, no_profiles).rules).reads(60, 90)
    assert (story.reasons, story.actions) == (["still_raised"], [])
    pending = f'{{"v":1,"rules":{{"spo2-low":["pending",{T0_MS},{T0_MS},0,"nobody","7-0a1b2c3d"]}}}}'
    story = Story(state=load_memory(pending, no_profiles).rules).reads(60, 90)
    assert story.escalations == [("review", "spell_unconfirmed", 0)]


def test_the_next_tick_is_due_when_something_can_change() -> None:
    rules = oximetry_rules()
    at = 1_767_323_045_000
    assert due_ms(Story().state, rules) is None
    assert due_ms(Story().reads(0, 90).state, rules) == at + 600_001
    assert due_ms(Story().reads(0, 98).state, rules) == at + 900_001
    assert due_ms(Story().reads(0, 90).reads(15, 90).state, rules) is None


def test_every_action_carries_the_version_of_its_file() -> None:
    story = Story().reads(0, 90).reads(15, 90)
    versions = {action.version for action in story.actions}
    assert len(versions) == 1
    assert versions.pop().startswith("7-")


def test_a_spell_under_way_of_a_rule_that_no_longer_applies_goes_to_review() -> None:
    rules = one_rule(
        '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 300}', "{at_or_above: 95}",
        applies="{pregnant: false, altitude_m: {at_or_below: 2500}}",
    )  # fmt: skip
    told = Story(rules).reads(0, 70).reads(200, 70)
    told.facts = Facts(pregnant=True)
    told.reads(201, 70)
    assert told.escalations == [("review", "spell_unconfirmed", 0.0)]
    told.facts = Facts()
    told.reads(202, 70).reads(502, 70)
    assert told.escalations[1:] == [("page", "limit_met", 502.0)]
