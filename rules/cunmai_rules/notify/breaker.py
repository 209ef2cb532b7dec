"""A circuit breaker for each SMS provider. Pure.

It only says which provider to ask first: an open breaker never holds a message back where no other
provider is better (`routing`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS

OPEN_AFTER = 3
"""Failures in a row."""
COOL_FIRST_S = 30
COOL_LONGEST_S = 300


class Circuit(StrEnum):
    """How a provider stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """It has failed, and the next message that is not urgent tries it again."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """One provider's failures in a row, and since when it is not asked first."""

    failures: int = 0
    opened_ms: int | None = None
    cool_s: int = COOL_FIRST_S
    probing: bool = False
    """A message is trying it right now: one is enough."""

    def circuit(self, now_ms: int) -> Circuit:
        """How it stands now. A moment of opening that is ahead of us means that the clock was set back."""
        if self.opened_ms is None:
            return Circuit.CLOSED
        over = not -CLOCKS_DIFFER_MS <= now_ms - self.opened_ms < self.cool_s * 1000
        return Circuit.HALF_OPEN if over and not self.probing else Circuit.OPEN

    def tried(self, now_ms: int) -> Breaker:
        """A message is being given to it."""
        return (
            self
            if self.opened_ms is None
            else replace(self, probing=self.circuit(now_ms) is not Circuit.CLOSED)
        )

    def succeeded(self) -> Breaker:
        """It answered as one that works: by taking a message, or by refusing that message alone."""
        return Breaker()

    def failed(self, now_ms: int) -> Breaker:
        """It could not be reached, would not take anything, or did not answer."""
        failures = self.failures + 1
        if self.opened_ms is not None:
            cool_s = min(self.cool_s * 2, COOL_LONGEST_S) if self.probing else self.cool_s
            return Breaker(failures, now_ms if self.probing else self.opened_ms, cool_s)
        return Breaker(failures, now_ms if failures >= OPEN_AFTER else None)
