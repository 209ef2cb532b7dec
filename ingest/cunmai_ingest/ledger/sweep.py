"""One reckoning of one stream: from the book's sets to the ledger's rows, gaps, events and askings."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from cunmai_ingest.ledger import tables
from cunmai_ingest.ledger.days import day_of
from cunmai_ingest.ledger.gaps import Gap, Gateway, Patience, Step, asked, decide, due_ms, ended, follow
from cunmai_ingest.ledger.reckon import DayAccount, Known, Loss, Verdicts, account, reckon, share_out
from cunmai_ingest.ledger.spans import NONE, Spans, count, minus, spans
from cunmai_ingest.ledger.tables import Dated, Work
from cunmai_wire.events import GapCondition, GapKind
from cunmai_wire.state import LossReason

MOST_GAPS = 1000
"""Ranges of one stream and kind that are followed; the lowest numbers first. Beyond, they are only counted."""


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told about a stream: gaps of one kind, condition and reason."""

    kind: GapKind
    condition: GapCondition
    reason: str
    ranges: Spans
    since_ms: int


@dataclass(frozen=True, slots=True)
class Reckoned:
    """One stream after a reckoning."""

    work: Work
    news: tuple[News, ...]
    ask: Spans
    """What the gateway is to be asked for now."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A gap, and what was decided about it."""

    gap: Gap
    step: Step


def reckon_stream(
    db: sqlite3.Connection,
    work: Work,
    gateway: Gateway,
    patience: Patience,
    utc_offset_minutes: int,
    now_ms: int,
) -> Reckoned:
    """Reckon everything from `work.start` up again and write it down. Within a transaction."""
    claim_day = day_of(work.claimed_ms or now_ms, utc_offset_minutes)
    tail_before = claim_day if work.tail_day is None else work.tail_day
    start = 1 if _has_losses(db, work.stream) else work.start
    dated = tables.dated_from(db, work.stream, start, min(claim_day, tail_before))
    verdicts = _verdicts(db, work, dated.floor)
    before = tables.read_gaps(db, work.stream)
    followed, news = _follow(before, verdicts, dated.floor, work.stream, gateway, patience, now_ms)
    tables.write_gaps(
        db,
        work.stream,
        [(one.gap, one.step, due_ms(one.gap, one.step, patience)) for one in followed],
    )
    tail_day = max(claim_day, *dated.days) if dated.days else claim_day
    days = _days(db, work, verdicts, dated, tail_day, _overdue(followed))
    tables.write_days(db, work, days.items(), dated.first_day, now_ms)
    tables.clean(db, work.stream, tail_day)
    return Reckoned(
        work, news, spans((one.gap.first, one.gap.last) for one in followed if one.step is Step.ASK)
    )


def note_asked(db: sqlite3.Connection, stream: str, patience: Patience, now_ms: int) -> None:
    """The gateway has been sent the asking for every gap whose step says so. Within a transaction."""
    rows = db.execute(
        "SELECT first FROM ledger_gap WHERE stream = ? AND step = ?", [stream, Step.ASK]
    ).fetchall()
    firsts = {first for (first,) in rows}
    for gap in tables.read_gaps(db, stream):
        if gap.kind is GapKind.MISSING and gap.first in firsts:
            after = asked(gap, patience, now_ms)
            db.execute(
                "UPDATE ledger_gap SET asks = ?, next_ask_ms = ?, step = ?, due_ms = ?"
                " WHERE stream = ? AND kind = ? AND first = ?",
                [
                    after.asks,
                    after.next_ask_ms,
                    Step.BACKING_OFF,
                    after.next_ask_ms,
                    stream,
                    gap.kind,
                    gap.first,
                ],
            )


def _has_losses(db: sqlite3.Connection, stream: str) -> bool:
    """Losses are named by count, not by number, so they can only be placed on the stream as a whole."""
    return db.execute("SELECT 1 FROM ledger_loss WHERE stream = ? LIMIT 1", [stream]).fetchone() is not None


def _losses(db: sqlite3.Connection, stream: str) -> tuple[Loss, ...]:
    rows = db.execute(
        "SELECT count, up_to FROM ledger_loss WHERE stream = ? AND reason NOT IN (?, ?)",
        # What has no number is no gap, and what only the rules miss is here.
        [stream, LossReason.NOT_STORED, LossReason.UNJUDGED],
    )
    return tuple(Loss(*row) for row in rows)


def _verdicts(db: sqlite3.Connection, work: Work, floor: int) -> Verdicts:
    """Of the numbers from `floor` up; nothing is said of those below."""

    def held(what: str) -> Spans:
        return tables.held_from(db, work.stream, what, floor)

    known = Known(
        claimed=work.claimed,
        stored=held("stored"),
        quarantined=held("quarantined"),
        losses=_losses(db, work.stream),
        judged=held(tables.JUDGED),
        refused=held(tables.REFUSED),
        late=held(tables.LATE),
    )
    verdicts = reckon(known)
    return replace(verdicts, missing=minus(verdicts.missing, ((1, floor - 1),) if floor > 1 else NONE))


# -- gaps -----------------------------------------------------------------------------------------------


def _follow(
    before: list[Gap],
    verdicts: Verdicts,
    floor: int,
    stream: str,
    gateway: Gateway,
    patience: Patience,
    now_ms: int,
) -> tuple[list[Followed], tuple[News, ...]]:
    """Every gap of the stream with its step, and what is new. Gaps below `floor` are as they were."""
    below, above = _split(before, floor)
    followed = [Followed(gap, decide(gap, stream, gateway, patience, now_ms)) for gap in below]
    news: dict[tuple[GapKind, GapCondition, str], list[Gap]] = {}
    for kind, open_now in (
        (GapKind.MISSING, verdicts.missing),
        (GapKind.LOST, verdicts.lost),
        (GapKind.UNJUDGED, verdicts.unjudged),
    ):
        for gap in follow(above, kind, open_now, now_ms)[:MOST_GAPS]:
            step = decide(gap, stream, gateway, patience, now_ms)
            if step is not Step.YOUNG and not gap.told:
                news.setdefault((kind, GapCondition.OPEN, step.value), []).append(gap)
            followed.append(Followed(replace(gap, told=step is not Step.YOUNG or gap.told), step))
        # What is lost is no longer missing, and that is not good news. A loss that came after all is.
        for gap in ended(above, kind, _still_open(kind, verdicts)):
            news.setdefault((kind, GapCondition.CLOSED, "arrived"), []).append(gap)
    return followed, tuple(_news(about, gaps) for about, gaps in news.items())


def _still_open(kind: GapKind, verdicts: Verdicts) -> Spans:
    if kind is GapKind.UNJUDGED:
        return verdicts.unjudged
    return spans([*verdicts.missing, *verdicts.lost])


def _news(about: tuple[GapKind, GapCondition, str], gaps: list[Gap]) -> News:
    kind, condition, reason = about
    ranges = spans((gap.first, gap.last) for gap in gaps)
    return News(kind, condition, reason, ranges, min(gap.since_ms for gap in gaps))


def _split(gaps: list[Gap], floor: int) -> tuple[list[Gap], list[Gap]]:
    """What lies below a number, and from it up; a gap across it becomes two."""
    below = [replace(gap, last=min(gap.last, floor - 1)) for gap in gaps if gap.first < floor]
    above = [replace(gap, first=max(gap.first, floor)) for gap in gaps if gap.last >= floor]
    return below, above


def _overdue(followed: list[Followed]) -> Spans:
    return spans(
        (one.gap.first, one.gap.last)
        for one in followed
        if one.gap.kind is GapKind.MISSING and one.step is not Step.YOUNG
    )


# -- days -----------------------------------------------------------------------------------------------


def _days(
    db: sqlite3.Connection, work: Work, verdicts: Verdicts, dated: Dated, tail_day: int, overdue: Spans
) -> dict[int, DayAccount]:
    """The accounts of `dated.first_day` and every later day."""
    numbers = ((dated.floor, verdicts.measured),) if verdicts.measured >= dated.floor else NONE
    shares = share_out(numbers, dated.days, tail_day)
    days = {day: account(share, verdicts, overdue) for day, share in shares.items() if day >= dated.first_day}
    for day, unnumbered in _unnumbered(db, work.stream).items():
        days[day] = replace(days.get(day, _NOTHING), unnumbered=unnumbered)
    return days


_NOTHING = DayAccount(measured=0, stored=0, judged=0, refused=0, unjudged=0, late=0, quarantined=0, missing=0,
                      lost=0, overdue=0)  # fmt: skip


def _unnumbered(db: sqlite3.Connection, stream: str) -> dict[int, int]:
    rows = db.execute(
        "SELECT day, sum(count) FROM ledger_loss WHERE stream = ? AND reason = ? GROUP BY day",
        [stream, LossReason.NOT_STORED],
    )
    return dict(rows.fetchall())


def describe(news: News) -> tuple[int, int, int]:
    """First and last number of a piece of news, and how many it is about."""
    return news.ranges[0][0], news.ranges[-1][1], count(news.ranges)
