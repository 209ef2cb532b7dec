"""When a value has settled, and what the page says beside it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.kiosk.advice import Advice, advise
from cunmai_gateway.kiosk.stability import Sample, Settling, StabilityRule, judge

RULE = StabilityRule(hold_ms=15_000, range_pct=2.0, gap_ms=4_000, least_samples=8)


def series(*spo2_pcts: float, every_ms: int = 1000, flags: Sequence[int] = ()) -> list[Sample]:
    return [
        Sample(index * every_ms, value, 70.0 + index % 3, ("poor_signal",) if index in flags else ())
        for index, value in enumerate(spo2_pcts)
    ]


def test_nothing_yet() -> None:
    assert judge([], 0, RULE).reason is Settling.NO_SIGNAL


def test_fifteen_quiet_seconds_settle_it_and_not_one_less() -> None:
    samples = series(*[97, 96, 97, 98] * 4)  # 16 samples: from 0 s to 15 s
    early = judge(samples[:-1], 14_000, RULE)
    assert (early.reason, round(early.share, 3)) == (Settling.TOO_SHORT, 0.933)
    late = judge(samples, 15_000, RULE)
    assert (late.reason, late.share, late.spo2_pct, late.pulse_bpm) == (Settling.STABLE, 1.0, 97, 71)


def test_a_series_that_is_too_thin_does_not_settle() -> None:
    samples = series(97, 97, 97, 97, 97, every_ms=4_000)  # 16 s, five samples
    progress = judge(samples, 16_000, RULE)
    assert (progress.reason, progress.share) == (Settling.TOO_SHORT, 5 / 8)


def test_a_value_that_moves_says_so_and_settles_after_it_stopped() -> None:
    samples = series(*[92] * 10, *[95] * 5)
    progress = judge(samples, 14_000, RULE)
    assert (progress.reason, round(progress.share, 3)) == (Settling.VARIES, 0.267)
    later = series(*[92] * 10, *[95] * 16)
    assert judge(later, 25_000, RULE).spo2_pct == 95


@pytest.mark.parametrize(("high", "reason"), [(97.0, Settling.STABLE), (97.1, Settling.VARIES)])
def test_the_range_includes_its_ends(high: float, reason: Settling) -> None:
    samples = series(95, high, *[96] * 14)
    assert judge(samples, 15_000, RULE).reason is reason


def test_a_flag_on_the_newest_is_a_poor_signal_and_one_before_begins_anew() -> None:
    assert judge(series(*[97] * 20, flags=[19]), 19_000, RULE).reason is Settling.POOR_QUALITY
    progress = judge(series(*[97] * 20, flags=[15]), 19_000, RULE)
    assert (progress.reason, round(progress.share, 3)) == (Settling.TOO_SHORT, 0.2)


def test_a_gap_begins_anew_and_silence_is_no_signal() -> None:
    samples = [*series(*[97] * 16), Sample(15_000 + 4_001, 97)]
    assert judge(samples, 19_001, RULE).reason is Settling.TOO_SHORT
    assert judge(series(*[97] * 16), 19_000, RULE).reason is Settling.STABLE
    assert judge(series(*[97] * 16), 19_001, RULE).reason is Settling.NO_SIGNAL


@given(
    st.lists(st.tuples(st.integers(1, 6_000), st.integers(80, 100), st.booleans()), max_size=60),
)
def test_whatever_comes_stable_means_that_the_rule_holds(steps: list[tuple[int, int, bool]]) -> None:
    samples: list[Sample] = []
    t_ms = 0
    for later_ms, value, flagged in steps:
        t_ms += later_ms
        samples.append(Sample(t_ms, value, None, ("movement",) if flagged else ()))
    progress = judge(samples, t_ms, RULE)
    assert 0 <= progress.share <= 1
    assert (progress.spo2_pct is not None) == (progress.reason is Settling.STABLE)
    if progress.reason is Settling.STABLE:
        last = [sample for sample in samples if t_ms - sample.t_ms <= RULE.hold_ms]
        assert not any(sample.quality for sample in last)
        values = [sample.spo2_pct for sample in last]
        assert max(values) - min(values) <= RULE.range_pct
        assert progress.spo2_pct is not None
        assert min(values) <= progress.spo2_pct <= max(values)


@pytest.mark.parametrize(
    ("spo2_pct", "advice"),
    [
        (100, Advice.USUAL), (95, Advice.USUAL), (94.9, Advice.REPEAT), (94, Advice.REPEAT),
        (93.1, Advice.REPEAT), (93, Advice.TELL), (92, Advice.TELL), (90, Advice.TELL),
        (89.9, Advice.CALL), (70, Advice.CALL), (None, Advice.UNKNOWN),
    ],
)  # fmt: skip
def test_advice_at_each_cut(spo2_pct: float | None, advice: Advice) -> None:
    assert advise(spo2_pct, 40) is advice


@pytest.mark.parametrize("altitude_m", [None, 2_501, 4_000])
def test_without_a_known_low_altitude_no_value_is_called_usual(altitude_m: float | None) -> None:
    assert {advise(value, altitude_m) for value in (85, 93, 97, 100)} == {Advice.UNKNOWN}
