"""What the journal asks of a database: one connection, statements in portable SQL, transactions.

Two implement it: `sqlite.py`, the embedded default, and `postgres.py`, for more than one machine. Both
have the same tables (`migrations.py`) and run the same statements:

- parameters are `?` or `:name`; a query is text of the program's own, never input;
- `ON CONFLICT DO NOTHING` or `DO UPDATE`, `RETURNING`, `CASE`, `coalesce`, plain joins: yes. No
  `INSERT OR IGNORE`, no `json_extract` (what is looked for by content has a column of its own), no
  `lastrowid`, no truth value where a number is meant (`corrected = 0`, not `NOT corrected`);
- numbers are 64 bits, times are ms, yes and no are 1 and 0, text holds no NUL;
- whoever reads something about a subject in order to write it `lock`s the subject first, within the same
  transaction. SQLite has one writer at a time anyway; on PostgreSQL several workers write. What one
  connection kept in memory from an earlier transaction may have been changed by another one since.

How to add a table or a column: append one migration to `migrations.MIGRATIONS`; never change an earlier one.

Errors: Retryable where it may work later on the same connection (busy, full), SessionLost where this
connection is over, UserError where somebody has to mend it, StatementRefused where the statement itself is
at fault (a constraint, a trigger, a mistake of ours). `FAULTS` are all of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cunmai_runtime.errors import Retryable, UserError

PARTS = 64
"""Into so many parts subjects are split, by a stable hash, for the work that time brings."""

Parameters = Sequence[Any] | Mapping[str, Any]


class StatementRefused(Exception):
    """The database will not do this, now or later: a constraint or a trigger forbids it, or it is not SQL."""


class SessionLost(Exception):
    """The connection is over, and with it every lock that it had. Open another one and begin anew."""


FAULTS = (StatementRefused, SessionLost, Retryable, UserError)
"""What a statement may raise."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which of the parts a connection looks after: those that leave `slot` when divided by `workers`."""

    slot: int = 0
    workers: int = 1


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class PostgresAt:
    """Where a PostgreSQL database is. What it prints as tells no password."""

    dsn: str = field(repr=False)


JournalAt = Path | PostgresAt
"""A file of SQLite, or a database of PostgreSQL."""


def part_of(subject: str) -> int:
    """The part of a subject: the same for ever, on every machine."""
    return zlib.crc32(subject.encode()) % PARTS


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

    @property
    def share(self) -> Share:
        """The part of the work that time brings which is this connection's."""

    def execute(self, sql: str, parameters: Parameters = ..., /) -> Rows:
        """Run one statement. Outside a transaction it is one by itself."""

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> None:
        """Run one statement for each of these, and let what they return go."""

    def transaction(self) -> AbstractContextManager[None]:
        """All of the block, or none of it; a commit that returned is on the disk."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A part of a transaction that can fail by itself: undone alone, and the error goes on."""

    def lock(self, names: Iterable[str]) -> None:
        """Until the end of the transaction nobody else has these: ids of subjects, or of streams.

        It waits for whoever has them now. Take all that you will need at once: then nobody can wait for
        another in a circle. (Where it happens all the same, it is Retryable.)
        """

    def lock_free(self, names: Sequence[str]) -> list[str]:
        """Lock those of them that nobody has now, without waiting; which."""

    def take_role(self, role: str, slot: int) -> bool:
        """For as long as this session lasts: be the only one with this role in this slot. False: somebody is."""

    def leave_role(self, role: str, slot: int) -> None: ...

    def be_counted(self, role: str) -> None:
        """For as long as this session lasts: one of those that `counted` counts."""

    def counted(self, role: str) -> int:
        """How many sessions have asked to be counted."""

    def close(self) -> None: ...
