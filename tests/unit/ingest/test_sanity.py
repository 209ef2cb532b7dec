from __future__ import annotations

import pytest

from cunmai_ingest.sanity import time_fault

ARRIVED_MS = 1_700_000_000_000
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("t_ms", "fault"),
    [
        (0, "dated 1970-01-01, before 2020-01-01"),
        (1_577_836_799_999, "dated 2019-12-31, before 2020-01-01"),
        (1_577_836_800_000, None),
        (ARRIVED_MS - 200 * DAY_MS, None),
        (ARRIVED_MS, None),
        (ARRIVED_MS + DAY_MS, None),
        (ARRIVED_MS + DAY_MS + 1, "dated 2023-11-15, more than 24 h after it arrived on 2023-11-14"),
        (3_786_912_000_000, "dated 2090-01-01, more than 24 h after it arrived on 2023-11-14"),
        (253_402_300_799_999, "dated 9999-12-31, more than 24 h after it arrived on 2023-11-14"),
    ],
)
def test_time_fault(t_ms: int, fault: str | None) -> None:
    assert time_fault(t_ms, ARRIVED_MS) == fault
