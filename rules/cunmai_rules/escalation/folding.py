"""Whether a message goes out by itself, waits, or goes out together with others as one summary. Pure.

Two reasons to fold, both counted for one person: so many messages about one site that something is wrong
with the site (a burst), and more messages than one person should get (a rate). docs/decisions/0020 says why,
and what is never held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS

LATE_MS = 1000
"""What is looked at for the first time when its summary should have gone (the service was down, or busy) waits so
long all the same: all that has piled up is looked at meanwhile, and goes together."""


class Weight(StrEnum):
    """What a message is to the person who gets it."""

    FIRST_RED = "first_red"
    """The first that they hear of this red. No rate holds it back."""
    RED = "red"
    """They are asked again about a red that they have been told of."""
    YELLOW = "yellow"


class Why(StrEnum):
    """Why a message goes out by itself, or waits."""

    FIRST_RED = "first_red"
    WITHIN_LIMITS = "within_limits"
    NOTHING_ELSE = "nothing_else"
    """It has waited, and nothing else waits with it."""
    BURST = "burst"
    """This person has just been told of several at the same site."""
    RATE = "rate"
    """This person has been sent as many messages as the rate table allows."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many messages to one person within any span of so many seconds."""

    messages: int
    within_s: int


@dataclass(frozen=True, slots=True)
class Burst:
    """When messages about one site become a summary. Every wait is for one person."""

    singly: int = 3
    """So many go out one by one."""
    within_s: int = 60
    """Within so long; a summary keeps the burst up for as long."""
    red_within_s: int = 15
    """No red waits longer for its summary."""
    gather_s: int = 60
    """How long the others are gathered."""
    again_s: int = 300
    """Two summaries of one site without a new red are so far apart."""


@dataclass(frozen=True, slots=True)
class Folding:
    """What holds for every person. None: nothing is folded for that reason."""

    burst: Burst | None = None
    red: Limit | None = None
    """For asking again; the first that a person hears of a red goes out whatever this says."""
    yellow: Limit | None = None

    def limit(self, weight: Weight) -> Limit | None:
        """The row of the rate table for a message of this weight."""
        return {Weight.YELLOW: self.yellow, Weight.RED: self.red}.get(weight)

    @property
    def looks_back_s(self) -> int:
        """How long what a person was sent counts; 0 where nothing is ever folded."""
        spans = [limit.within_s for limit in (self.red, self.yellow) if limit]
        if self.burst is not None:
            spans += [self.burst.within_s, self.burst.again_s]
        return max(spans, default=0)

    @property
    def longest_wait_s(self) -> int:
        """Nothing is held back for longer."""
        gathered = max(self.burst.gather_s, self.burst.red_within_s) if self.burst else 0
        return self.looks_back_s + gathered


@dataclass(frozen=True, slots=True)
class Owed:
    """One message that is owed to a person. Times are ms since 1970, UTC."""

    id: str
    site: str
    weight: Weight
    asked_ms: int
    held_ms: int | None = None
    """Since when it waits; None: it has not been looked at before."""
    held_why: Why | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One message that a person was sent, or is being sent."""

    t_ms: int
    weight: Weight
    """Whose room in the rate table it took; `first_red` took none."""
    sites: frozenset[str]
    together: bool = False


@dataclass(frozen=True, slots=True)
class Alone:
    """It goes out now, by itself."""

    why: Why


@dataclass(frozen=True, slots=True)
class Hold:
    """It waits, until then at the longest."""

    why: Why
    until_ms: int


@dataclass(frozen=True, slots=True)
class Together:
    """All these go out now, as one summary. It takes the room of the one whose turn it is, the first of them;
    none where there is a first red among them."""

    ids: tuple[str, ...]


Decision: TypeAlias = Alone | Hold | Together


def decide(
    one: Owed, waiting: Sequence[Owed], told: Sequence[Told], folding: Folding, now_ms: int
) -> Decision:
    """What becomes of one message that is owed now.

    `waiting`: everything else that this person waits for; `told`: what they were sent lately. What is
    marked as sent in the future was sent before the clock was set back, and counts for nothing.
    """
    told = [message for message in told if message.t_ms <= now_ms + CLOCKS_DIFFER_MS]
    why = one.held_why or _why_fold(one, waiting, told, folding, now_ms)
    if why is None:
        return Alone(Why.FIRST_RED if one.weight is Weight.FIRST_RED else Why.WITHIN_LIMITS)
    gathered_ms, room_ms = (
        _gathered_ms(one, why, told, folding.burst, now_ms),
        _room_ms(one, told, folding, now_ms),
    )
    if room_ms > max(gathered_ms, now_ms):
        return Hold(Why.RATE, room_ms)
    if gathered_ms > now_ms:
        return Hold(why, gathered_ms)
    if not waiting:
        return Alone(Why.NOTHING_ELSE)
    return Together((one.id, *(owed.id for owed in waiting)))


def _why_fold(
    one: Owed, waiting: Sequence[Owed], told: Sequence[Told], folding: Folding, now_ms: int
) -> Why | None:
    if _is_burst(one, waiting, told, folding.burst, now_ms):
        return Why.BURST
    # Behind those of its kind that wait already, or it would take their turn from them.
    queued = any(owed.weight is one.weight and owed.held_why is Why.RATE for owed in waiting)
    return Why.RATE if queued or _room_ms(one, told, folding, now_ms) > now_ms else None


def _is_burst(
    one: Owed, waiting: Sequence[Owed], told: Sequence[Told], burst: Burst | None, now_ms: int
) -> bool:
    if burst is None:
        return False
    if any(owed.site == one.site and owed.held_why is Why.BURST for owed in waiting):
        return True
    lately = [
        message
        for message in told
        if one.site in message.sites and now_ms - message.t_ms < burst.within_s * 1000
    ]
    return len(lately) >= burst.singly or any(message.together for message in lately)


def _gathered_ms(one: Owed, why: Why, told: Sequence[Told], burst: Burst | None, now_ms: int) -> int:
    """When a burst's summary is due. What was asked, or held, in the future is as of now: the clock was set back."""
    if why is not Why.BURST or burst is None:
        return now_ms
    if one.weight is not Weight.YELLOW:
        # It may have been asked for before the clock was set back; how long it has waited is known all the same.
        held_ms = now_ms if one.held_ms is None else min(one.held_ms, now_ms)
        due_ms = min(one.asked_ms, held_ms) + burst.red_within_s * 1000
        return max(due_ms, now_ms + LATE_MS) if one.held_ms is None else due_ms
    since_ms = now_ms if one.held_ms is None else min(one.held_ms, now_ms)
    summaries = [message.t_ms for message in told if message.together and one.site in message.sites]
    again_ms = max(summaries) + burst.again_s * 1000 if summaries else now_ms
    return max(since_ms + burst.gather_s * 1000, again_ms)


def _room_ms(one: Owed, told: Iterable[Told], folding: Folding, now_ms: int) -> int:
    """When there is room in the rate table for one more message of this weight."""
    limit = folding.limit(one.weight)
    if limit is None:
        return now_ms
    span_ms = limit.within_s * 1000
    taken = sorted(m.t_ms for m in told if m.weight is one.weight and now_ms - m.t_ms < span_ms)
    return now_ms if len(taken) < limit.messages else taken[-limit.messages] + span_ms
