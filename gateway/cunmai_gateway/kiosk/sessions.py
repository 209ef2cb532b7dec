"""Sessions: from when to when the kiosk's readings count for the resident who checked in. Pure.

A session ends at a moment that follows from what is known of it, not from when somebody looks: a reading
that is heard late is judged by its own time. A wrong resident is worse than none, so every doubt ends it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum

_MOST_REMEMBERED = 500
_CLOCK_STEP_MS = 2_000
"""A wall clock that goes back by more than this was set: times before and after cannot be compared."""


class EndReason(StrEnum):
    """Why a session ended."""

    BUTTON = "button"
    REPLACED = "replaced"
    IDLE = "idle"
    """Checked in, and then nothing was measured."""
    TAKEN_OFF = "taken_off"
    """The device was taken off, or fell silent, and stayed so."""
    TOO_LONG = "too_long"
    CLOCK_JUMPED = "clock_jumped"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session may go on."""

    idle_ms: int = 120_000
    taken_off_ms: int = 45_000
    longest_ms: int = 900_000


@dataclass(frozen=True, slots=True)
class Session:
    """One resident at the kiosk. Times are ms since 1970 UTC."""

    resident: str
    began_ms: int
    touched_ms: int
    """The last check-in or "go on" by hand."""
    measured_ms: int | None = None
    """The last measurement that had somebody in the device."""

    def deadline(self, limits: SessionLimits) -> tuple[int, EndReason]:
        """When it ends if nothing more happens, and why."""
        if self.measured_ms is None:
            quiet = (self.touched_ms + limits.idle_ms, EndReason.IDLE)
        else:
            last_ms = max(self.touched_ms, self.measured_ms)
            quiet = (last_ms + limits.taken_off_ms, EndReason.TAKEN_OFF)
        longest = (self.began_ms + limits.longest_ms, EndReason.TOO_LONG)
        return min(quiet, longest, key=lambda end: end[0])


@dataclass(frozen=True, slots=True)
class Ended:
    """A session of the past: began_ms <= t < ended_ms were its readings."""

    resident: str
    began_ms: int
    ended_ms: int
    reason: EndReason


class Sessions:
    """The present session and those before it. Every method takes the time now."""

    def __init__(self, limits: SessionLimits | None = None) -> None:
        self.limits = limits or SessionLimits()
        self._current: Session | None = None
        self._past: deque[Ended] = deque(maxlen=_MOST_REMEMBERED)
        self._latest_ms = 0

    def check_in(self, resident: str, now_ms: int) -> Session:
        """Begin a session; the one before ends. The same resident again goes on as a new session."""
        self._settle(now_ms)
        self._end(now_ms, EndReason.REPLACED)
        self._current = Session(resident, began_ms=now_ms, touched_ms=now_ms)
        return self._current

    def check_out(self, now_ms: int) -> bool:
        """End it by hand. False where there was none."""
        self._settle(now_ms)
        return self._end(now_ms, EndReason.BUTTON)

    def stay(self, now_ms: int) -> bool:
        """Somebody says that it goes on. False where it has ended."""
        self._settle(now_ms)
        if self._current is None:
            return False
        self._current = replace(self._current, touched_ms=now_ms)
        return True

    def measured(self, t_ms: int, now_ms: int) -> None:
        """A measurement of somebody, taken at `t_ms`, keeps the session of that moment going."""
        self._settle(now_ms)
        session = self._current
        if session is not None and session.began_ms <= t_ms <= now_ms:
            self._current = replace(session, measured_ms=max(t_ms, session.measured_ms or 0))

    def current(self, now_ms: int) -> Session | None:
        """The session of this moment."""
        self._settle(now_ms)
        return self._current

    def last_ended(self) -> Ended | None:
        """The session that ended last."""
        return self._past[-1] if self._past else None

    def resident_at(self, t_ms: int, now_ms: int) -> str | None:
        """For whom a reading of `t_ms` counts. None: nobody was checked in."""
        self._settle(now_ms)
        if self._current is not None and self._current.began_ms <= t_ms <= now_ms:
            return self._current.resident
        for ended in reversed(self._past):
            if ended.began_ms <= t_ms < ended.ended_ms:
                return ended.resident
        return None

    # -- ending -------------------------------------------------------------------------------------

    def _settle(self, now_ms: int) -> None:
        if now_ms < self._latest_ms - _CLOCK_STEP_MS:
            self._end(now_ms, EndReason.CLOCK_JUMPED)
            jumped = self._past[-1] if self._past else None
            self._past.clear()
            if jumped is not None and jumped.reason is EndReason.CLOCK_JUMPED:
                # Kept to be shown; it covers no time any more.
                self._past.append(replace(jumped, ended_ms=jumped.began_ms))
            self._latest_ms = now_ms
        self._latest_ms = max(self._latest_ms, now_ms)
        if self._current is not None:
            end_ms, reason = self._current.deadline(self.limits)
            if now_ms >= end_ms:
                self._end(end_ms, reason)

    def _end(self, at_ms: int, reason: EndReason) -> bool:
        session, self._current = self._current, None
        if session is None:
            return False
        self._past.append(Ended(session.resident, session.began_ms, max(at_ms, session.began_ms), reason))
        return True
