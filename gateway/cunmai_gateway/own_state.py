"""What the broker says of this gateway itself: its own last state, or somebody else's under its id. Pure.

A spool that was restored from a copy does not know the last numbers it gave out, and would give them out
again: every consumer would take the new readings for old ones. The broker still has the last state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from cunmai_wire.base import ClockTrust
from cunmai_wire.state import GatewayState


class Verdict(StrEnum):
    """What one state message means to the gateway whose id it bears."""

    OWN = "own"
    """Nothing new."""
    OLD_COPY = "old_copy"
    """Our stream had had more readings than our spool knew of when it was opened."""
    FOREIGN = "foreign"
    """Another stream: of our own past, before a damaged spool or a new disk, or of another gateway."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Compared:
    """`state` is None where it could not be read."""

    verdict: Verdict
    state: GatewayState | None = None


def compare(payload: bytes, *, stream: str, at_open: int) -> Compared:
    """Look at a state that an earlier life of ours left, or that somebody else published.

    `stream`, `at_open`: of our spool when this process opened it. What was measured since may have taken
    the very numbers that the earlier life gave out, so the present count says nothing.
    """
    try:
        state = GatewayState.model_validate_json(payload)
    except ValidationError:
        return Compared(Verdict.UNREADABLE)
    if state.stream != stream:
        return Compared(Verdict.FOREIGN, state)
    return Compared(Verdict.OLD_COPY if state.measured > at_open else Verdict.OWN, state)


def known_until_ms(state: GatewayState, now_ms: int) -> int:
    """Up to when readings of the copy were surely measured before it was made; -1 where no time can be believed.

    A will tells when its connection began, so this is early rather than late: a reading more that is counted
    twice is better than one that is lost.
    """
    believed = state.clock is ClockTrust.TRUSTED and state.at <= now_ms
    return state.at if believed else -1
