"""Sets of sequence numbers, against plain Python sets."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_wire.ranges import SeqRanges, ranges_of

spans = st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def numbers_in(ranges: SeqRanges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(st.lists(spans))
def test_holds_exactly_what_was_added(added: list[tuple[int, int]]) -> None:
    ranges, expected = SeqRanges(), set[int]()
    for first, last in added:
        new = not set(range(first, last + 1)) <= expected
        assert ranges.add(first, last) is new
        expected |= set(range(first, last + 1))
    assert numbers_in(ranges) == expected
    assert ranges.count() == len(expected)
    assert ranges.highest() == max(expected, default=0)
    assert all((number in ranges) == (number in expected) for number in range(75))


@given(st.lists(spans))
def test_ranges_are_sorted_and_never_touch(added: list[tuple[int, int]]) -> None:
    listed = list(SeqRanges(added))
    assert all(first <= last for first, last in listed)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(listed))


@given(st.lists(spans), spans)
def test_missing_is_the_complement(added: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    ranges = SeqRanges(added)
    wanted = set(range(asked[0], asked[1] + 1))
    gaps = ranges.missing(*asked)
    assert {number for first, last in gaps for number in range(first, last + 1)} == wanted - numbers_in(
        ranges
    )


def test_neighbours_merge() -> None:
    ranges = SeqRanges([(1, 3), (5, 6)])
    assert ranges.add(4)
    assert list(ranges) == [(1, 6)]


@pytest.mark.parametrize(("first", "last"), [(0, 1), (3, 2), (-1, 4)])
def test_refuses_what_is_no_range(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="not a range"):
        SeqRanges().add(first, last)


def test_membership_is_of_numbers_only() -> None:
    assert "1" not in SeqRanges([(1, 3)])


def test_ranges_of_numbers() -> None:
    assert ranges_of([7, 3, 1, 2, 3, 9]) == ((1, 3), (7, 7), (9, 9))
    assert ranges_of([]) == ()
