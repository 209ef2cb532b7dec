"""Placing a reading in time by what its gateway's clock is worth."""

from __future__ import annotations

import pytest

from cunmai_rules.arrival import Placed, Sent, place
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
        (NOW + 5 * MINUTE + 1, TRUSTED, "future"),
        (NOW - 91 * 24 * 60 * MINUTE, TRUSTED, "past"),
        (NOW - 91 * 24 * 60 * MINUTE, UNTRUSTED, "past"),
    ],
)
def test_what_cannot_be_placed_is_refused_with_the_reason(t: int, clock: ClockTrust, why: str) -> None:
    outcome = place(t, clock, Sent(NOW, clock, NOW), LATE_AFTER)
    assert isinstance(outcome, str)
    assert why in outcome


def test_a_little_ahead_of_us_is_tolerated() -> None:
    assert place(NOW + MINUTE, TRUSTED, Sent(NOW, TRUSTED, NOW), LATE_AFTER) == Placed(
        NOW + MINUTE, late=False
    )
