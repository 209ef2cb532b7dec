"""When a reading was measured, as far as its gateway's clock can be believed. Pure.

- A trusted clock is taken at its word.
- A clock that is not trusted, but agrees with ours to two minutes when it sends, is taken at its word too.
- Any other clock is only believed about spans: the reading is as old as the gateway said when it sent it.
  A page about a reading that waited in the broker is possible then; a missed page would be worse.
- A reading whose clock was set between measuring and sending has no known age: it is judged as late.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_wire.base import ClockTrust

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z: no reading of this system is older."""
FUTURE_TOLERANCE_MS = 5 * 60_000
AGREES_WITHIN_MS = 2 * 60_000
OLDEST_MS = 90 * 24 * 3_600_000
"""The longest a gateway keeps a reading."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The moment at which a reading is judged."""

    at_ms: int
    late: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What the envelope said: when it was sent by the gateway's clock, and how far to believe that."""

    t_ms: int
    clock: ClockTrust
    arrived_ms: int


def place(t_ms: int, clock: ClockTrust, sent: Sent, late_after_ms: int) -> Placed | str:
    """Place one reading in our time, or say why it cannot be placed."""
    agrees = abs(sent.arrived_ms - sent.t_ms) <= AGREES_WITHIN_MS
    if clock is ClockTrust.TRUSTED or (clock is sent.clock and agrees):
        at_ms = t_ms
    elif clock is sent.clock:
        at_ms = sent.arrived_ms - (sent.t_ms - t_ms)
    else:
        return Placed(sent.arrived_ms, late=True)
    age_ms = sent.arrived_ms - at_ms
    if at_ms < EARLIEST_MS or age_ms > OLDEST_MS:
        return "dated too far in the past"
    if age_ms < -FUTURE_TOLERANCE_MS:
        return "dated in the future"
    return Placed(at_ms, late=age_ms > late_after_ms)
