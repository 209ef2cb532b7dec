from __future__ import annotations

import pytest

from cunmai_ingest.ledger.days import day_from_text, day_of, day_start_ms, day_text, offset_text


@pytest.mark.parametrize(
    ("t_ms", "offset", "day"),
    [
        (1_700_000_000_000, 0, "2023-11-14"),  # 22:13:20 UTC
        (1_700_000_000_000, 480, "2023-11-15"),  # 06:13:20 in China
        (1_700_006_400_000, -60, "2023-11-14"),  # 00:00 UTC is 23:00 the day before, an hour west
        (0, 480, "1970-01-01"),
        (0, -1, "1969-12-31"),
    ],
)
def test_the_day_is_the_clinics(t_ms: int, offset: int, day: str) -> None:
    assert day_text(day_of(t_ms, offset)) == day


def test_a_day_begins_at_the_clinics_midnight() -> None:
    # 2023-11-15 00:00 at +08:00 is 2023-11-14 16:00 UTC.
    assert day_start_ms(day_from_text("2023-11-15"), 480) == 1_699_977_600_000
    assert day_of(1_699_977_600_000, 480) == day_of(1_699_977_599_999, 480) + 1


def test_offsets_in_words() -> None:
    assert [offset_text(minutes) for minutes in (480, 0, -210)] == ["UTC+08:00", "UTC+00:00", "UTC-03:30"]
