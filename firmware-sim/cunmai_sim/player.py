"""Plays samples on an oximeter, at the recording's pace or faster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from cunmai_sim.codec import CONTINUOUS, SPOT_CHECK
from cunmai_sim.errors import SimError
from cunmai_sim.oximeter import Oximeter, continuous_frame, spot_frame
from cunmai_sim.scenario import Sample

MIN_SPEED, MAX_SPEED = 1.0, 100.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame about to go on the air."""

    at_s: float
    characteristic: str
    payload: bytes
    sample: Sample


@dataclass(frozen=True, slots=True)
class Played:
    """What one `play` did. `unheard` frames had no subscriber."""

    samples: int
    continuous_sent: int
    spots_sent: int
    spots_confirmed: int
    unheard: int


def check_speed(speed: float) -> float:
    """The speed, or SimError where it is not within 1 to 100."""
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise SimError(
            f"速度须在 1 到 100 之间, 不能是 {speed:g}", f"the speed must be within 1 to 100, not {speed:g}"
        )
    return speed


class Player:
    """Plays samples on one oximeter.

    `speed` 20 plays a minute in three seconds. `spot_every_s`: beside the continuous series, a spot
    check with the first value at or after every so many seconds of the recording; None for none.
    `on_frame` is told of each frame just before it is sent. Waiting is against the start of the play,
    so that neither rounding nor a slow moment adds up.
    """

    def __init__(
        self,
        oximeter: Oximeter,
        *,
        speed: float = 1.0,
        spot_every_s: float | None = None,
        on_frame: Callable[[Frame], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._oximeter = oximeter
        self._speed = check_speed(speed)
        self._spot_every_s = spot_every_s
        self._next_spot_s = 0.0
        self._on_frame = on_frame
        self._monotonic = monotonic
        self._sleep = sleep

    async def play(self, samples: Iterable[Sample]) -> Played:
        """Play to the end. Samples are in order of `at_s`, which counts from 0."""
        counts = self._oximeter.counts
        before = (counts.continuous_sent, counts.spots_sent, counts.spots_confirmed, counts.unheard)
        self._next_spot_s = 0.0
        played = 0
        begin = self._monotonic()
        for sample in samples:
            await self._sleep(max(0.0, begin + sample.at_s / self._speed - self._monotonic()))
            await self._send(sample)
            played += 1
        after = (counts.continuous_sent, counts.spots_sent, counts.spots_confirmed, counts.unheard)
        return Played(played, *(now - then for now, then in zip(after, before, strict=True)))

    async def _send(self, sample: Sample) -> None:
        self._tell(sample, CONTINUOUS, continuous_frame(sample))
        await self._oximeter.send_continuous(sample)
        if self._spot_is_due(sample):
            self._tell(sample, SPOT_CHECK, spot_frame(sample))
            await self._oximeter.send_spot(sample)

    def _spot_is_due(self, sample: Sample) -> bool:
        every_s = self._spot_every_s
        if every_s is None or not sample.finger or sample.spo2_pct is None:
            return False
        if sample.at_s < self._next_spot_s:
            return False
        self._next_spot_s = (sample.at_s // every_s + 1) * every_s
        return True

    def _tell(self, sample: Sample, characteristic: str, payload: bytes) -> None:
        if self._on_frame is not None:
            self._on_frame(Frame(sample.at_s, characteristic, payload, sample))
