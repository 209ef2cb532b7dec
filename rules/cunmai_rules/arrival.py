"""When a reading was measured, as far as its gateway's clock and our own can be believed. Pure.

- A trusted clock is taken at its word.
- A clock that is not trusted, but agrees with ours to two minutes when it sends, is taken at its word too.
- A clock that is shown to be wrong, whatever it says of itself, is only believed about spans: the reading
  is as old as the gateway said when it sent it. It is shown to be wrong by a message sent later than it
  arrived, by one sent before this system existed or longer ago than a gateway keeps readings, and by a
  difference that stays the same while time passes (a message that waited has a difference that shrinks).
  Which of the two clocks is wrong does not matter: ours must not silence every clinic.
- Any other clock is believed about spans too. A page about a reading that waited in the broker is possible
  then; a missed page would be worse.
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

STEADY_WITHIN_MS = 10_000
STEADY_AFTER_MS = 60_000


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
    steady: bool = False
    """The difference between the two clocks has stayed the same: it is the clocks', not a message's wait."""

    @property
    def differs_ms(self) -> int:
        """Ours less the gateway's: the message's way, plus what the clocks differ by."""
        return self.arrived_ms - self.t_ms

    @property
    def agrees(self) -> bool:
        return abs(self.differs_ms) <= AGREES_WITHIN_MS

    @property
    def disproved(self) -> bool:
        """One of the two clocks is wrong."""
        if self.agrees:
            return False
        return self.differs_ms < 0 or self.t_ms < EARLIEST_MS or self.differs_ms > OLDEST_MS or self.steady


@dataclass(frozen=True, slots=True)
class Difference:
    """How one gateway's clock has differed from ours, while it stayed the same to ten seconds."""

    since_ms: int
    differs_ms: int

    def and_then(self, sent: Sent) -> Difference:
        """After one more message."""
        if abs(sent.differs_ms - self.differs_ms) <= STEADY_WITHIN_MS:
            return self
        return Difference(sent.arrived_ms, sent.differs_ms)

    def steady_at(self, arrived_ms: int) -> bool:
        return arrived_ms - self.since_ms >= STEADY_AFTER_MS


def place(t_ms: int, clock: ClockTrust, sent: Sent, late_after_ms: int) -> Placed | str:
    """Place one reading in our time, or say why it cannot be placed."""
    if _set_between(t_ms, clock, sent):
        return Placed(sent.arrived_ms, late=True)
    by_its_word = not sent.disproved and (clock is ClockTrust.TRUSTED or sent.agrees)
    at_ms = t_ms if by_its_word else sent.arrived_ms - (sent.t_ms - t_ms)
    age_ms = sent.arrived_ms - at_ms
    if at_ms < EARLIEST_MS or age_ms > OLDEST_MS:
        return "dated too far in the past"
    if age_ms < -FUTURE_TOLERANCE_MS:
        return "dated in the future"
    return Placed(min(at_ms, sent.arrived_ms), late=age_ms > late_after_ms)


def _set_between(t_ms: int, clock: ClockTrust, sent: Sent) -> bool:
    """Whether the gateway's clock was set between measuring and sending."""
    if FUTURE_TOLERANCE_MS < t_ms - sent.t_ms <= OLDEST_MS:
        return True  # measured after it was sent: it was put back
    if clock is ClockTrust.TRUSTED and not sent.disproved:
        return False
    return clock is not sent.clock or t_ms < EARLIEST_MS <= sent.t_ms
