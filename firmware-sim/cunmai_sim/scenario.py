"""Scripted vital signs: pure generators of samples, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

INTERVAL_S = 1.0
"""Oximeters send one value a second."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the sensor says at one moment, `at_s` seconds after the beginning.

    `finger` False: nobody's finger is in the clip. A None value with the finger in: no value yet, or lost.
    """

    at_s: float
    spo2_pct: float | None
    pulse_bpm: float | None
    perfusion_index_pct: float | None
    finger: bool = True


def stable(*, seed: int = 0, duration_s: float = 60) -> Iterator[Sample]:
    """A healthy resident: SpO2 96 to 98, pulse about 72."""
    noise = random.Random(f"stable {seed}")  # noqa: S311 (vital signs, not secrets)
    for at_s in _seconds(duration_s):
        yield _sample(at_s, 97 + noise.choice((-1, 0, 0, 0, 1)), 72 + noise.randint(-2, 2), noise)


def slow_desaturation(
    *, seed: int = 0, fall_s: float = 20, hold_s: float = 40, from_pct: float = 97, to_pct: float = 84
) -> Iterator[Sample]:
    """SpO2 falls evenly from `from_pct` to `to_pct` over `fall_s` and holds; the pulse rises against it."""
    noise = random.Random(f"desaturation {seed}")  # noqa: S311 (vital signs, not secrets)
    for at_s in _seconds(fall_s + hold_s):
        depth = min(at_s / fall_s, 1.0)
        spo2_pct = round(from_pct - (from_pct - to_pct) * depth)
        yield _sample(at_s, spo2_pct, round(74 + 30 * depth) + noise.randint(-1, 1), noise)


def recovery(
    *, seed: int = 0, rise_s: float = 20, hold_s: float = 40, from_pct: float = 84, to_pct: float = 97
) -> Iterator[Sample]:
    """The way back, with oxygen: SpO2 rises evenly over `rise_s` and holds."""
    noise = random.Random(f"recovery {seed}")  # noqa: S311 (vital signs, not secrets)
    for at_s in _seconds(rise_s + hold_s):
        height = min(at_s / rise_s, 1.0)
        spo2_pct = round(from_pct + (to_pct - from_pct) * height)
        yield _sample(at_s, spo2_pct, round(104 - 28 * height) + noise.randint(-1, 1), noise)


def finger_off(*, seed: int = 0, duration_s: float = 30) -> Iterator[Sample]:
    """The clip is empty. The seed changes nothing; it is there so that all scenarios are called alike."""
    del seed
    for at_s in _seconds(duration_s):
        yield Sample(at_s, None, None, None, finger=False)


def visit(*, seed: int = 0) -> Iterator[Sample]:
    """One resident's visit: stable, slow desaturation, recovery, and the clip taken off."""
    return in_turn(
        stable(seed=seed, duration_s=15),
        slow_desaturation(seed=seed, hold_s=25),
        recovery(seed=seed, hold_s=10),
        finger_off(seed=seed, duration_s=10),
    )


def in_turn(*parts: Iterable[Sample]) -> Iterator[Sample]:
    """One part after another, each beginning one interval after the end of that before."""
    begin_s = 0.0
    for part in parts:
        last_s = None
        for sample in part:
            last_s = begin_s + sample.at_s
            yield replace(sample, at_s=last_s)
        begin_s = begin_s if last_s is None else last_s + INTERVAL_S


def endless(make: Callable[[], Iterable[Sample]]) -> Iterator[Sample]:
    """Again and again, time going on. Ends only where `make` gives nothing."""
    begin_s = 0.0
    while True:
        last_s = None
        for sample in make():
            last_s = begin_s + sample.at_s
            yield replace(sample, at_s=last_s)
        if last_s is None:
            return
        begin_s = last_s + INTERVAL_S


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario by name, for the command line and the demo."""

    name: str
    chinese: str
    english: str
    make: Callable[[int], Iterator[Sample]]


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("stable", "平稳", "stable, SpO2 about 97", lambda seed: stable(seed=seed)),
        Scenario(
            "desaturation",
            "血氧缓慢下降至 84 并保持",
            "SpO2 falls to 84 in 20 s and stays",
            lambda seed: slow_desaturation(seed=seed),
        ),
        Scenario(
            "recovery", "血氧回升", "SpO2 rises from 84 to 97 in 20 s", lambda seed: recovery(seed=seed)
        ),
        Scenario("finger-off", "手指脱落", "no finger in the clip", lambda seed: finger_off(seed=seed)),
        Scenario(
            "visit",
            "一次就诊: 平稳, 下降, 回升, 取下",
            "one visit: stable, falling, recovering, clip taken off",
            lambda seed: visit(seed=seed),
        ),
    )
}


def _seconds(duration_s: float) -> Iterator[float]:
    for index in range(int(duration_s / INTERVAL_S)):
        yield index * INTERVAL_S


def _sample(at_s: float, spo2_pct: float, pulse_bpm: float, noise: random.Random) -> Sample:
    return Sample(at_s, float(spo2_pct), float(pulse_bpm), round(noise.uniform(1.2, 2.4), 1))
