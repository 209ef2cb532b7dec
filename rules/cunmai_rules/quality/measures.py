"""The figures: precision per rule, load per contact, waits. Pure.

A figure of few cases is no figure: precision comes with its 95 % interval (Wilson, JASA 1927), and with
how many escalations nobody has judged yet. What is not answered is never counted as answered fast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TypeVar

from cunmai_rules.quality.episodes import Episode, Verdict, is_nuisance
from cunmai_wire.events import Lane

DAY_MS = 24 * 3_600_000
_Z95 = 1.959964
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class RuleQuality:
    """One rule's escalations of a span of time."""

    rule: str
    pages: int
    reviews: int
    verdicts: dict[Verdict, int]

    @property
    def judged(self) -> int:
        """How many somebody has called right or wrong."""
        return self.verdicts[Verdict.ACTED] + self.verdicts[Verdict.FALSE]

    @property
    def precision(self) -> float | None:
        """The share of those judged that were right; None where none was judged."""
        return self.verdicts[Verdict.ACTED] / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true precision lies, with 95 % confidence."""
        return wilson(self.verdicts[Verdict.ACTED], self.judged)


@dataclass(frozen=True, slots=True)
class Load:
    """What one contact was sent, or one site's contacts together."""

    who: str
    messages: int
    nuisance: int
    """Messages about what was called false, or withdrawn."""
    per_day: float


@dataclass(frozen=True, slots=True)
class Wait:
    """One step's waits over all pages. Percentiles are of those that took the step; `never` of those that did not."""

    count: int
    never: int
    p50_s: float | None
    p90_s: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """Everything about one span of time."""

    rules: tuple[RuleQuality, ...]
    contacts: tuple[Load, ...]
    teams: tuple[Load, ...]
    """Where the registry knows the resident's team."""
    sites: tuple[Load, ...]
    waits: dict[str, Wait]
    """`acceptance`, `delivery`, `answer`, `outcome`: of pages, each from the opening."""


def measure(episodes: Sequence[Episode], span_ms: int) -> Quality:
    """The figures of escalations that were opened within a span of so many ms."""
    days = max(span_ms / DAY_MS, 1 / 24)
    messages = [(message.contact, one) for one in episodes for message in one.messages]
    pages = [one for one in episodes if one.lane is Lane.PAGE]
    return Quality(
        rules=tuple(_rule(rule, those) for rule, those in _by(episodes, lambda one: one.rule).items()),
        contacts=_loads(messages, days),
        teams=_loads([(one.team, one) for _, one in messages if one.team is not None], days),
        sites=_loads([(one.gateway, one) for _, one in messages], days),
        waits={
            "acceptance": _wait([_span(one, one.accepted_ms) for one in pages]),
            "delivery": _wait([_span(one, one.delivered_ms) for one in pages]),
            "answer": _wait([_span(one, one.answered_ms) for one in pages]),
            "outcome": _wait([_span(one, one.outcome_ms) for one in pages]),
        },
    )


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share. (0, 1) where nothing was counted."""
    if count == 0:
        return 0.0, 1.0
    share, z2 = right / count, _Z95 * _Z95
    middle = share + z2 / (2 * count)
    half = _Z95 * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    whole = 1 + z2 / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _by(episodes: Sequence[Episode], key: Callable[[Episode], _Key]) -> dict[_Key, list[Episode]]:
    """Grouped, the largest group first."""
    groups: dict[_Key, list[Episode]] = defaultdict(list)
    for one in episodes:
        groups[key(one)].append(one)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0]))))


def _rule(rule: str, episodes: Sequence[Episode]) -> RuleQuality:
    pages = sum(one.lane is Lane.PAGE for one in episodes)
    verdicts = {verdict: sum(one.verdict is verdict for one in episodes) for verdict in Verdict}
    return RuleQuality(rule, pages, len(episodes) - pages, verdicts)


def _loads(messages: Iterable[tuple[str, Episode]], days: float) -> tuple[Load, ...]:
    by_who: dict[str, list[Episode]] = defaultdict(list)
    for who, one in messages:
        by_who[who].append(one)
    loads = [
        Load(who, len(those), sum(map(is_nuisance, those)), len(those) / days)
        for who, those in by_who.items()
    ]
    return tuple(sorted(loads, key=lambda load: (-load.messages, load.who)))


def _span(episode: Episode, until_ms: int | None) -> float | None:
    return None if until_ms is None else (until_ms - episode.opened_ms) / 1000


def _wait(spans_s: Sequence[float | None]) -> Wait:
    took = sorted(span_s for span_s in spans_s if span_s is not None)
    return Wait(len(spans_s), len(spans_s) - len(took), _percentile(took, 50), _percentile(took, 90))


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile."""
    return ordered[ceil(percent / 100 * len(ordered)) - 1] if ordered else None
