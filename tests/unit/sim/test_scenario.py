"""Scripted vital signs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from cunmai_sim.errors import SimError
from cunmai_sim.scenario import (
    SCENARIOS,
    Sample,
    endless,
    finger_off,
    in_turn,
    recovery,
    slow_desaturation,
    stable,
    visit,
)
from cunmai_sim.source import scripted


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_sample_a_second_and_the_same_for_the_same_seed(name: str) -> None:
    make = SCENARIOS[name].make
    first = list(make(7))
    assert first == list(make(7))
    assert [sample.at_s for sample in first] == [float(n) for n in range(len(first))]


@pytest.mark.parametrize("name", ["stable", "desaturation", "recovery", "visit"])
def test_another_seed_is_another_resident(name: str) -> None:
    assert list(SCENARIOS[name].make(1)) != list(SCENARIOS[name].make(2))


def _spo2(samples: Iterator[Sample]) -> list[float]:
    return [sample.spo2_pct for sample in samples if sample.spo2_pct is not None]


def test_stable_stays_well_above_any_threshold() -> None:
    values = _spo2(stable(seed=3, duration_s=300))
    assert len(values) == 300
    assert min(values) >= 96
    assert max(values) <= 98


def test_slow_desaturation_falls_from_97_to_84_in_20_s_and_holds() -> None:
    values = _spo2(slow_desaturation(seed=3))
    assert values[0] == 97
    assert values[10] in (90, 91)
    assert values[20:] == [84.0] * 40
    assert all(later <= earlier for earlier, later in pairwise(values))


def test_the_pulse_rises_while_the_saturation_falls() -> None:
    pulses = [sample.pulse_bpm for sample in slow_desaturation(seed=3)]
    assert pulses[0] is not None
    assert pulses[-1] is not None
    assert pulses[-1] - pulses[0] > 20


def test_recovery_rises_to_97() -> None:
    values = _spo2(recovery(seed=3))
    assert values[0] == 84
    assert values[20:] == [97.0] * 40


def test_finger_off_has_no_values() -> None:
    samples = list(finger_off(duration_s=3))
    assert samples == [Sample(float(n), None, None, None, finger=False) for n in range(3)]


def test_in_turn_goes_on_where_the_part_before_ended() -> None:
    joined = list(in_turn(stable(duration_s=2), finger_off(duration_s=2)))
    assert [sample.at_s for sample in joined] == [0, 1, 2, 3]
    assert [sample.finger for sample in joined] == [True, True, False, False]


def test_a_visit_ends_with_the_clip_off() -> None:
    samples = list(visit(seed=1))
    assert min(sample.spo2_pct for sample in samples if sample.spo2_pct is not None) == 84
    assert not samples[-1].finger


def test_endless_goes_on_in_time() -> None:
    times = [sample.at_s for sample in islice(endless(lambda: finger_off(duration_s=3)), 7)]
    assert times == [0, 1, 2, 3, 4, 5, 6]


def test_endless_of_nothing_ends() -> None:
    assert list(endless(list)) == []


def test_an_unknown_scenario_names_those_that_exist() -> None:
    with pytest.raises(SimError, match="there are stable, desaturation"):
        scripted("asystole", 0)
