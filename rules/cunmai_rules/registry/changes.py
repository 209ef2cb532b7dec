"""What an import would change: each row of the files against the row in the registry."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cunmai_rules.journal.database import Database
from cunmai_rules.registry.cells import Stored
from cunmai_rules.registry.cells_phone import phone_kind
from cunmai_rules.registry.csvfile import CsvFile, Line, Problem, Problems
from cunmai_rules.registry.rowchecks import row_problems
from cunmai_rules.registry.store import Key, Rows
from cunmai_rules.registry.tables import Record, Table
from cunmai_rules.registry.vault import Vault, place_of

_AT_ONCE = 1000

Progress = Callable[[CsvFile, int], None]
"""Told now and then: the file, and how many of its rows have been read."""


@dataclass(slots=True)
class TableChanges:
    """What one file brings. The changed rows themselves rest in a file of their own, sealed."""

    table: Table
    rows: int = 0
    added: int = 0
    changed: int = 0
    keys: dict[Key, int] = field(default_factory=dict)
    """Every key in the file, and its line."""
    not_in_file: int = 0
    """How many rows the registry has and the file has not. They stay."""


class Plan:
    """Reads files and compares. Nothing is written to the registry; `changed_rows` gives what there is to write."""

    def __init__(self, db: Database, vault: Vault, utc_offset_minutes: int) -> None:
        self._rows = Rows(db)
        self._vault = vault
        self.utc_offset_minutes = utc_offset_minutes
        self.problems = Problems()
        self.tables: dict[str, TableChanges] = {}
        self._waiting: dict[str, IO[str]] = {}
        self._wanted: dict[str, dict[str, Problem]] = {}

    def close(self) -> None:
        for file in self._waiting.values():
            file.close()

    # -- reading ----------------------------------------------------------------------------------------

    def read(self, file: CsvFile, progress: Progress) -> None:
        """Take one file in."""
        table = file.table
        changes = self.tables.setdefault(table.name, TableChanges(table))
        # A place on the disk that goes when it is closed: two million changed rows do not fit in memory.
        waiting = self._waiting.setdefault(table.name, tempfile.TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
        batch: list[Line] = []
        for line in file:
            if self._sound(file, changes, line):
                batch.append(line)
            if len(batch) >= _AT_ONCE:
                self._compare(changes, batch, waiting)
                progress(file, changes.rows)
                batch = []
        self._compare(changes, batch, waiting)
        progress(file, changes.rows)

    def _sound(self, file: CsvFile, changes: TableChanges, line: Line) -> bool:
        """What can be said of a row without the registry."""
        changes.rows += 1
        key = changes.table.key_of(line.record)
        before = changes.keys.setdefault(key, line.number)
        faults = list(row_problems(changes.table.name, line.record))
        if before != line.number:
            named = changes.table.column(changes.table.key[0]).zh
            faults.append(
                (named, f"与第 {before} 行重复", f"a row of its own: line {before} has this key too")
            )
        for header, zh, en in faults:
            self.problems.add(Problem(file.path.name, line.number, header, zh, en))
        for column in changes.table.columns:
            value = line.record.get(column.name)
            if column.refers and value is not None:
                problem = Problem(
                    file.path.name,
                    line.number,
                    column.zh,
                    "没有这个编号",
                    f"an id that is in {column.refers}",
                )
                self._wanted.setdefault(column.refers, {}).setdefault(str(value), problem)
        return not faults

    def _compare(self, changes: TableChanges, batch: Sequence[Line], waiting: IO[str]) -> None:
        table = changes.table
        before = self._rows.get(table, [table.key_of(line.record) for line in batch])
        for line in batch:
            old = before.get(table.key_of(line.record))
            new = self._merged(table, old, line.record)
            if old is not None and new == old:
                continue
            changes.added += old is None
            changes.changed += old is not None
            waiting.write(json.dumps([new[name] for name in table.stored], ensure_ascii=False) + "\n")

    def _merged(self, table: Table, old: Record | None, record: Record) -> Record:
        """The row as it will rest. A column that the file does not have stays as it is."""
        new: Record = dict.fromkeys(table.stored) | (old or {}) | record
        for name in table.sealed:
            if name in record:
                new[name] = self._sealed(table, old, record, name)
                if name == "phone":
                    number = record[name]
                    new["phone_kind"] = None if number is None else phone_kind(str(number))
        return new

    def _sealed(self, table: Table, old: Record | None, record: Record, name: str) -> Stored:
        text, before = record[name], old.get(name) if old else None
        if text is None:
            return None
        place = place_of(table.name, table.key_of(record)[0], name)
        if before is not None and self._vault.open(str(before), place) == text:
            return before
        return self._vault.seal(str(text), place)

    # -- when all files are read ------------------------------------------------------------------------

    def check_references(self, tables: Sequence[Table]) -> None:
        """Every id that a row names must be in a file or in the registry."""
        by_name = {table.name: table for table in tables}
        for name, wanted in self._wanted.items():
            brought = self.tables[name].keys if name in self.tables else {}
            asked: list[Key] = [(id_,) for id_ in wanted if (id_,) not in brought]
            there = self._rows.get(by_name[name], asked)
            for key in asked:
                if key not in there:
                    self.problems.add(wanted[str(key[0])])

    def count_missing(self) -> None:
        """How much the registry has that the files have not."""
        for changes in self.tables.values():
            known = len(changes.keys) - changes.added
            changes.not_in_file = self._rows.count(changes.table) - known

    def missing(self, name: str) -> Iterator[Key]:
        """The keys of the rows that the registry has and the file has not."""
        changes = self.tables[name]
        for record in self._rows.all(changes.table):
            key = changes.table.key_of(record)
            if key not in changes.keys:
                yield key

    def changed_rows(self, name: str) -> Iterator[list[Stored]]:
        """The rows to write, in the order of `Table.stored`."""
        waiting = self._waiting[name]
        waiting.seek(0)
        for line in waiting:
            yield json.loads(line)


def files_to_read(paths: Sequence[Path]) -> list[Path]:
    """The files meant: a folder stands for every CSV file in it."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.csv")) if path.is_dir() else [path]
    return found
