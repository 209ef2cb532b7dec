from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_runtime.held import TABLE, add_range, contains, read_ranges

STORED, QUARANTINED = "stored", "quarantined"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(TABLE)
        yield connection


@pytest.mark.parametrize(
    ("first", "last", "new", "after"),
    [
        (30, 35, 6, [(10, 19), (30, 35), (40, 49)]),
        (20, 29, 10, [(10, 29), (40, 49)]),
        (20, 39, 20, [(10, 49)]),
        (15, 44, 20, [(10, 49)]),
        (1, 100, 80, [(1, 100)]),
        (12, 15, 0, [(10, 19), (40, 49)]),
        (10, 19, 0, [(10, 19), (40, 49)]),
        (9, 9, 1, [(9, 19), (40, 49)]),
        (8, 8, 1, [(8, 8), (10, 19), (40, 49)]),
        (50, 50, 1, [(10, 19), (40, 50)]),
    ],
)
def test_ranges_merge(
    db: sqlite3.Connection, first: int, last: int, new: int, after: list[tuple[int, int]]
) -> None:
    add_range(db, "s", STORED, 10, 19)
    add_range(db, "s", STORED, 40, 49)
    assert add_range(db, "s", STORED, first, last) == new
    assert list(read_ranges(db, "s", STORED)) == after
    rows = db.execute("SELECT first, last FROM held ORDER BY first").fetchall()
    assert rows == after, "the table itself holds no more rows than there are ranges"


def test_streams_and_sets_are_kept_apart(db: sqlite3.Connection) -> None:
    add_range(db, "s", STORED, 1, 5)
    add_range(db, "s", QUARANTINED, 3, 9)
    add_range(db, "other", STORED, 6, 6)
    assert list(read_ranges(db, "s", STORED)) == [(1, 5)]
    assert list(read_ranges(db, "s", QUARANTINED)) == [(3, 9)]


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12)), max_size=25))
def test_it_is_a_set(additions: list[tuple[int, int]]) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(TABLE)
        expected: set[int] = set()
        for first, more in additions:
            numbers = set(range(first, first + more + 1))
            assert add_range(connection, "s", STORED, first, first + more) == len(numbers - expected)
            expected |= numbers
        ranges = list(read_ranges(connection, "s", STORED))
        assert {n for n in range(80) if contains(connection, "s", STORED, n)} == expected
    assert {number for first, last in ranges for number in range(first, last + 1)} == expected
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))
