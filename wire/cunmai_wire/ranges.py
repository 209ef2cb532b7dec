"""Sets of sequence numbers kept as sorted, disjoint ranges: what a consumer holds, what is missing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last, both included."""


class SeqRanges:
    """A mutable set of positive integers, cheap where they come in long runs.

    `add` costs O(log n) of the number of *ranges*, and O(1) for the usual case of appending.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int | None = None) -> bool:
        """Add one number or one range; True where any of it was new."""
        last = first if last is None else last
        if first < 1 or first > last:
            raise ValueError(f"not a range of positive numbers: {first}-{last}")
        # Every range that touches or overlaps [first, last] is replaced by one.
        left = bisect_left(self._lasts, first - 1)
        right = bisect_right(self._firsts, last + 1)
        if left == right:
            self._firsts.insert(left, first)
            self._lasts.insert(left, last)
            return True
        if right - left == 1 and self._firsts[left] <= first and last <= self._lasts[left]:
            return False
        merged = (min(first, self._firsts[left]), max(last, self._lasts[right - 1]))
        self._firsts[left:right] = [merged[0]]
        self._lasts[left:right] = [merged[1]]
        return True

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        index = bisect_left(self._lasts, number)
        return index < len(self._firsts) and self._firsts[index] <= number

    def __iter__(self) -> Iterator[Range]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SeqRanges):
            return NotImplemented
        return self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"SeqRanges({list(self)!r})"

    def count(self) -> int:
        """How many numbers are in the set."""
        return sum(last - first + 1 for first, last in self)

    def highest(self) -> int:
        """The largest number, or 0."""
        return self._lasts[-1] if self._lasts else 0

    def missing(self, first: int, last: int) -> list[Range]:
        """The ranges of [first, last] that are not in the set."""
        gaps: list[Range] = []
        cursor = first
        for start, end in self:
            if start > last:
                break
            if end < cursor:
                continue
            if start > cursor:
                gaps.append((cursor, start - 1))
            cursor = end + 1
        if cursor <= last:
            gaps.append((cursor, last))
        return gaps


def ranges_of(numbers: Iterable[int]) -> tuple[Range, ...]:
    """The fewest ranges that hold exactly these numbers."""
    runs: list[Range] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(runs)
