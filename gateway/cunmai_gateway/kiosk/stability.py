"""When an oximeter's value has settled: long enough, narrow enough, with a sound signal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median


class Settling(StrEnum):
    """How far a measurement is, and what it waits for."""

    NO_SIGNAL = "no_signal"
    POOR_QUALITY = "poor_quality"
    VARIES = "varies"
    TOO_SHORT = "too_short"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class StabilityRule:
    """The value counts as settled when it stayed within `range_pct` for `hold_ms`, with no flag on it."""

    hold_ms: int = 15_000
    range_pct: float = 2.0
    gap_ms: int = 4_000
    """A silence longer than this begins the measurement anew."""
    least_samples: int = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a running series."""

    t_ms: int
    spo2_pct: float
    pulse_bpm: float | None = None
    quality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """`share` from 0 to 1 of the time that the value must hold. Medians over that time once stable."""

    reason: Settling
    share: float = 0.0
    spo2_pct: float | None = None
    pulse_bpm: float | None = None


def judge(samples: Sequence[Sample], now_ms: int, rule: StabilityRule) -> Progress:
    """How settled the newest samples are. `samples` are in the order of their times."""
    if not samples or now_ms - samples[-1].t_ms > rule.gap_ms:
        return Progress(Settling.NO_SIGNAL)
    if samples[-1].quality:
        return Progress(Settling.POOR_QUALITY)
    tail = _steady_tail(samples, rule)
    held_ms = tail[-1].t_ms - tail[0].t_ms
    share = min(held_ms / rule.hold_ms, len(tail) / rule.least_samples, 1.0)
    if share < 1.0:
        return Progress(Settling.VARIES if _varied(samples, tail, rule) else Settling.TOO_SHORT, share)
    newest = [sample for sample in tail if tail[-1].t_ms - sample.t_ms <= rule.hold_ms]
    pulses = [sample.pulse_bpm for sample in newest if sample.pulse_bpm is not None]
    return Progress(
        Settling.STABLE,
        share,
        median(sample.spo2_pct for sample in newest),
        median(pulses) if pulses else None,
    )


def _steady_tail(samples: Sequence[Sample], rule: StabilityRule) -> list[Sample]:
    """The longest run of sound samples that ends with the newest, without a gap, within the range."""
    tail = [samples[-1]]
    low = high = samples[-1].spo2_pct
    for newer, older in pairwise(reversed(samples)):
        low, high = min(low, older.spo2_pct), max(high, older.spo2_pct)
        if older.quality or newer.t_ms - older.t_ms > rule.gap_ms or high - low > rule.range_pct:
            break
        tail.append(older)
    tail.reverse()
    return tail


def _varied(samples: Sequence[Sample], tail: Sequence[Sample], rule: StabilityRule) -> bool:
    """Whether it was the value's range, and nothing else, that cut the run short."""
    if len(tail) == len(samples):
        return False
    breaker = samples[len(samples) - len(tail) - 1]
    return not breaker.quality and tail[0].t_ms - breaker.t_ms <= rule.gap_ms
