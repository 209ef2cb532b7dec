"""Sets of sequence numbers kept as ranges in a table: what a consumer holds of each stream, and as what."""

from __future__ import annotations

from typing import Any, Protocol

from cunmai_wire.ranges import SeqRanges


class Executes(Protocol):
    """A connection to a database: SQLite's own, or what stands for one."""

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Run one statement; what it returned has `fetchone`, `fetchall`, and can be iterated."""


def table(name: str) -> str:
    """The statement that makes such a table. Names of tables are the program's own, never input."""
    return f"""
    CREATE TABLE {name} (
        stream TEXT NOT NULL,
        what TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (stream, what, first)
    ) WITHOUT ROWID;
"""


TABLE = table("held")

# Ranges that touch or overlap [first, last]. The inner SELECT finds the one that begins before it, if any,
# so that the whole is a short walk of the key, however many ranges a stream has.
_TOUCHING = """
    SELECT first, last FROM {name}
    WHERE stream = :stream AND what = :what AND last >= :first - 1 AND first <= :last + 1
        AND first >= coalesce(
            (SELECT max(first) FROM {name} WHERE stream = :stream AND what = :what AND first <= :first), 0)
"""


def add_range(db: Executes, stream: str, what: str, first: int, last: int, *, name: str = "held") -> int:
    """Add [first, last] to a set, merging; how many of its numbers were new. Within a transaction.

    `name`: of the table.
    """
    touching: list[tuple[int, int]] = db.execute(
        _TOUCHING.format(name=name), {"stream": stream, "what": what, "first": first, "last": last}
    ).fetchall()
    known = sum(max(0, min(last, end) - max(first, start) + 1) for start, end in touching)
    for start, _ in touching:
        db.execute(
            f"DELETE FROM {name} WHERE stream = ? AND what = ? AND first = ?",  # noqa: S608 - a constant
            [stream, what, start],
        )
    merged = (
        min([first, *(start for start, _ in touching)]),
        max([last, *(end for _, end in touching)]),
    )
    db.execute(f"INSERT INTO {name} VALUES (?, ?, ?, ?)", [stream, what, *merged])  # noqa: S608 - a constant
    return last - first + 1 - known


def contains(db: Executes, stream: str, what: str, number: int) -> bool:
    """Whether the number is in the set."""
    row = db.execute(
        "SELECT last FROM held WHERE stream = ? AND what = ? AND first <= ? ORDER BY first DESC LIMIT 1",
        [stream, what, number],
    ).fetchone()
    return row is not None and int(row[0]) >= number


def read_ranges(db: Executes, stream: str, what: str) -> SeqRanges:
    """The whole set."""
    rows = db.execute(
        "SELECT first, last FROM held WHERE stream = ? AND what = ? ORDER BY first", [stream, what]
    )
    return SeqRanges((first, last) for first, last in rows)
