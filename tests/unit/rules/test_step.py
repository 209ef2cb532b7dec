"""The step, by stories. Limit: at or below 93 for 15 s; clears at or above 95 for 30 s; gap 600 s; stale 900 s."""

from __future__ import annotations

import pytest

from cunmai_rules.thresholds.step import due_ms
from support.rules import OXIMETRY, Story, oximetry_rules


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


def test_one_good_reading_ends_a_spell() -> None:
    story = Story().reads(0, 90).reads(10, 94).reads(14, 90).reads(20, 90)
    assert story.escalations == []
    assert story.reasons == ["spell_began", "spell_ended", "spell_began", "spell_goes_on"]


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
    assert story.passes(901).grades == [("green", 0), ("grey", 901)]
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
    before = dict(story.state)
    for at_s in range(3600, 3660):
        story.reads(at_s, 85, late=True)
    assert story.state == before
    reviews = set(story.escalations)
    assert len(reviews) == 1
    assert next(iter(reviews))[:2] == ("review", "out_of_order_dangerous")


def test_a_harmless_reading_from_the_past_changes_nothing() -> None:
    story = Story().reads(100, 98)
    before, actions = dict(story.state), len(story.actions)
    story.reads(50, 99)
    assert (story.state, len(story.actions), story.reasons[-1]) == (before, actions, "out_of_order")


def test_a_changed_rule_keeps_its_alarm_and_judges_a_spell_anew() -> None:
    changed = oximetry_rules(OXIMETRY.replace(b"version: 7", b"version: 8"))
    raised = Story().reads(0, 90).reads(15, 90)
    raised.rules = changed
    assert raised.reads(20, 90).reasons[-1] == "still_raised"

    pending = Story().reads(0, 90).reads(14, 90)
    pending.rules = changed
    assert pending.reads(16, 90).reasons[-1] == "spell_began"
    assert pending.escalations == []


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
