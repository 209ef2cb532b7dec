"""Moments in a zone: 1795305599 s is 2026-11-21 23:59:59 UTC (by `date -u`)."""

from __future__ import annotations

import pytest

from cunmai_rules.moments import day_of, local_time, read_moment, show_moment

T_MS = 1_795_305_599_000


@pytest.mark.parametrize(
    ("utc_offset_minutes", "shown"),
    [
        (0, "2026-11-21 23:59:59"),
        (480, "2026-11-22 07:59:59"),
        (-210, "2026-11-21 20:29:59"),
    ],
)
def test_a_moment_and_its_day_are_shown_in_their_zone_and_read_back(
    utc_offset_minutes: int, shown: str
) -> None:
    assert show_moment(T_MS + 999, utc_offset_minutes) == shown  # never a second that has not begun
    assert day_of(T_MS, utc_offset_minutes) == shown[:10]
    assert read_moment(shown, utc_offset_minutes) == T_MS


def test_the_zone_can_be_told_with_the_moment() -> None:
    assert local_time(T_MS, -210).isoformat() == "2026-11-21T20:29:59-03:30"


def test_a_zone_of_its_own_goes_before_the_one_given() -> None:
    assert read_moment("2026-11-22T07:59:59+08:00", 0) == T_MS
    assert read_moment("2026-11-21T23:59:59Z", None) == T_MS


@pytest.mark.parametrize("text", ["2026-11-21T23:59:59", "yesterday", "2026-13-01T00:00Z", ""])
def test_without_any_zone_or_without_a_moment_there_is_none(text: str) -> None:
    assert read_moment(text, None) is None
