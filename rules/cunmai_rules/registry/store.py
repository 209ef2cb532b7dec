"""Rows of the registry in the rules' database. Reads and writes within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.cells import Stored
from cunmai_rules.registry.tables import Record, Table

Key = tuple[Stored, ...]

_AT_ONCE = 500
"""Keys in one question: SQLite takes 32,766 parameters, and no plan gets better by longer ones."""


class Rows:
    """Any table's rows, as they rest: names and numbers sealed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, table: Table, keys: Sequence[Key]) -> dict[Key, Record]:
        """Those of these rows that there are."""
        found: dict[Key, Record] = {}
        one = "(" + " AND ".join(f"{name} = ?" for name in table.key) + ")"
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            if len(table.key) == 1:
                where = f"{table.key[0]} IN ({', '.join('?' * len(part))})"
            else:
                where = " OR ".join([one] * len(part))
            rows = self._db.execute(
                f"SELECT {', '.join(table.stored)} FROM {table.name} WHERE {where}",  # noqa: S608 - names of ours
                [value for key in part for value in key],
            )
            for row in rows:
                record = dict(zip(table.stored, row, strict=True))
                found[table.key_of(record)] = record
        return found

    def all(self, table: Table, at_once: int = 2000) -> Iterator[Record]:
        """Every row, in the order of its key, some at a time."""
        names, order = ", ".join(table.stored), ", ".join(table.key)
        after = ""
        last: Key = ()
        while True:
            rows = self._db.execute(
                f"SELECT {names} FROM {table.name} {after} ORDER BY {order} LIMIT ?",  # noqa: S608 - ours
                [*last, at_once],
            ).fetchall()
            for row in rows:
                yield dict(zip(table.stored, row, strict=True))
            if len(rows) < at_once:
                return
            last = table.key_of(dict(zip(table.stored, rows[-1], strict=True)))
            after = f"WHERE ({order}) > ({', '.join('?' * len(last))})"

    def count(self, table: Table) -> int:
        (row,) = self._db.execute(f"SELECT count(*) FROM {table.name}").fetchall()  # noqa: S608 - ours
        return int(row[0])

    def put(self, table: Table, rows: Iterable[Sequence[Stored]]) -> None:
        """Insert or replace rows; each has the values of `table.stored`."""
        others = [name for name in table.stored if name not in table.key]
        instead = ", ".join(f"{name} = excluded.{name}" for name in others)
        self._db.executemany(
            f"INSERT INTO {table.name} ({', '.join(table.stored)})"  # noqa: S608 - names of ours
            f" VALUES ({', '.join('?' * len(table.stored))}) ON CONFLICT ({', '.join(table.key)})"
            f" DO {'UPDATE SET ' + instead if others else 'NOTHING'}",
            rows,
        )

    def remove(self, table: Table, keys: Iterable[Key]) -> None:
        where = " AND ".join(f"{name} = ?" for name in table.key)
        self._db.executemany(f"DELETE FROM {table.name} WHERE {where}", keys)  # noqa: S608 - names of ours


def version(db: Database) -> int:
    """Goes up with every change."""
    row = db.execute("SELECT n FROM registry_version").fetchone()
    return int(row[0]) if row else 0


def change(db: Database) -> int:
    """Begin a change, within the caller's transaction: changes wait for one another here. The version before it."""
    row = db.execute("UPDATE registry_version SET n = n + 1 RETURNING n").fetchone()
    assert row is not None, "the schema puts one row there"
    return int(row[0]) - 1


def look_again(db: Database, residents: Iterable[str]) -> None:
    """What the rules remember of these is looked at at the next tick: other rules may apply now.

    In transactions of its own, some at a time: whoever judges these residents meanwhile does not wait long.
    """
    source = iter(residents)
    while part := list(islice(source, _AT_ONCE)):
        with db.transaction():
            marks = ", ".join("?" * len(part))
            rows = db.execute(f"SELECT id FROM subject WHERE id IN ({marks})", part)  # noqa: S608 - marks alone
            known = sorted(id_ for (id_,) in rows)
            if known:
                db.lock(known)
                db.executemany("UPDATE subject SET due_ms = 0 WHERE id = ?", [(id_,) for id_ in known])


def in_parts(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """The same, so many at a time."""
    source = iter(records)
    while part := list(islice(source, size)):
        yield part
