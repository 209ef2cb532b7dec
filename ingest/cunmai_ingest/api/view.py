"""What the ledger's page shows, from the ledger's rows. Pure.

Green is only said where every number is stored or set aside, and judged: never for silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from cunmai_ingest.api.words import KINDS, PRESENCE, STEPS, TEXT, VERDICTS, Lang, say
from cunmai_ingest.ledger.days import day_text, offset_text
from cunmai_ingest.ledger.gaps import Step
from cunmai_ingest.ledger.reckon import DayAccount
from cunmai_ingest.ledger.rows import DayRow, GapRow, GatewayRow
from cunmai_wire.events import GapKind

MOST_GAPS = 200
STALE_AFTER_MS = 15 * 60_000
"""A gateway that said it was online and then nothing for so long is not known to be."""

_COLOURS = {"lost": "red", "overdue": "red", "unjudged": "yellow", "waiting": "grey", "complete": "green"}


@dataclass(frozen=True, slots=True)
class DayView:
    gateway: str
    day: str
    figures: DayAccount
    lost: int
    verdict: str
    colour: str


@dataclass(frozen=True, slots=True)
class GapView:
    gateway: str
    kind: str
    colour: str
    numbers: str
    count: int
    since: str
    what: str


@dataclass(frozen=True, slots=True)
class GatewayView:
    gateway: str
    presence: str
    colour: str
    seen: str


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """The page. `days_are` says whose days they are, `reckoned` how old the figures are."""

    days: tuple[DayView, ...]
    gaps: tuple[GapView, ...]
    more_gaps: bool
    gateways: tuple[GatewayView, ...]
    days_are: str
    reckoned: str


def verdict_of(figures: DayAccount) -> str:
    """The worst that can be said of a day."""
    if figures.lost or figures.unnumbered:
        return "lost"
    if figures.overdue:
        return "overdue"
    if figures.missing:
        return "waiting"
    return "unjudged" if figures.unjudged else "complete"


def ledger_view(
    days: Sequence[DayRow],
    gaps: Sequence[GapRow],
    gateways: Sequence[GatewayRow],
    *,
    now_ms: int,
    utc_offset_minutes: int,
    lang: Lang,
) -> LedgerPage:
    """Everything in the reader's language and the clinic's time."""
    zone = timezone(timedelta(minutes=utc_offset_minutes))

    def moment(t_ms: int) -> str:
        return f"{datetime.fromtimestamp(t_ms // 1000, UTC).astimezone(zone):%m-%d %H:%M}"

    worst_first = sorted(
        gaps, key=lambda gap: (gap.kind != GapKind.LOST, gap.step == Step.YOUNG, gap.since_ms)
    )
    return LedgerPage(
        days=tuple(_day(row, lang) for row in days),
        gaps=tuple(_gap(row, moment(row.since_ms), lang) for row in worst_first[:MOST_GAPS]),
        more_gaps=len(gaps) > MOST_GAPS,
        gateways=tuple(_gateway(row, moment, now_ms, lang) for row in gateways),
        days_are=say(TEXT["days_are"], lang).format(offset_text(utc_offset_minutes)),
        reckoned=moment(max(row.reckoned_ms for row in days)) if days else say(TEXT["unknown"], lang),
    )


def _day(row: DayRow, lang: Lang) -> DayView:
    verdict = verdict_of(row.figures)
    lost = row.figures.lost + row.figures.unnumbered
    words = say(VERDICTS[verdict], lang)
    return DayView(row.gateway, day_text(row.day), row.figures, lost, words, _COLOURS[verdict])


def _gap(row: GapRow, since: str, lang: Lang) -> GapView:
    kind, step = GapKind(row.kind), Step(row.step)
    what = say(STEPS[step], lang)
    if row.asks:
        what += f" ({say(TEXT['asks'], lang).format(row.asks)})"
    colour = "red" if kind is GapKind.LOST or step is not Step.YOUNG else "grey"
    numbers = f"{row.first}-{row.last}" if row.last > row.first else str(row.first)
    return GapView(
        row.gateway, say(KINDS[kind], lang), colour, numbers, row.last - row.first + 1, since, what
    )


def _gateway(row: GatewayRow, moment: Callable[[int], str], now_ms: int, lang: Lang) -> GatewayView:
    unknown = say(TEXT["unknown"], lang)
    if row.seen_ms is None:
        return GatewayView(row.gateway, unknown, "grey", unknown)
    seen = moment(row.seen_ms)
    if row.presence is None or row.presence not in PRESENCE:
        return GatewayView(row.gateway, unknown, "grey", seen)
    presence = say(PRESENCE[row.presence], lang)
    if row.presence == "offline":
        return GatewayView(row.gateway, presence, "red", seen)
    if now_ms - row.seen_ms > STALE_AFTER_MS:
        return GatewayView(row.gateway, say(TEXT["stale"], lang), "grey", seen)
    return GatewayView(row.gateway, presence, "green", seen)
