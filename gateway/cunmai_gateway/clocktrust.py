"""How far this machine's wall clock can be believed, told with every time that is taken from it.

The kernel is asked for each reading: setting the clock by hand marks it as not synchronised at once, so
no reading after a jump is taken for trusted. Where nobody can be asked, a jump seen against the clock
that counts since boot is the evidence. Timers never use the wall clock.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from cunmai_runtime.clock import Clock
from cunmai_wire.base import ClockTrust

_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
_TIMEX_BYTES = 512
"""More than `struct timex` takes on any Linux; a zeroed one asks for the state and changes nothing."""

JUMP_MS = 2_000
NOT_BEFORE_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: this program did not exist earlier, whatever the kernel says of its clock."""

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def read_clock_trust() -> ClockTrust:
    """Ask the kernel. UNKNOWN where there is nobody to ask."""
    try:
        state = _libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) if _libc else -1
    except (OSError, AttributeError):
        return ClockTrust.UNKNOWN
    if state < 0:
        return ClockTrust.UNKNOWN
    return ClockTrust.UNTRUSTED if state == _TIME_ERROR else ClockTrust.TRUSTED


def boot_clock_ms() -> int:
    """Milliseconds since boot, counting on while the machine is suspended."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment by the wall clock, and how far to believe it."""

    t_ms: int
    trust: ClockTrust


class ClockWatch:
    """Stamps moments, and sees the wall clock jump."""

    def __init__(
        self,
        clock: Clock,
        read_trust: Callable[[], ClockTrust] = read_clock_trust,
        *,
        steady_ms: Clock | None = boot_clock_ms,
    ) -> None:
        """`steady_ms`: a clock that nobody sets. None where `clock` is meant to run at another speed."""
        self._clock = clock
        self._read_trust = read_trust
        self._steady_ms = steady_ms
        self._offset_ms: int | None = None
        self._jumped = False
        self.jumps = 0
        self._log = structlog.get_logger("clock")

    def stamp(self) -> Stamp:
        """Now."""
        t_ms, trust = self._clock(), self._read_trust()
        self._watch_for_a_jump(t_ms, trust)
        if t_ms < NOT_BEFORE_MS or (self._jumped and trust is ClockTrust.UNKNOWN):
            trust = ClockTrust.UNTRUSTED
        return Stamp(t_ms, trust)

    def trust(self) -> ClockTrust:
        """How far a time taken now could be believed."""
        return self.stamp().trust

    def _watch_for_a_jump(self, t_ms: int, trust: ClockTrust) -> None:
        if self._steady_ms is None:
            return
        offset_ms = t_ms - self._steady_ms()
        before_ms, self._offset_ms = self._offset_ms, offset_ms
        if before_ms is None or abs(offset_ms - before_ms) < JUMP_MS:
            return
        self.jumps += 1
        self._jumped = True
        self._log.warning("clock.jumped", by_s=(offset_ms - before_ms) / 1000, trust=trust)
