"""What the journal asks of a database: one connection, statements in portable SQL, transactions.

Two implement it: `sqlite.py`, the embedded default, and `postgres.py`, for more than one machine. Both
have the same tables (`migrations.py`) and run the same statements:

- parameters are `?` or `:name`; a query is text of the program's own, never input;
- `ON CONFLICT DO NOTHING` or `DO UPDATE`, `RETURNING`, `CASE`, `coalesce`, plain joins: yes. No
  `INSERT OR IGNORE`, no `json_extract` (what is looked for by content has a column of its own), no
  `lastrowid`, no truth value where a number is meant (`corrected = 0`, not `NOT corrected`);
- numbers are 64 bits, times are ms, yes and no are 1 and 0, text holds no NUL;
- a table that says which subject a row is about is written only while that subject is `locked`: on SQLite
  one transaction writes at a time anyway; on PostgreSQL several workers do.

How to add a table or a column: append one migration to `migrations.MIGRATIONS`; never change an earlier one.

Errors: Retryable where it may work later (busy, full, unreachable, restarting), UserError where somebody
has to mend it, StatementRefused where the statement itself is at fault (a constraint, a trigger, a mistake of ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Parameters = Sequence[Any] | Mapping[str, Any]


class StatementRefused(Exception):
    """The database will not do this, now or later: a constraint or a trigger forbids it, or it is not SQL."""


@dataclass(frozen=True, slots=True)
class Rows:
    """All that a statement returned. What can be many has a LIMIT."""

    rows: list[tuple[Any, ...]]
    rowcount: int
    """How many rows an INSERT, UPDATE or DELETE touched."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)


class Database(Protocol):
    """One connection. It belongs to the thread that opened it."""

    def execute(self, sql: str, parameters: Parameters = ..., /) -> Rows:
        """Run one statement. Outside a transaction it is one by itself."""

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> None:
        """Run one statement for each of these, and let what they return go."""

    def transaction(self) -> AbstractContextManager[None]:
        """All of the block, or none of it; a commit that returned is on the disk."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of a transaction that can fail by itself: undone alone, and the error goes on."""

    def close(self) -> None: ...


def open_journal(path: Path) -> Database:
    """Open or create the journal. Raises UserError, Retryable."""
    from cunmai_rules.journal.sqlite import SqliteDatabase  # noqa: PLC0415 - it implements this module

    return SqliteDatabase(path)
