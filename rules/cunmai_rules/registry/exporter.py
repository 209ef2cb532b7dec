"""Writing the registry as spreadsheets that can be imported again: UTF-8 with BOM, headers in either language."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.journal.database import Database
from cunmai_rules.registry import audit
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.cells import Lang, guarded
from cunmai_rules.registry.store import Rows, in_parts
from cunmai_rules.registry.tables import Record, Table
from cunmai_rules.registry.vault import Vault, place_of

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Export:
    """What is asked for. Without a purpose, the columns of names and numbers are left out."""

    who: str
    now_ms: int
    lang: Lang = "zh"
    purpose: Purpose | None = None


def export_table(
    db: Database, vault: Vault, table: Table, folder: Path, wish: Export, progress: Callable[[int], None]
) -> tuple[Path, int]:
    """Write one table's file, which only this user can read; where it is and how many rows it has."""
    columns = [column for column in table.columns if wish.purpose is not None or not column.sealed]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table.title(wish.lang)}.csv"
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    count = 0
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8-sig", newline=""
    ) as file:
        writer = csv.writer(file)
        writer.writerow(column.zh if wish.lang == "zh" else column.name for column in columns)
        for part in in_parts(Rows(db).all(table), _AT_ONCE):
            if wish.purpose is not None and table.sealed:
                _note(db, table, part, wish, wish.purpose)
            for record in part:
                shown = opened(vault, table, record) if wish.purpose is not None else record
                writer.writerow(
                    guarded(column.cell.show(shown[column.name], wish.lang)) for column in columns
                )
            count += len(part)
            progress(count)
    fresh.replace(path)
    return path, count


def opened(vault: Vault, table: Table, record: Record) -> Record:
    """The row with its names and numbers. Whoever calls this has noted the look. Raises UserError."""
    key = table.key_of(record)[0]
    return record | {
        name: vault.open(str(record[name]), place_of(table.name, key, name))
        for name in table.sealed
        if record[name] is not None
    }


def _note(db: Database, table: Table, part: Sequence[Record], wish: Export, purpose: Purpose) -> None:
    with db.transaction():
        audit.note(
            db,
            [
                audit.Entry(wish.now_ms, wish.who, "export", table.name, str(record["id"]), purpose)
                for record in part
            ],
        )
