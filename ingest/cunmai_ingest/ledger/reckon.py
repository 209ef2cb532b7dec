"""What became of every number that a gateway has given out. Pure: ranges in, verdicts out.

Numbers run from 1 with no gaps, so what is missing shows by itself. Every number up to the highest that
anyone has named is in exactly one of `stored`, `quarantined`, `lost` and `missing`, and on exactly one day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cunmai_ingest.ledger.spans import NONE, Spans, common, count, highest, lowest, minus, spans, union


@dataclass(frozen=True, slots=True)
class Loss:
    """A gateway's own word that readings are gone: how many, not which.

    They are among the numbers up to `up_to`, the highest it had given out when it said so.
    """

    count: int
    """0: it cannot tell how many."""
    up_to: int


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known of one stream of readings."""

    claimed: int = 0
    """The highest number that the gateway says it has given out; 0 where it has said nothing."""
    stored: Spans = NONE
    quarantined: Spans = NONE
    """Ever set aside by ingest, even where a replay has stored it since."""
    losses: tuple[Loss, ...] = ()
    """What the gateway itself says it no longer has."""
    judged: Spans = NONE
    """By the rules' own receipts."""
    refused: Spans = NONE
    """Set aside by the rules, by their receipts."""
    late: Spans = NONE


@dataclass(frozen=True, slots=True)
class Verdicts:
    """`stored`, `quarantined`, `lost` and `missing` share out 1 to `measured` between them."""

    measured: int
    stored: Spans
    quarantined: Spans
    lost: Spans
    """The gateway has dropped them, and ingest does not have them: they will never come."""
    missing: Spans
    """Given out, and not here: on the way, kept at the gateway, or gone without a word."""
    judged: Spans
    refused: Spans
    unjudged: Spans
    """Stored, and the rules have said nothing of them."""
    late: Spans


@dataclass(frozen=True, slots=True)
class DayAccount:
    """The figures of one day. `measured` = `stored` + `quarantined` + `lost` + `missing`."""

    measured: int
    stored: int
    judged: int
    refused: int
    unjudged: int
    late: int
    quarantined: int
    missing: int
    lost: int
    overdue: int
    """How many of the missing have been so for longer than the deadline."""
    unnumbered: int = 0
    """Measured while the gateway's disk took nothing, by its own word: lost before they had a number."""


def reckon(known: Known) -> Verdicts:
    """Give every number its verdict. What is here counts as here, whatever else was said of it."""
    quarantined = minus(known.quarantined, known.stored)
    measured = max(known.claimed, highest(known.stored, known.quarantined, known.judged, known.refused))
    every = ((1, measured),) if measured else NONE
    absent = minus(minus(every, known.stored), quarantined)
    lost = lost_of(absent, known.losses)
    refused = minus(known.refused, known.judged)
    return Verdicts(
        measured=measured,
        stored=known.stored,
        quarantined=quarantined,
        lost=lost,
        missing=minus(absent, lost),
        judged=known.judged,
        refused=refused,
        unjudged=minus(minus(known.stored, known.judged), refused),
        late=common(known.late, known.stored),
    )


def lost_of(absent: Spans, losses: Sequence[Loss]) -> Spans:
    """Which of the absent numbers are lost.

    A gateway that must drop drops its oldest readings first, and what is lost stays absent: so the lowest
    absent numbers are taken, as many as it says, at most all that it could mean.
    """
    lost = NONE
    for loss in sorted(losses, key=lambda loss: loss.up_to):
        candidates = minus(common(absent, ((1, loss.up_to),)) if loss.up_to else NONE, lost)
        lost = union(lost, lowest(candidates, loss.count or count(candidates)))
    return lost


def share_out(numbers: Spans, dated: Mapping[int, Spans], newest_day: int) -> dict[int, Spans]:
    """Each of `numbers` on exactly one day.

    `dated`: the numbers whose day is known, by day; one that stands on two days belongs to the earlier.
    A number whose day is not known (it never came) goes to the latest day it can be of: that of the next
    number above it, or `newest_day` where there is none.
    """
    shares: dict[int, Spans] = {}
    rest = numbers
    for day in sorted(dated):
        share = common(rest, dated[day])
        if share:
            shares[day] = share
            rest = minus(rest, share)
    starts = sorted((first, day) for day, share in shares.items() for first, _ in share)
    for day, share in _place(rest, starts, newest_day).items():
        shares[day] = union(shares.get(day, NONE), share)
    return shares


def _place(undated: Spans, starts: list[tuple[int, int]], newest_day: int) -> dict[int, Spans]:
    """`starts`: where a run of dated numbers begins, and its day; in order."""
    placed: dict[int, list[tuple[int, int]]] = {}
    index = 0
    for first, last in undated:
        while index < len(starts) and starts[index][0] <= last:
            index += 1
        day = starts[index][1] if index < len(starts) else newest_day
        placed.setdefault(day, []).append((first, last))
    return {day: spans(ranges) for day, ranges in placed.items()}


def account(numbers: Spans, verdicts: Verdicts, overdue: Spans = NONE) -> DayAccount:
    """The figures of these numbers: one day's share of a stream, or the whole of it."""

    def of(verdict: Spans) -> int:
        return count(common(numbers, verdict))

    return DayAccount(
        measured=count(numbers),
        stored=of(verdicts.stored),
        judged=of(verdicts.judged),
        refused=of(verdicts.refused),
        unjudged=of(verdicts.unjudged),
        late=of(verdicts.late),
        quarantined=of(verdicts.quarantined),
        missing=of(verdicts.missing),
        lost=of(verdicts.lost),
        overdue=of(common(verdicts.missing, overdue)),
    )
