"""A bounded question to the store, its answer, and the protocol of those who can ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cunmai_ingest.points import FieldValue
from cunmai_ingest.query.sites import EVERYWHERE, Sites


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: at this time or earlier, after this many rows of exactly this time."""

    t_ns: int
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One point as it is stored."""

    measurement: str
    t_ns: int
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]

    @property
    def t_ms(self) -> int:
        return self.t_ns // 1_000_000

    @property
    def current(self) -> bool:
        """Whether it is a reading that no correction stands in for. A mark without its reading is neither."""
        return "seq" in self.fields and not self.fields.get("superseded", False)


@dataclass(frozen=True, slots=True)
class Question:
    """Points of these measurements, `from_ms <= t < to_ms`, newest first.

    `tags` and `fields` must be equal. `place` None: from the newest.
    """

    measurements: tuple[str, ...]
    sites: Sites = EVERYWHERE
    from_ms: int = 0
    to_ms: int = 253_402_300_800_000
    tags: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str | int] = field(default_factory=dict)
    place: Place | None = None
    limit: int = 100


class TooSlow(Exception):
    """The question took longer than anyone may wait: ask about less."""


class Reader(Protocol):
    """Any thread may ask."""

    def rows(self, question: Question) -> list[Row]:
        """At most `limit` rows in a fixed order: newest first, then by measurement, then as stored.

        Raises Retryable where the store is down, TooSlow where it takes too long.
        """

    def close(self) -> None:
        """Let go of the connections."""


def place_after(rows: list[Row], start: Place | None) -> Place:
    """Where the page after these rows begins. `rows` must not be empty."""
    last_ns = rows[-1].t_ns
    same = sum(1 for row in rows if row.t_ns == last_ns)
    if start is not None and start.t_ns == last_ns:
        same += start.skip
    return Place(last_ns, same)
