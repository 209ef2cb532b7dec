"""How long each step may take, whom to ask, and when not to: one plan of the county's policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MINUTES = 24 * 60
DAY_MS = DAY_MINUTES * 60_000
CLOCKS_DIFFER_MS = 60_000
"""Between the clocks of two servers, and between reading a clock and using what it said: a worker sees moments
and deadlines that others have written a little later than its own now. Only what lies further ahead says that
a clock was set back (docs/decisions/0017).
"""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of every day, in the county's own time, in which nobody is asked. Minutes since midnight."""

    from_minute: int
    to_minute: int
    """Earlier than `from_minute`: of the next day."""
    utc_offset_minutes: int

    def until_ms(self, now_ms: int) -> int | None:
        """When the quiet hours that hold at this moment end; None where none hold."""
        local_ms = now_ms + self.utc_offset_minutes * 60_000
        midnight_ms = local_ms - local_ms % DAY_MS
        for began_ms in (midnight_ms - DAY_MS, midnight_ms):
            length = (self.to_minute - self.from_minute) % DAY_MINUTES
            start_ms = began_ms + self.from_minute * 60_000
            end_ms = start_ms + length * 60_000
            if start_ms <= local_ms < end_ms:
                return end_ms - self.utc_offset_minutes * 60_000
        return None


@dataclass(frozen=True, slots=True)
class Policy:
    """How long each step may take, and whom to ask when everyone was asked."""

    ack_within_s: int = 300
    """From the carrier's acceptance to an answer."""
    outcome_within_s: int = 1800
    rounds: int = 3
    """How often the list of contacts is gone through, counted in messages that were accepted."""
    then_every_s: int = 1800
    """How often somebody is asked after that, until there is an answer."""
    quiet_s: int = 900
    """For how long after an outcome the same finding waits for review before it pages."""
    last_resort: tuple[str, ...] = ()
    """Who is asked besides the last contact when everyone was tried."""
    accept_within_s: int | None = None
    """How long the carrier may take to accept a message, before the next contact is asked. None: `ack_within_s`."""
    ack_steps_s: tuple[int, ...] = ()
    """`ack_within_s` of the first contact, the second and so on; the last holds for all that follow."""
    levels: tuple[int, ...] = (1, 2, 3)
    """Of the registry's teams and rosters, in the order in which they are asked. 0 is the grid's volunteer."""
    quiet_hours: QuietHours | None = None
    """Never for red: the file refuses it."""
    known_wait_s: int = 0
    """The longest wait of the policy that held before: deadlines that it has set may be so far ahead."""

    @property
    def longest_wait_s(self) -> int:
        """No deadline is further ahead than this, unless the clock was set back."""
        asleep_s = DAY_MINUTES * 60 if self.quiet_hours is not None else 0
        waits = (self.ack_within_s, self.outcome_within_s, self.then_every_s, self.quiet_s, *self.ack_steps_s)
        return max(*waits, self.accept_within_s or 0, asleep_s, self.known_wait_s)

    def ack_s(self, turn: int) -> int:
        """How long the contact whose turn it was may take to answer, counted from 0."""
        return (
            self.ack_steps_s[min(turn, len(self.ack_steps_s) - 1)] if self.ack_steps_s else self.ack_within_s
        )

    def quiet_until_ms(self, now_ms: int) -> int | None:
        """When somebody may be asked again; None: now."""
        return None if self.quiet_hours is None else self.quiet_hours.until_ms(now_ms)
