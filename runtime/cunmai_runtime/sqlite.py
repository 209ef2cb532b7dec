"""Opening SQLite the one way this project does: WAL, and a commit that returned is on the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cunmai_runtime.errors import UserError

_BUSY_TIMEOUT_MS = 15_000


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open or create the database and bring it to the newest schema.

    `migrations[n]` takes schema version n to n + 1; the version is kept in `user_version`. A connection
    belongs to the thread that opened it.

    Raises UserError where the file was written by a newer version, and sqlite3.DatabaseError where it is
    not a database or is damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_TIMEOUT_MS / 1000)
    try:
        db.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        db.execute("PRAGMA journal_mode = WAL")
        # NORMAL would lose the last commits at a power cut: docs/decisions/0003.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        _migrate(db, path, migrations)
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    if int(db.execute("PRAGMA user_version").fetchone()[0]) == len(migrations):
        return
    with transaction(db):
        # Read again inside the write lock: two threads may open a new file at once.
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(migrations):
            raise UserError(
                f"{path} has schema version {version}, this program knows {len(migrations)}: "
                "run the version of Cunmai that wrote it, or a newer one"
            )
        for script in migrations[version:]:
            for statement in _statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(migrations)}")


def _statements(script: str) -> Iterator[str]:
    """Split a script, because executescript() would commit in the middle of our transaction."""
    *pieces, rest = script.split(";")
    pending = ""
    for piece in pieces:
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if (pending + rest).strip():
        raise ValueError(f"unfinished SQL statement: {(pending + rest).strip()[:80]}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or none of it. The write lock is taken at the start, so no upgrade can deadlock."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # A full or failing disk may have ended the transaction by itself.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """A part of a transaction that can fail by itself: undone alone, and the error goes on."""
    db.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        # A full or failing disk may have ended the whole transaction.
        if db.in_transaction:
            db.execute("ROLLBACK TO part")
            db.execute("RELEASE part")
        raise
    db.execute("RELEASE part")
