"""Placing a reading in time by what its gateway's clock is worth."""

from __future__ import annotations

import pytest

from cunmai_rules.arrival import Difference, Placed, Sent, place
from cunmai_wire.base import ClockTrust

NOW = 1_767_323_045_000
MINUTE = 60_000
LATE_AFTER = 5 * MINUTE
YEAR_1970 = 86_400_000
YEAR_2090 = 3_786_912_000_000
TRUSTED, UNTRUSTED, UNKNOWN = ClockTrust.TRUSTED, ClockTrust.UNTRUSTED, ClockTrust.UNKNOWN


@pytest.mark.parametrize(("age", "late"), [(0, False), (LATE_AFTER, False), (LATE_AFTER + 1, True)])
def test_a_trusted_clock_is_taken_at_its_word(age: int, late: bool) -> None:
    assert place(NOW - age, TRUSTED, Sent(NOW, TRUSTED, NOW), LATE_AFTER) == Placed(NOW - age, late)


def test_a_trusted_reading_that_waited_in_the_broker_is_late() -> None:
    six_hours = 360 * MINUTE
    sent = Sent(NOW - six_hours, TRUSTED, NOW)
    assert place(NOW - six_hours, TRUSTED, sent, LATE_AFTER) == Placed(NOW - six_hours, late=True)


@pytest.mark.parametrize("clock", [UNTRUSTED, UNKNOWN])
def test_a_doubtful_clock_that_agrees_with_ours_is_taken_at_its_word(clock: ClockTrust) -> None:
    assert place(NOW - 7, clock, Sent(NOW - 2, clock, NOW), LATE_AFTER) == Placed(NOW - 7, late=False)


def test_a_clock_without_a_battery_is_believed_about_spans_so_that_the_alarm_is_not_missed() -> None:
    sent = Sent(YEAR_1970 + 3000, UNTRUSTED, NOW)
    assert place(YEAR_1970, UNTRUSTED, sent, LATE_AFTER) == Placed(NOW - 3000, late=False)


def test_a_reading_measured_before_its_clock_was_set_is_judged_as_late() -> None:
    assert place(YEAR_1970, UNTRUSTED, Sent(NOW, TRUSTED, NOW), LATE_AFTER) == Placed(NOW, late=True)


@pytest.mark.parametrize(
    ("t", "clock", "why"),
    [
        (YEAR_1970, TRUSTED, "past"),
        (YEAR_2090, TRUSTED, "future"),
        (YEAR_2090, UNKNOWN, "future"),
        (NOW - 91 * 24 * 60 * MINUTE, TRUSTED, "past"),
        (NOW - 91 * 24 * 60 * MINUTE, UNTRUSTED, "past"),
    ],
)
def test_what_cannot_be_placed_is_refused_with_the_reason(t: int, clock: ClockTrust, why: str) -> None:
    outcome = place(t, clock, Sent(NOW, clock, NOW), LATE_AFTER)
    assert isinstance(outcome, str)
    assert why in outcome


def test_a_reading_is_never_measured_after_it_arrived() -> None:
    """Otherwise one from the future would stand in the way of the live ones."""
    assert place(NOW + MINUTE, TRUSTED, Sent(NOW, TRUSTED, NOW), LATE_AFTER) == Placed(NOW, late=False)


@pytest.mark.parametrize("ahead", [121_000, 6 * MINUTE, 90_000 * 1000])
@pytest.mark.parametrize("clock", [TRUSTED, UNTRUSTED, UNKNOWN])
def test_a_clock_that_sends_later_than_we_receive_is_wrong_whatever_it_says(
    ahead: int, clock: ClockTrust
) -> None:
    """And if it is ours that is slow, no clinic is silenced."""
    sent = Sent(NOW + ahead, clock, NOW)
    assert place(NOW + ahead - 3000, clock, sent, LATE_AFTER) == Placed(NOW - 3000, late=False)
    assert place(NOW + ahead - 10 * MINUTE, clock, sent, LATE_AFTER) == Placed(NOW - 10 * MINUTE, late=True)


@pytest.mark.parametrize("clock", [TRUSTED, UNKNOWN])
def test_a_clock_that_was_put_back_before_sending_leaves_the_readings_for_review(clock: ClockTrust) -> None:
    ahead = NOW + 5 * MINUTE
    assert place(ahead + 1, clock, Sent(NOW, clock, NOW), LATE_AFTER) == Placed(NOW, late=True)
    assert place(ahead, clock, Sent(NOW, clock, NOW), LATE_AFTER) == Placed(NOW, late=False)


def test_a_trusted_clock_that_says_1970_is_wrong_too() -> None:
    sent = Sent(YEAR_1970 + 3000, TRUSTED, NOW)
    assert place(YEAR_1970, TRUSTED, sent, LATE_AFTER) == Placed(NOW - 3000, late=False)


def test_a_clock_that_was_set_before_its_trust_was_read_again_leaves_the_readings_for_review() -> None:
    assert place(YEAR_1970, UNTRUSTED, Sent(NOW, UNTRUSTED, NOW), LATE_AFTER) == Placed(NOW, late=True)


def test_a_difference_that_stays_while_time_passes_is_the_clocks() -> None:
    """A gateway 10 minutes behind, or ourselves 10 minutes ahead: after a minute of it, readings are live."""
    behind = 10 * MINUTE
    seen = Difference(NOW, behind)
    for second in range(61):
        sent = Sent(NOW + second * 1000 - behind, TRUSTED, NOW + second * 1000)
        seen = seen.and_then(sent)
        assert seen.steady_at(sent.arrived_ms) is (second == 60)
    sent = Sent(NOW - behind, TRUSTED, NOW, steady=True)
    assert place(NOW - behind - 200, TRUSTED, sent, LATE_AFTER) == Placed(NOW - 200, late=False)


def test_messages_that_waited_are_not_taken_for_a_wrong_clock() -> None:
    """Sixty seconds of messages, ten minutes old, handed over in one second, and then the live ones."""
    seen = Difference(NOW, 10 * MINUTE)
    for second in range(60):
        arrived = NOW + second * 16
        seen = seen.and_then(Sent(NOW - 10 * MINUTE + second * 1000, TRUSTED, arrived))
        assert not seen.steady_at(arrived)
    assert seen.and_then(Sent(NOW + 1000, TRUSTED, NOW + 1000)) == Difference(NOW + 1000, 0)
