"""Arithmetic on ranges: against plain sets of numbers, and by hand."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.ledger.spans import Spans, common, count, highest, lowest, minus, spans, union

NUMBERS = st.sets(st.integers(1, 40))


def of(numbers: set[int]) -> Spans:
    return spans((number, number) for number in numbers)


def numbers_in(ranges: Spans) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(NUMBERS, NUMBERS)
def test_it_agrees_with_sets(left: set[int], right: set[int]) -> None:
    a, b = of(left), of(right)
    assert numbers_in(a) == left
    for result, expected in (
        (union(a, b), left | right),
        (common(a, b), left & right),
        (minus(a, b), left - right),
    ):
        assert numbers_in(result) == expected
        assert all(end + 1 < begin for (_, end), (begin, _) in pairwise(result))
        assert count(result) == len(expected)


@given(NUMBERS, st.integers(0, 50))
def test_the_lowest_are_the_lowest(numbers: set[int], most: int) -> None:
    assert numbers_in(lowest(of(numbers), most)) == set(sorted(numbers)[:most])


def test_by_hand() -> None:
    assert minus(((1, 10),), ((3, 4), (7, 12))) == ((1, 2), (5, 6))
    assert common(((1, 5), (8, 9)), ((4, 8),)) == ((4, 5), (8, 8))
    assert highest((), ((1, 3), (9, 9)), ((2, 4),)) == 9
    assert highest(()) == 0
