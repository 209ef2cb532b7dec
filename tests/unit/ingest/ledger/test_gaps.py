"""Gaps keep their history, and every decision has its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.ledger.gaps import Gap, Gateway, Patience, Step, asked, decide, due_ms, ended, follow
from cunmai_ingest.ledger.spans import Spans, count, spans
from cunmai_wire.events import GapKind

MISSING = GapKind.MISSING
PATIENCE = Patience(overdue_after_ms=900_000, ask_again_ms=900_000, most_asks=3)
HERE = Gateway(online=True, stream="s-1")
SETS = st.sets(st.integers(1, 30)).map(lambda numbers: spans((number, number) for number in numbers))


@given(st.lists(SETS, min_size=1, max_size=6))
def test_a_number_keeps_the_moment_since_when_it_is_missing(story: list[Spans]) -> None:
    gaps: list[Gap] = []
    since: dict[int, int] = {}
    for now_ms, open_now in enumerate(story):
        gaps = follow(gaps, MISSING, open_now, now_ms)
        numbers = {number for first, last in open_now for number in range(first, last + 1)}
        since = {number: since.get(number, now_ms) for number in numbers}
        found = {number: gap.since_ms for gap in gaps for number in range(gap.first, gap.last + 1)}
        assert found == since
        assert sum(gap.last - gap.first + 1 for gap in gaps) == count(open_now)


def test_a_gap_that_is_split_keeps_its_history_on_both_sides() -> None:
    gap = Gap(MISSING, 10, 20, since_ms=5, asks=2, next_ask_ms=99, told=True)
    left, right, fresh = follow([gap], MISSING, ((10, 12), (16, 20), (30, 31)), 50)
    assert left == Gap(MISSING, 10, 12, 5, 2, 99, told=True)
    assert right == Gap(MISSING, 16, 20, 5, 2, 99, told=True)
    assert fresh == Gap(MISSING, 30, 31, 50)
    assert ended([gap], MISSING, ((10, 12), (16, 20))) == [Gap(MISSING, 13, 15, 5, 2, 99, told=True)]


def test_neighbours_of_different_history_stay_apart() -> None:
    gaps = follow([Gap(MISSING, 1, 2, 5)], MISSING, ((1, 4),), 50)
    assert gaps == [Gap(MISSING, 1, 2, 5), Gap(MISSING, 3, 4, 50)]


def test_what_was_never_told_ends_in_silence() -> None:
    assert ended([Gap(MISSING, 1, 2, 5)], MISSING, ()) == []


@pytest.mark.parametrize(
    ("gap", "gateway", "now_ms", "step"),
    [
        (Gap(MISSING, 1, 2, 0), HERE, 899_999, Step.YOUNG),
        (Gap(MISSING, 1, 2, 0), HERE, 900_000, Step.ASK),
        (Gap(MISSING, 1, 2, 0, asks=1, next_ask_ms=1_800_000), HERE, 1_799_999, Step.BACKING_OFF),
        (Gap(MISSING, 1, 2, 0, asks=1, next_ask_ms=1_800_000), HERE, 1_800_000, Step.ASK),
        (Gap(MISSING, 1, 2, 0, asks=3), HERE, 9_000_000, Step.ASKED_ENOUGH),
        (Gap(MISSING, 1, 2, 0), Gateway(online=False, stream="s-1"), 900_000, Step.GATEWAY_OFFLINE),
        (Gap(MISSING, 1, 2, 0), Gateway(online=True, stream="s-2"), 900_000, Step.STREAM_REPLACED),
        (Gap(MISSING, 1, 2, 0), Gateway(online=True, stream=""), 900_000, Step.ASK),
        (Gap(GapKind.LOST, 1, 2, 0), HERE, 0, Step.GATEWAY_DROPPED),
        (Gap(GapKind.UNJUDGED, 1, 2, 0), HERE, 899_999, Step.YOUNG),
        (Gap(GapKind.UNJUDGED, 1, 2, 0), HERE, 900_000, Step.NOT_JUDGED),
    ],
)
def test_every_decision_has_its_reason(gap: Gap, gateway: Gateway, now_ms: int, step: Step) -> None:
    assert decide(gap, "s-1", gateway, PATIENCE, now_ms) is step


def test_asking_backs_off_and_ends() -> None:
    gap, asked_at = Gap(MISSING, 1, 2, 0), []
    for now_ms in range(0, 20_000_000, 100_000):
        if decide(gap, "s-1", HERE, PATIENCE, now_ms) is Step.ASK:
            asked_at.append(now_ms)
            gap = asked(gap, PATIENCE, now_ms)
    assert asked_at == [900_000, 1_800_000, 3_600_000]


def test_the_pause_has_a_longest() -> None:
    patience = Patience(0, 900_000, 100)
    gap = Gap(MISSING, 1, 2, 0, asks=50)
    assert asked(gap, patience, 0).next_ask_ms == 6 * 3600 * 1000


def test_time_alone_wakes_only_what_it_can_change() -> None:
    gap = Gap(MISSING, 1, 2, since_ms=100, next_ask_ms=7)
    assert due_ms(gap, Step.YOUNG, PATIENCE) == 900_100
    assert due_ms(gap, Step.BACKING_OFF, PATIENCE) == 7
    assert due_ms(gap, Step.GATEWAY_OFFLINE, PATIENCE) is None
    assert due_ms(gap, Step.ASKED_ENOUGH, PATIENCE) is None
