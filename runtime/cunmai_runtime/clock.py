"""The clock is passed in, so that tests and replays can move it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], int]
"""Milliseconds since 1970-01-01T00:00:00Z."""


def system_clock() -> int:
    """The operating system's wall clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class ScaledClock:
    """A wall clock that runs `speed` times faster, for replays of recorded hours in minutes.

    It is driven by the monotonic clock, so that stepping the wall clock does not bend a replay.
    Every process of one replay needs the same two anchors: `origin_ms` on the scaled axis is the
    moment `anchor_monotonic_ns` on the machine's.
    """

    speed: float
    origin_ms: int = field(default_factory=system_clock)
    anchor_monotonic_ns: int = field(default_factory=time.monotonic_ns)

    def __call__(self) -> int:
        elapsed_ns = time.monotonic_ns() - self.anchor_monotonic_ns
        return self.origin_ms + int(elapsed_ns * self.speed) // 1_000_000

    def real_ms(self, scaled_ms: float) -> float:
        """A span of scaled time, in real milliseconds."""
        return scaled_ms / self.speed
