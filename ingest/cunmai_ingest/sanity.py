"""Where a reading stands in our time, by stated rules. Pure. The rules in words: docs/clock-sanity.md.

A reading says when it was measured (`t`) and how far the gateway's clock could be believed then; its
envelope says when it was sent and how far the clock could be believed at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from cunmai_wire.base import MAX_MILLIS, ClockTrust

EARLIEST_MS = 1_577_836_800_000
"""2020-01-01T00:00:00Z: no gateway of this system is older."""

MAX_AHEAD_MS = 24 * 3600 * 1000
"""Further ahead of its arrival nothing is believed."""

AHEAD_MS = 2 * 60_000
"""Further ahead of its arrival a reading is marked."""

AGREES_WITHIN_MS = 2 * 60_000
"""A clock that is not trusted, but is this close to ours when it sends, is believed."""

SPOOL_KEEPS_MS = 90 * 24 * 3600 * 1000
"""The longest a gateway keeps a reading: none can be older than its stream's first contact and this."""


class TimeFlag(StrEnum):
    """What is unusual about a stored reading's time."""

    CORRECTED = "corrected"
    """The clock was wrong by a known, steady offset, which was added."""
    UNSURE = "unsure"
    """The clock was not trusted, and nothing steady is known of it: stored at the reading's own word."""
    AHEAD = "ahead"
    """More than two minutes, and at most a day, after its arrival."""
    BEFORE_BIRTH = "before_birth"
    """Older than the gateway's stream can hold."""


class Sent(NamedTuple):
    """What the envelope said, and when it arrived by our clock."""

    t_ms: int
    clock: ClockTrust
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a reading's stream before the reading is judged."""

    offset_ms: int | None = None
    """The steady difference between our clock and the gateway's, where there is one."""
    placed_ms: int | None = None
    """The offset by which this very reading was placed when it came before: it never moves again."""
    first_contact_ms: int | None = None


class Placed(NamedTuple):
    """The time at which a reading is stored, and what is to be said of it."""

    t_ms: int
    flag: TimeFlag | None = None
    offset_ms: int = 0


@dataclass(frozen=True, slots=True)
class TimeFault:
    """A time that cannot be believed, and that nothing known can mend."""

    detail: str
    may_settle: bool = False
    """The clock's offset may become known: the reading need not be refused yet."""


def place(t_ms: int, clock: ClockTrust, sent: Sent, known: Known = Known()) -> Placed | TimeFault:
    """Decide the time of one reading, or say why it cannot be stored."""
    if known.placed_ms is not None:
        return _placed_again(t_ms, clock, sent, known.placed_ms)
    if clock is ClockTrust.TRUSTED or _agrees(clock, sent):
        return _plausible(Placed(t_ms), sent, known)
    # A clock that was set between measuring and sending says nothing of how it stood before.
    same_clock = clock is sent.clock
    if same_clock and known.offset_ms is not None:
        moved = Placed(t_ms + known.offset_ms, TimeFlag.CORRECTED, known.offset_ms)
        return _plausible(moved, sent, known)
    own_word = _plausible(Placed(t_ms, TimeFlag.UNSURE), sent, known)
    if isinstance(own_word, TimeFault):
        return TimeFault(own_word.detail, may_settle=same_clock)
    return own_word


def _agrees(clock: ClockTrust, sent: Sent) -> bool:
    return clock is sent.clock and abs(sent.arrived_ms - sent.t_ms) <= AGREES_WITHIN_MS


def _placed_again(t_ms: int, clock: ClockTrust, sent: Sent, offset_ms: int) -> Placed:
    if offset_ms:
        return Placed(t_ms + offset_ms, TimeFlag.CORRECTED, offset_ms)
    believed = clock is ClockTrust.TRUSTED or _agrees(clock, sent)
    return Placed(t_ms, None if believed else TimeFlag.UNSURE)


def _plausible(placed: Placed, sent: Sent, known: Known) -> Placed | TimeFault:
    t_ms, arrived_ms = placed.t_ms, sent.arrived_ms
    fault = time_fault(t_ms, arrived_ms)
    if fault is not None:
        return TimeFault(fault)
    if placed.flag is not None:
        return placed
    if t_ms > arrived_ms + AHEAD_MS:
        return Placed(t_ms, TimeFlag.AHEAD, placed.offset_ms)
    if known.first_contact_ms is not None and t_ms < known.first_contact_ms - SPOOL_KEEPS_MS:
        return Placed(t_ms, TimeFlag.BEFORE_BIRTH, placed.offset_ms)
    return placed


def time_fault(t_ms: int, arrived_ms: int) -> str | None:
    """What is wrong with a time, in one sentence, or None."""
    if t_ms < EARLIEST_MS:
        return f"dated {_date(t_ms)}, before {_date(EARLIEST_MS)}"
    if t_ms > arrived_ms + MAX_AHEAD_MS:
        return f"dated {_date(t_ms)}, more than 24 h after it arrived on {_date(arrived_ms)}"
    return None


def _date(t_ms: int) -> str:
    if t_ms > MAX_MILLIS:  # A clock's correction can take a reading beyond what a calendar can name.
        return "after 9999-12-31"
    return datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%d")
