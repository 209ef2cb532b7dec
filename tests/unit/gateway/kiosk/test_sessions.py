"""From when to when readings count for somebody: by hand-made stories, and for any story at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.kiosk.sessions import EndReason, SessionLimits, Sessions

LIMITS = SessionLimits(idle_ms=120_000, taken_off_ms=45_000, longest_ms=900_000)
T0 = 1_000_000


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(LIMITS)


def why(sessions: Sessions) -> EndReason | None:
    ended = sessions.last_ended()
    return ended.reason if ended else None


def test_nobody_is_nobody(sessions: Sessions) -> None:
    assert sessions.current(T0) is None
    assert sessions.resident_at(T0, T0) is None
    assert not sessions.check_out(T0)
    assert not sessions.stay(T0)


def test_it_begins_with_the_check_in_and_not_before(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    assert sessions.resident_at(T0 - 1, T0) is None
    assert sessions.resident_at(T0, T0) == "R-1"


def test_nothing_measured_ends_it_after_the_idle_time(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    assert sessions.current(T0 + 119_999) is not None
    assert sessions.current(T0 + 120_000) is None
    assert why(sessions) is EndReason.IDLE


def test_a_device_taken_off_ends_it_sooner(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.measured(T0 + 10_000, T0 + 10_000)
    assert sessions.resident_at(T0 + 54_999, T0 + 54_999) == "R-1"
    assert sessions.resident_at(T0 + 55_000, T0 + 55_000) is None
    assert why(sessions) is EndReason.TAKEN_OFF


def test_measuring_goes_on_but_not_for_ever(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    for second in range(1, 900):
        sessions.measured(T0 + second * 1000, T0 + second * 1000)
    assert sessions.current(T0 + 899_999) is not None
    assert sessions.current(T0 + 900_000) is None
    assert why(sessions) is EndReason.TOO_LONG


def test_staying_by_hand_gives_another_while(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.measured(T0 + 1_000, T0 + 1_000)
    assert sessions.stay(T0 + 40_000)
    assert sessions.current(T0 + 84_999) is not None
    assert sessions.current(T0 + 85_000) is None


def test_the_next_check_in_ends_the_last_one_at_that_moment(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.check_in("R-2", T0 + 5_000)
    assert why(sessions) is EndReason.REPLACED
    assert [sessions.resident_at(t, T0 + 5_000) for t in (T0 + 4_999, T0 + 5_000)] == ["R-1", "R-2"]


def test_the_button_ends_it(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    assert sessions.check_out(T0 + 5_000)
    assert why(sessions) is EndReason.BUTTON
    assert sessions.resident_at(T0 + 5_000, T0 + 6_000) is None


def test_a_reading_heard_late_counts_by_its_own_time(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.check_out(T0 + 10_000)
    sessions.check_in("R-2", T0 + 20_000)
    now_ms = T0 + 30_000
    at = [T0 - 1, T0, T0 + 9_999, T0 + 10_000, T0 + 19_999, T0 + 20_000]
    assert [sessions.resident_at(t, now_ms) for t in at] == [None, "R-1", "R-1", None, None, "R-2"]


def test_it_ends_when_it_should_even_if_nobody_looks_until_later(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.measured(T0 + 1_000, T0 + 1_000)
    sessions.check_in("R-2", T0 + 300_000)
    assert sessions.resident_at(T0 + 45_999, T0 + 300_000) == "R-1"
    assert sessions.resident_at(T0 + 46_000, T0 + 300_000) is None


def test_a_measurement_from_before_does_not_keep_it_going(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.measured(T0 - 1, T0 + 100_000)
    sessions.measured(T0 + 200_000, T0 + 100_000)
    assert sessions.current(T0 + 120_000) is None
    assert why(sessions) is EndReason.IDLE


def test_a_clock_set_back_ends_it_and_what_was_before_is_not_guessed(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    sessions.check_out(T0 + 10_000)
    sessions.check_in("R-2", T0 + 20_000)
    earlier = T0 + 5_000
    assert sessions.current(earlier) is None
    assert why(sessions) is EndReason.CLOCK_JUMPED
    assert sessions.resident_at(T0 + 1_000, earlier) is None
    sessions.check_in("R-3", earlier)
    assert sessions.resident_at(earlier, earlier) == "R-3"


def test_a_clock_that_trembles_ends_nothing(sessions: Sessions) -> None:
    sessions.check_in("R-1", T0)
    assert sessions.current(T0 - 1_500) is not None


steps = st.lists(
    st.tuples(
        st.sampled_from(["in-1", "in-2", "out", "stay", "measured", "look"]),
        st.integers(0, 200_000),
    ),
    max_size=40,
)


@given(steps, st.lists(st.integers(T0, T0 + 8_000_000), min_size=1, max_size=20))
def test_whatever_happens_a_moment_belongs_to_at_most_one_and_only_while_checked_in(
    story: list[tuple[str, int]], moments: list[int]
) -> None:
    sessions, now_ms = Sessions(LIMITS), T0
    begun: list[tuple[int, str]] = []
    for what, later_ms in story:
        now_ms += later_ms
        match what.split("-"):
            case ["in", who]:
                sessions.check_in(f"R-{who}", now_ms)
                begun.append((now_ms, f"R-{who}"))
            case ["out"]:
                sessions.check_out(now_ms)
            case ["stay"]:
                sessions.stay(now_ms)
            case ["measured"]:
                sessions.measured(now_ms, now_ms)
            case _:
                sessions.current(now_ms)
    for t_ms in moments:
        who_then = sessions.resident_at(t_ms, now_ms)
        last = max((start for start in begun if start[0] <= t_ms), default=None, key=lambda one: one[0])
        if who_then is not None:
            candidates = {who for start, who in begun if last is not None and start == last[0]}
            assert who_then in candidates, "it counts for whoever checked in last before it"
            assert last is not None
            assert t_ms - last[0] < LIMITS.longest_ms
        assert sessions.resident_at(t_ms, now_ms) == who_then, "asking changes nothing"
