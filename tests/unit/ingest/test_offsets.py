"""When a clock's offset counts as steady, and what must never look so."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.offsets import LEAST_SAMPLES, LEAST_SPAN_MS, SPREAD_MS, Offsets

T0_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def _after(*samples: tuple[int, int]) -> Offsets:
    """Each `(sent_ms, arrived_ms)`."""
    return reduce(lambda offsets, sample: offsets.seen(*sample), samples, Offsets())


def _steady(count: int, *, behind_ms: int = HOUR_MS, every_ms: int = 5000) -> list[tuple[int, int]]:
    sent = [T0_MS + every_ms * n for n in range(count)]
    return [(at_ms, at_ms + behind_ms + 30) for at_ms in sent]


def test_a_steady_offset_is_the_one_that_was_shortest_on_the_way() -> None:
    samples = _steady(4)
    samples[2] = (samples[2][0], samples[2][1] - 20)
    assert _after(*samples).settled_ms == HOUR_MS + 10


def test_too_few_or_too_close_samples_are_not_steady() -> None:
    assert _after(*_steady(LEAST_SAMPLES - 1)).settled_ms is None
    assert _after(*_steady(8, every_ms=100)).settled_ms is None


def test_a_clock_that_jumps_is_not_steady_until_it_has_settled_again() -> None:
    before = _steady(8)
    after = [(sent + 60_000, arrived + 60_000 + 5 * HOUR_MS) for sent, arrived in _steady(8)]
    assert _after(*before, after[0]).settled_ms is None
    assert _after(*before, *after).settled_ms == 6 * HOUR_MS + 30


def test_an_offset_measured_again_does_not_move_what_it_corrects() -> None:
    first = _steady(8)
    drifted = [(sent + 60_000, arrived + 60_000 + 900) for sent, arrived in _steady(8)]
    assert _after(*first, *drifted).settled_ms == _after(*first).settled_ms


@given(
    st.lists(st.integers(1, 60_000), min_size=8, max_size=20),
    st.integers(0, 20),
    st.integers(0, 10 * HOUR_MS),
)
def test_a_burst_that_waited_in_the_broker_never_looks_steady(
    gaps_ms: list[int], drain_ms: int, waited_ms: int
) -> None:
    """Sent over a span, and then delivered all at once, hours later."""
    sent = T0_MS
    arrived = T0_MS + sum(gaps_ms) + waited_ms
    offsets = Offsets()
    for gap_ms in gaps_ms:
        sent += gap_ms
        arrived += drain_ms
        offsets = offsets.seen(sent, arrived)
        assert offsets.settled_ms is None


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.tuples(st.integers(2000, 60_000), st.integers(0, 1500)), min_size=8, max_size=20),
)
def test_a_steady_clock_is_found_to_within_the_time_on_the_way(
    offset_ms: int, steps: list[tuple[int, int]]
) -> None:
    sent = 10**12
    offsets = Offsets()
    for gap_ms, on_the_way_ms in steps:
        sent += gap_ms
        offsets = offsets.seen(sent, sent + offset_ms + on_the_way_ms)
    assert LEAST_SPAN_MS <= 7 * 2000, "the steps above span long enough"
    assert offsets.settled_ms is not None
    assert offset_ms <= offsets.settled_ms <= offset_ms + SPREAD_MS
