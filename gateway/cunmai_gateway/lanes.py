"""Which readings to send next: the live lane first, the backlog beside it at a bounded rate. Pure.

The live lane sends what was appended since the link came up, each reading once. The sweep lane sends
again what some consumer still owes a receipt for, in passes of two kinds:

- a *fresh* pass, over what the live lane sent so long ago that a receipt is overdue, once;
- a *full* pass, over everything held: at once when the link comes up, and then ever more rarely, because
  a consumer that is down for a day gains nothing from hearing the same readings every minute. It begins
  soon again when a consumer that had been silent is heard.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """Pace of the sweep lane, and how long to wait for a receipt before sending again."""

    sweep_readings_per_s: float = 500.0
    resend_after_s: float = 15.0
    full_pass_at_most_every_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Window:
    """Readings to fetch: after < seq <= up_to."""

    after: int
    up_to: int


@dataclass
class Lanes:
    """State of both lanes of one link. Times are monotonic seconds."""

    limits: LaneLimits = field(default_factory=LaneLimits)
    _live_after: int = 0
    _live_sent: deque[tuple[float, int]] = field(default_factory=deque)
    _pass: Window | None = None
    _pass_is_full: bool = False
    _covered: int = 0
    """The highest seq that any pass of this link has covered."""
    _next_batch_s: float = 0.0
    _next_full_s: float = 0.0
    _wait_s: float = 0.0
    _heard_s: dict[str, float] = field(default_factory=dict)

    def link_up(self, measured: int, now_s: float) -> None:
        """A new connection: all that was measured before it is backlog, and is swept from now on."""
        self._live_after = measured
        self._live_sent.clear()
        self._wait_s = self.limits.resend_after_s
        self._start_pass(Window(0, measured), full=True, now_s=now_s)

    def heard(self, consumer: str, now_s: float) -> None:
        """A receipt came. From a consumer that had been silent, it means: try again what it missed."""
        silent_s = now_s - self._heard_s.get(consumer, now_s)
        self._heard_s[consumer] = now_s
        if silent_s > self.limits.resend_after_s:
            self._wait_s = self.limits.resend_after_s
            self._next_full_s = min(self._next_full_s, now_s + self._wait_s)

    def resend(self, now_s: float) -> None:
        """Someone asked for readings again: begin a full pass at once."""
        self._wait_s = self.limits.resend_after_s
        self._start_pass(Window(0, self._live_after), full=True, now_s=now_s)

    @property
    def pass_is_full(self) -> bool:
        """Whether the pass under way is one over everything held."""
        return self._pass is not None and self._pass_is_full

    # -- live lane ----------------------------------------------------------------------------------

    def live(self, measured: int) -> Window | None:
        """What the live lane has to send."""
        return Window(self._live_after, measured) if measured > self._live_after else None

    def live_sent(self, last_seq: int, now_s: float) -> None:
        """The live lane has sent up to `last_seq`."""
        self._live_after = last_seq
        self._live_sent.append((now_s, last_seq))

    # -- sweep lane ---------------------------------------------------------------------------------

    def sweep(self, now_s: float) -> Window | None:
        """What the sweep lane may send now."""
        if self._pass is None:
            self._begin_due_pass(now_s)
        return self._pass if now_s >= self._next_batch_s else None

    def swept(self, last_seq: int, count: int, now_s: float) -> None:
        """The sweep lane has sent `count` readings of its window, up to `last_seq`."""
        if self._pass is not None:
            self._pass = Window(last_seq, self._pass.up_to)
        self._next_batch_s = now_s + count / self.limits.sweep_readings_per_s

    def pass_ended(self, now_s: float) -> None:
        """Nothing is left to fetch in this pass."""
        self._pass = None
        if self._pass_is_full:
            self._next_full_s = now_s + self._wait_s
            self._wait_s = min(2 * self._wait_s, self.limits.full_pass_at_most_every_s)

    def _begin_due_pass(self, now_s: float) -> None:
        overdue = self._overdue(now_s)
        if now_s >= self._next_full_s:
            self._start_pass(Window(0, overdue), full=True, now_s=now_s)
        elif overdue > self._covered:
            self._start_pass(Window(self._covered, overdue), full=False, now_s=now_s)

    def _start_pass(self, window: Window, *, full: bool, now_s: float) -> None:
        self._pass = window
        self._pass_is_full = full
        self._covered = max(self._covered, window.up_to)
        self._next_batch_s = now_s

    def _overdue(self, now_s: float) -> int:
        """The highest seq that the live lane sent so long ago that its receipt is overdue."""
        overdue = self._covered
        while self._live_sent and self._live_sent[0][0] <= now_s - self.limits.resend_after_s:
            overdue = max(overdue, self._live_sent.popleft()[1])
        return overdue
