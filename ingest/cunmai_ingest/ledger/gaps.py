"""Gaps through time: since when a number is missing, and what is to be done about it. Pure.

A gap is never closed by time, by a restart or by giving up: only by its numbers arriving, or by the
gateway's own word that it has dropped them, which makes it a loss.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cunmai_ingest.ledger.spans import Spans, minus, spans
from cunmai_wire.events import GapKind
from cunmai_wire.ranges import Range

_LONGEST_PAUSE_S = 6 * 3600


class Step(StrEnum):
    """Why a gap is, or is not, asked for now."""

    YOUNG = "young"
    """Within the deadline: most likely on its way."""
    ASK = "ask"
    BACKING_OFF = "backing_off"
    """Asked for, and given time to come."""
    GATEWAY_OFFLINE = "gateway_offline"
    """It sends what it holds by itself when it is back."""
    STREAM_REPLACED = "stream_replaced"
    """The gateway now has another spool: nobody is left to ask."""
    ASKED_ENOUGH = "asked_enough"
    GATEWAY_DROPPED = "gateway_dropped"
    """Lost, by the gateway's own word."""
    NOT_JUDGED = "not_judged"
    """Stored here; the rules' word is missing. The gateway keeps sending to them by itself."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One range of numbers of one stream, all with the same history."""

    kind: GapKind
    first: int
    last: int
    since_ms: int
    """When the ledger first saw it."""
    asks: int = 0
    """How often the gateway was asked to send it again."""
    next_ask_ms: int = 0
    told: bool = False
    """Whether an event has been raised."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and how often to ask."""

    overdue_after_ms: int
    ask_again_ms: int
    """After the first asking; doubled after each, up to six hours."""
    most_asks: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """What the gateway of a stream has last said of itself."""

    online: bool
    stream: str
    """The stream it measures into now; empty where it has said nothing."""


def follow(before: Sequence[Gap], kind: GapKind, now_open: Spans, now_ms: int) -> list[Gap]:
    """The gaps of `now_open`, in order: each number keeps the history it had, or begins one now."""
    ends = [last for _, last in now_open]
    kept = [
        replace(gap, first=max(first, gap.first), last=min(last, gap.last))
        for gap in before
        if gap.kind is kind
        for first, last in _touching(now_open, ends, gap)
    ]
    known = spans((gap.first, gap.last) for gap in kept)
    fresh = [Gap(kind, first, last, now_ms) for first, last in minus(now_open, known)]
    return _joined(sorted([*kept, *fresh], key=lambda gap: gap.first))


def ended(before: Iterable[Gap], kind: GapKind, now_open: Spans) -> list[Gap]:
    """The parts of told gaps that are no longer open."""
    return [
        replace(gap, first=first, last=last)
        for gap in before
        if gap.kind is kind and gap.told
        for first, last in minus(((gap.first, gap.last),), now_open)
    ]


def decide(gap: Gap, stream: str, gateway: Gateway, patience: Patience, now_ms: int) -> Step:  # noqa: PLR0911
    """What to do about one gap now, by the first rule that applies."""
    if gap.kind is GapKind.LOST:
        return Step.GATEWAY_DROPPED
    if now_ms - gap.since_ms < patience.overdue_after_ms:
        return Step.YOUNG
    if gap.kind is GapKind.UNJUDGED:
        return Step.NOT_JUDGED
    if gateway.stream and gateway.stream != stream:
        return Step.STREAM_REPLACED
    if not gateway.online:
        return Step.GATEWAY_OFFLINE
    if gap.asks >= patience.most_asks:
        return Step.ASKED_ENOUGH
    return Step.ASK if now_ms >= gap.next_ask_ms else Step.BACKING_OFF


def due_ms(gap: Gap, step: Step, patience: Patience) -> int | None:
    """When time alone may change the decision about a gap; None where only news of it can."""
    match step:
        case Step.YOUNG:
            return gap.since_ms + patience.overdue_after_ms
        case Step.ASK | Step.BACKING_OFF:
            return gap.next_ask_ms
        case _:
            return None


def asked(gap: Gap, patience: Patience, now_ms: int) -> Gap:
    """The gap after the gateway was asked for it once more."""
    pause_ms = min(patience.ask_again_ms * 2**gap.asks, _LONGEST_PAUSE_S * 1000)
    return replace(gap, asks=gap.asks + 1, next_ask_ms=now_ms + pause_ms)


def _touching(open_now: Spans, ends: list[int], gap: Gap) -> Iterator[Range]:
    index = bisect_left(ends, gap.first)
    while index < len(open_now) and open_now[index][0] <= gap.last:
        yield open_now[index]
        index += 1


def _joined(gaps: list[Gap]) -> list[Gap]:
    """Neighbours with the same history as one."""
    joined: list[Gap] = []
    for gap in gaps:
        if (
            joined
            and replace(joined[-1], last=gap.last) == replace(gap, first=joined[-1].first)
            and (joined[-1].last + 1 == gap.first)
        ):
            joined[-1] = replace(joined[-1], last=gap.last)
        else:
            joined.append(gap)
    return joined
