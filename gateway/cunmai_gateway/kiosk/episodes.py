"""Recent measurements for people to look at: one line per visit to a device, not one per second. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cunmai_gateway.kiosk.entering import BY_HAND, ENTERED_WORDS
from cunmai_gateway.kiosk.store import Kept
from cunmai_wire.codes import CODES

GAP_MS = 60_000
LONGEST_MS = 30 * 60_000
MOST_READINGS = 1_000


@dataclass(frozen=True, slots=True)
class Episode:
    """Measurements of one kind by one device that follow one another and count for the same."""

    stream: str
    device: str
    kind: str
    resident: str | None
    first_seq: int
    last_seq: int
    first_ms: int
    last_ms: int
    count: int
    spans: dict[str, tuple[float, float]]
    """Lowest and highest of each value."""
    words: dict[str, str | bool] = field(default_factory=dict)
    """Of what a person entered: what is no number."""

    def as_json(self) -> dict[str, Any]:
        return {
            "stream": self.stream,
            "device": self.device,
            "kind": self.kind,
            "resident": self.resident,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "count": self.count,
            "spans": {name: list(span) for name, span in self.spans.items()},
            "words": self.words,
        }


def episodes(kept: Iterable[tuple[Kept, dict[str, float]]]) -> list[Episode]:
    """Group measurements, given in the order of their times with their numbers; the newest group first."""
    open_groups: dict[tuple[str, str, str], list[tuple[Kept, dict[str, float]]]] = {}
    done: list[Episode] = []
    for one, numbers in kept:
        key = (one.stream, one.device, one.kind)
        group = open_groups.setdefault(key, [])
        if group and not _belongs(group, one):
            done.append(_episode(group))
            group.clear()
        group.append((one, numbers))
    done.extend(_episode(group) for group in open_groups.values() if group)
    return sorted(done, key=lambda episode: episode.last_ms, reverse=True)


def _belongs(group: Sequence[tuple[Kept, dict[str, float]]], one: Kept) -> bool:
    first, last = group[0][0], group[-1][0]
    return (
        one.kind not in BY_HAND
        and one.resident == last.resident
        and one.seq > last.seq
        and one.t_ms - last.t_ms <= GAP_MS
        and one.t_ms - first.t_ms <= LONGEST_MS
        and len(group) < MOST_READINGS
    )


def _episode(group: Sequence[tuple[Kept, dict[str, float]]]) -> Episode:
    first, last = group[0][0], group[-1][0]
    spans: dict[str, tuple[float, float]] = {}
    for _, numbers in group:
        for name, value in numbers.items():
            low, high = spans.get(name, (value, value))
            spans[name] = (min(low, value), max(high, value))
    return Episode(
        last.stream, last.device, last.kind, last.resident,
        first.seq, last.seq, first.t_ms, last.t_ms, len(group), spans, _words(last),
    )  # fmt: skip


def _words(entered: Kept) -> dict[str, str | bool]:
    if entered.kind not in BY_HAND:
        return {}
    fields: dict[str, Any] = json.loads(entered.body)
    return {
        name: value
        for name, value in fields.items()
        if name in ENTERED_WORDS and isinstance(value, str | bool)
    }


def numbers_of(kind: str, fields: dict[str, Any]) -> dict[str, float]:
    """The numbers of a reading that the table of codes names."""
    return {
        name: float(value)
        for name, value in fields.items()
        if (kind, name) in CODES and isinstance(value, int | float)
    }
