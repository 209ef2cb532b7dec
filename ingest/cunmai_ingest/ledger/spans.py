"""Arithmetic on sets of sequence numbers, as sorted, disjoint ranges that do not touch. Pure.

Every function takes and gives such tuples; each is linear in the number of ranges.
"""

from __future__ import annotations

from collections.abc import Iterable

from cunmai_wire.ranges import Range, SeqRanges

Spans = tuple[Range, ...]
"""First and last of each range, both included."""

NONE: Spans = ()


def spans(ranges: Iterable[Range]) -> Spans:
    """Any ranges, in any order, as a set."""
    return tuple(SeqRanges(ranges))


def count(numbers: Spans) -> int:
    """How many numbers are in the set."""
    return sum(last - first + 1 for first, last in numbers)


def highest(*sets: Spans) -> int:
    """The largest number of any of the sets, or 0."""
    return max((numbers[-1][1] for numbers in sets if numbers), default=0)


def lowest(numbers: Spans, most: int) -> Spans:
    """The lowest `most` numbers of the set."""
    taken: list[Range] = []
    for first, last in numbers:
        if most <= 0:
            break
        taken.append((first, min(last, first + most - 1)))
        most -= last - first + 1
    return tuple(taken)


def union(*sets: Spans) -> Spans:
    """What is in any of the sets."""
    return spans(one for numbers in sets for one in numbers)


def common(left: Spans, right: Spans) -> Spans:
    """What is in both."""
    found: list[Range] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            found.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def minus(left: Spans, right: Spans) -> Spans:
    """What is in `left` and not in `right`."""
    rest: list[Range] = []
    j = 0
    for begin, end in left:
        cursor = begin
        while j < len(right) and right[j][1] < cursor:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= end:
            if right[k][0] > cursor:
                rest.append((cursor, right[k][0] - 1))
            cursor = right[k][1] + 1
            k += 1
        if cursor <= end:
            rest.append((cursor, end))
    return tuple(rest)
