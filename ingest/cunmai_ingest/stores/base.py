"""What every store does, and the types that cross its boundary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cunmai_ingest.points import FieldValue, Storable
from cunmai_wire.parsing import RefusalReason
from cunmai_wire.ranges import SeqRanges


@dataclass(frozen=True, slots=True)
class RefusedPoint:
    """A point that the store will never take as it is, with the store's own words."""

    point: Storable
    detail: str
    reason: RefusalReason = RefusalReason.STORE_REFUSED


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of the points of one write: every one of them is in exactly one of the two."""

    stored: tuple[Storable, ...]
    refused: tuple[RefusedPoint, ...]


@dataclass(frozen=True, slots=True)
class StoredSeqs:
    """What a store holds of one stream, counted by the store itself: `total` points of `seqs` numbers."""

    seqs: SeqRanges
    total: int

    @property
    def distinct(self) -> int:
        return self.seqs.count()

    @property
    def doubled(self) -> int:
        """How many points stand for a number that another point stands for already."""
        return self.total - self.distinct


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest point of one measurement. `t_ms` is when it was measured."""

    measurement: str
    t_ms: int
    tags: Mapping[str, str]
    fields: Mapping[str, FieldValue]


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found, in one sentence for each language."""

    ok: bool
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}"


def encoded(points: Sequence[Storable]) -> tuple[list[tuple[Storable, str]], list[RefusedPoint]]:
    """Each point with its line, and those that line protocol cannot say."""
    lines: list[tuple[Storable, str]] = []
    refused: list[RefusedPoint] = []
    for point in points:
        try:
            lines.append((point, point.line()))
        except ValueError as error:
            refused.append(RefusedPoint(point, str(error)))
    return lines, refused


class Store(Protocol):
    """Durable, idempotent storage of points. An instance belongs to the thread that made it."""

    def write(self, points: Sequence[Storable]) -> WriteOutcome:
        """Store all points that can be stored; when it returns, they are durable.

        Writing a point again changes nothing. Raises Retryable where nothing can be said of some of them
        now (network, overload, locked, full, misconfigured): the whole write is to be made again.
        """

    def check(self) -> Health:
        """Whether this store would take a write now, and if not, what to mend. Never raises."""

    def sequences(self, stream: str) -> StoredSeqs:
        """The numbers of a stream of readings or events that are stored, and in how many points."""

    def history(
        self, resident: str, measurement: str, field: str, from_ms: int, to_ms: int, *, limit: int = 10_000
    ) -> list[tuple[int, FieldValue]]:
        """`(t_ms, value)` of one field, oldest first, `from_ms <= t < to_ms`; the newest `limit` of them.

        Readings that a correction stands in for are left out, here and in `latest`.
        """

    def latest(self, resident: str) -> list[Latest]:
        """The newest reading of each kind and event of each type, by name of measurement."""

    def close(self) -> None:
        """Let go of the file or the connections."""
