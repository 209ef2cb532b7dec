"""The journal in one SQLite file: WAL, `synchronous=FULL`, one writer at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cunmai_rules.journal.database import WHOLE, Parameters, Rows, Share, StatementRefused
from cunmai_rules.journal.migrations import SQLITE
from cunmai_runtime import sqlite
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.hold import disk_faults
from cunmai_runtime.turns import turns_of

_WHAT = "the rules' journal"


class SqliteDatabase:
    """`Database` over one file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises UserError, Retryable."""
        with disk_faults(_WHAT):
            self._db = sqlite.open_database(path, SQLITE)
        self._turns = turns_of(path)

    def execute(self, sql: str, parameters: Parameters = (), /) -> Rows:
        try:
            cursor = self._db.execute(sql, parameters)
            return Rows(cursor.fetchall(), cursor.rowcount)
        except sqlite3.Error as error:
            raise _mapped(error) from error

    def executemany(self, sql: str, rows: Iterable[Parameters], /) -> None:
        try:
            self._db.executemany(sql, rows)
        except sqlite3.Error as error:
            raise _mapped(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _own_errors(), self._turns.turn(self._patience_s()), sqlite.transaction(self._db):
            yield

    def _patience_s(self) -> float:
        """As long as SQLite itself would wait."""
        ((patience_ms,),) = self._db.execute("PRAGMA busy_timeout").fetchall()
        return float(patience_ms) / 1000

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        with _own_errors(), sqlite.savepoint(self._db):
            yield

    @property
    def share(self) -> Share:
        return WHOLE

    def lock(self, names: Iterable[str], /) -> None:
        """A transaction has the whole file."""

    def lock_free(self, names: Sequence[str], /) -> list[str]:
        return list(names)

    # Only one service uses a file (`cunmai_runtime.service.sole_service`), so every role is its own.

    def take_role(self, role: str, slot: int, /) -> bool:  # noqa: ARG002
        return True

    def leave_role(self, role: str, slot: int, /) -> None: ...

    def be_counted(self, role: str, /) -> None: ...

    def counted(self, role: str, /) -> int:  # noqa: ARG002
        return 1

    def close(self) -> None:
        self._db.close()


@contextmanager
def _own_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _mapped(error) from error


def _mapped(error: sqlite3.Error) -> Exception:
    """As `cunmai_runtime.hold.disk_faults` sorts them; but what is no SQL for this file will never be."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return StatementRefused(f"{_WHAT}: {error}")
    try:
        with disk_faults(_WHAT):
            raise error
    except (Retryable, UserError) as mapped:
        return mapped
    except sqlite3.Error as fault:
        return StatementRefused(f"{_WHAT}: {fault}")
