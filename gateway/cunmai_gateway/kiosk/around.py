"""What the kiosk needs of the gateway around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cunmai_gateway.spool_thread import SpoolThread
from cunmai_runtime.clock import Clock
from cunmai_wire.base import ClockTrust


@dataclass(frozen=True)
class Surroundings:
    """What the kiosk needs of the gateway around it."""

    spool: SpoolThread
    clock: Clock
    trust: Callable[[], ClockTrust]
    up: Callable[[], bool]
    """Connected to the broker."""
    appended: Callable[[str, int], None]
    """The spool holds readings of this stream up to this number: send them."""
    fault: Callable[[], str | None]
    """Why nothing can be stored now; None while all is well."""
