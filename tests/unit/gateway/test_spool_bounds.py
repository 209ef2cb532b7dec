"""The spool's bounds: what goes first, what is counted, and that no clock can make it go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_bounds import SpoolLimits

KIB = 1024
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAY_1_MS = 1_789_948_800_000
"""2026-09-21T00:00:00Z."""
LIMITS = SpoolLimits(max_bytes=256 * KIB, max_days=5, drop_readings=10)
READING_BYTES = 1000


def draft(day: int = 0) -> Draft:
    return Draft("oximetry", DAY_1_MS + day * DAY_MS, b'{"x":"%s"}' % (b"x" * READING_BYTES))


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.sqlite", created_ms=1, limits=LIMITS)
    yield spool
    spool.close()


def seqs(spool: Spool) -> list[int]:
    return [reading.seq for reading in spool.held(0, 10**9, 10**6)]


def losses(spool: Spool) -> dict[tuple[str, str], int]:
    return {(loss.day, loss.reason): loss.count for loss in spool.losses()}


def add(spool: Spool, readings: int, day: int = 0) -> None:
    for _ in range(readings):
        spool.append([draft(day)])
        spool.trim()


def test_within_the_bound_nothing_goes(spool: Spool) -> None:
    add(spool, 100)
    assert (spool.pending(), spool.losses(), spool.trim()) == (100, [], 0)


def test_the_file_stays_within_its_bound_and_every_dropped_reading_is_counted(
    spool: Spool, tmp_path: Path
) -> None:
    add(spool, 100, day=0)
    add(spool, 900, day=1)
    assert (tmp_path / "spool.sqlite").stat().st_size <= LIMITS.max_bytes + 20 * KIB
    kept = seqs(spool)
    assert kept == list(range(kept[0], 1001)), "the oldest went"
    assert spool.pending() == len(kept)
    assert losses(spool) == {
        ("2026-09-21", "dropped"): 100,
        ("2026-09-22", "dropped"): 900 - len(kept),
    }
    assert spool.lost_total() == 1000 - len(kept)
    assert {loss.stream for loss in spool.losses()} == {spool.stream}


def test_what_ingest_holds_goes_first_and_is_not_called_lost(spool: Spool) -> None:
    add(spool, 100)
    spool.receipt("ingest", [(41, 80)])
    while 41 in seqs(spool):
        add(spool, 1)
    assert seqs(spool)[:41] == [*range(1, 41), 51]
    assert losses(spool) == {("2026-09-21", "unjudged"): 10}
    while set(range(51, 81)) & set(seqs(spool)):
        add(spool, 1)
    assert seqs(spool)[:40] == list(range(1, 41)), "older ones, but only here"
    while 1 in seqs(spool):
        add(spool, 1)
    assert losses(spool) == {("2026-09-21", "unjudged"): 40, ("2026-09-21", "dropped"): 10}


def test_what_ingest_receipts_later_goes_first_too(spool: Spool) -> None:
    while not spool.losses():
        add(spool, 1)
    first = seqs(spool)[0]
    spool.receipt("ingest", [(first + 50, first + 59)])
    while first + 50 in seqs(spool):
        add(spool, 1)
    assert first in seqs(spool)
    assert losses(spool)[("2026-09-21", "unjudged")] == 10


def test_what_the_rules_alone_hold_is_not_preferred(spool: Spool) -> None:
    add(spool, 100)
    spool.receipt("rules", [(41, 80)])
    while 1 in seqs(spool):
        add(spool, 1)
    assert losses(spool) == {("2026-09-21", "dropped"): 10}


def test_numbers_go_on_after_drops_and_late_receipts_change_nothing(spool: Spool) -> None:
    add(spool, 1000)
    kept = seqs(spool)
    for consumer in ("ingest", "rules"):
        spool.receipt(consumer, [(1, kept[0] - 1)])
    assert seqs(spool) == kept
    assert spool.append([draft()]) == [1001]


# -- age ------------------------------------------------------------------------------------------


def run_days(spool: Spool, days: range, *, trusted: bool = True) -> None:
    """One look at the clock an hour, and one reading a day."""
    for day in days:
        for hour in range(24):
            steady_ms = day * DAY_MS + hour * HOUR_MS
            spool.bounds.note_day(DAY_1_MS + steady_ms, trusted=trusted, steady_ms=steady_ms)
        add(spool, 1, day)


def test_a_reading_goes_when_the_gateway_has_run_for_more_days_than_the_limit(spool: Spool) -> None:
    run_days(spool, range(6))
    assert seqs(spool) == [1, 2, 3, 4, 5, 6]
    run_days(spool, range(6, 7))
    assert seqs(spool) == [2, 3, 4, 5, 6, 7]
    run_days(spool, range(7, 8))
    assert seqs(spool) == [3, 4, 5, 6, 7, 8]
    assert losses(spool) == {("2026-09-21", "dropped"): 1, ("2026-09-22", "dropped"): 1}


def test_without_a_trusted_clock_days_of_running_count(spool: Spool) -> None:
    run_days(spool, range(20), trusted=False)
    assert 0 < len(seqs(spool)) <= 8
    assert seqs(spool)[-1] == 20


@pytest.mark.parametrize("by_ms", [20 * 365 * DAY_MS, -40 * 365 * DAY_MS])
def test_a_clock_that_jumps_makes_nothing_old(spool: Spool, by_ms: int) -> None:
    run_days(spool, range(3))
    for look in range(100):
        jumped = by_ms if look % 2 else 0
        t_ms = max(0, DAY_1_MS + 3 * DAY_MS + jumped)
        spool.bounds.note_day(t_ms, trusted=True, steady_ms=3 * DAY_MS + look * 10_000)
    assert spool.trim() == 0
    assert seqs(spool) == [1, 2, 3]


def test_after_a_jump_far_ahead_and_back_days_still_pass(spool: Spool) -> None:
    spool.append([draft()])
    spool.bounds.note_day(DAY_1_MS + 3650 * DAY_MS, trusted=True, steady_ms=0)
    for hour in range(24 * 10):
        spool.bounds.note_day(DAY_1_MS + hour * HOUR_MS, trusted=True, steady_ms=hour * HOUR_MS)
    assert spool.trim() == 1
