"""Opening SQLite: durable settings, migrations, transactions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cunmai_runtime.errors import UserError
from cunmai_runtime.sqlite import open_database, transaction

ONE = "CREATE TABLE a (x TEXT); CREATE TABLE b (y TEXT);"
TWO = "ALTER TABLE a ADD COLUMN z TEXT;\n-- a comment; with a semicolon\nINSERT INTO a (x) VALUES ('a;b');"


def test_a_commit_that_returned_is_on_the_disk(tmp_path: Path) -> None:
    db = open_database(tmp_path / "x.sqlite", [ONE])
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    db.close()


def test_migrations_run_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.sqlite"
    open_database(path, [ONE]).close()
    for _ in range(2):
        db = open_database(path, [ONE, TWO])
        assert db.execute("SELECT x, z FROM a").fetchall() == [("a;b", None)]
        db.close()


def test_a_broken_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with pytest.raises(sqlite3.OperationalError):
        open_database(path, [ONE, "CREATE TABLE c (x TEXT); INSERT INTO nowhere VALUES (1);"])
    db = open_database(path, [ONE])
    assert db.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall() == [("a",), ("b",)]
    db.close()


def test_a_migration_must_be_whole_statements(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unfinished SQL statement: CREATE TABLE c"):
        open_database(tmp_path / "x.sqlite", ["CREATE TABLE c (x TEXT)"])


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    open_database(path, [ONE, TWO]).close()
    with pytest.raises(UserError, match="schema version 2, this program knows 1"):
        open_database(path, [ONE])


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_database(path, [ONE])


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    db = open_database(tmp_path / "x.sqlite", [ONE])
    with transaction(db):
        db.execute("INSERT INTO a VALUES ('kept')")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"), transaction(db):
        db.executemany("INSERT INTO a VALUES (?)", [("gone",)]).execute("INSERT INTO nowhere VALUES (1)")
    assert db.execute("SELECT x FROM a").fetchall() == [("kept",)]
    db.close()
