"""Whether the operating system holds its wall clock to be synchronised."""

from __future__ import annotations

import ctypes
import sys

from cunmai_wire.base import ClockTrust

_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
_TIMEX_BYTES = 512
"""More than `struct timex` takes on any Linux; a zeroed one asks for the state and changes nothing."""


def read_clock_trust() -> ClockTrust:
    """Ask the kernel. UNKNOWN where there is nobody to ask."""
    if sys.platform != "linux":
        return ClockTrust.UNKNOWN
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return ClockTrust.UNKNOWN
    if state < 0:
        return ClockTrust.UNKNOWN
    return ClockTrust.UNTRUSTED if state == _TIME_ERROR else ClockTrust.TRUSTED
