"""Importing spreadsheets: everything in all the files, or nothing; the same files twice change nothing.

Reading and comparing take the time, and write nothing; the writing at the end is one short transaction, so
that a service that judges readings meanwhile does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cunmai_rules.journal.database import Database, StatementRefused
from cunmai_rules.moments import CHINA_MINUTES
from cunmai_rules.registry import audit, store
from cunmai_rules.registry.changes import Plan, Progress, TableChanges, files_to_read
from cunmai_rules.registry.csvfile import CsvFile, Problems
from cunmai_rules.registry.store import Key, Rows
from cunmai_rules.registry.tables import Table, table_called, tables
from cunmai_rules.registry.vault import Vault
from cunmai_runtime.errors import UserError

_SHOWN = 10
_FACTS = ("residents", "limits")
"""Tables whose first column is the resident that the facts are of."""


class Refused(UserError):
    """Files with problems: nothing was taken."""

    def __init__(self, problems: Problems) -> None:
        lines = [str(problem) for problem in problems.first]
        if problems.count > len(lines):
            more = problems.count - len(lines)
            lines.append(f"… 另有 {more} 处 / and {more} more")
        lines.append(
            f"{problems.count} 处有误, 没有导入任何内容 / {problems.count} problems; nothing was imported"
        )
        super().__init__("\n".join(lines))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one table's file."""

    table: Table
    rows: int
    added: int
    changed: int
    not_in_file: int
    missing: tuple[str, ...]
    """The first of those that the registry has and the file has not."""
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `check_only`: nothing is written. `remove_missing`: what a file lacks goes."""

    who: str
    now_ms: int
    utc_offset_minutes: int = CHINA_MINUTES
    check_only: bool = False
    remove_missing: bool = False


def import_files(
    db: Database, vault: Vault, paths: Sequence[Path], wish: Wish, progress: Progress
) -> list[Imported]:
    """Take these files (or all of a folder's). Raises Refused, UserError, Retryable."""
    before = store.version(db)
    with closing(Plan(db, vault, wish.utc_offset_minutes)) as plan:
        for file in _opened(paths, plan):
            plan.read(file, progress)
        plan.check_references(tables(wish.utc_offset_minutes))
        if plan.problems.count:
            raise Refused(plan.problems)
        plan.count_missing()
        told = [_told(plan, changes) for changes in _in_order(plan, wish)]
        if not wish.check_only and any(
            one.added or one.changed or (wish.remove_missing and one.not_in_file) for one in told
        ):
            told = _write(db, vault, plan, wish, before, told)
    return told


def _opened(paths: Sequence[Path], plan: Plan) -> list[CsvFile]:
    """Raises UserError for a file that is of no table or of one that another file has brought."""
    found: list[CsvFile] = []
    for path in files_to_read(paths):
        table = table_called(path.stem, plan.utc_offset_minutes)
        if table is None:
            known = "、".join(f"{one.zh}.csv" for one in tables())
            raise UserError(
                f"不认识文件 {path.name}, 文件名应为 {known} / {path.name} is no table of the registry: name it "
                + ", ".join(f"{one.name}.csv" for one in tables())
            )
        if any(one.table.name == table.name for one in found):
            raise UserError(
                f"{path.name}: “{table.zh}”有两个文件, 请合并 / {table.name} has two files: make them one"
            )
        try:
            found.append(CsvFile(path, table, plan.problems))
        except OSError as error:
            raise UserError(f"打不开 {path} / cannot read {path}: {error.strerror}") from None
    if not found:
        raise UserError("没有找到 CSV 文件 / no CSV file was found there")
    return found


def _in_order(plan: Plan, wish: Wish) -> list[TableChanges]:
    return [plan.tables[one.name] for one in tables(wish.utc_offset_minutes) if one.name in plan.tables]


def _told(plan: Plan, changes: TableChanges) -> Imported:
    first = islice(plan.missing(changes.table.name), _SHOWN) if changes.not_in_file else ()
    return Imported(
        changes.table, changes.rows, changes.added, changes.changed, changes.not_in_file,
        tuple(_written(key) for key in first),
    )  # fmt: skip


def _written(key: Key) -> str:
    return "/".join(str(part) for part in key)


def _write(
    db: Database, vault: Vault, plan: Plan, wish: Wish, before: int, told: Sequence[Imported]
) -> list[Imported]:
    rows = Rows(db)
    gone = {one.table.name: list(plan.missing(one.table.name)) for one in told} if wish.remove_missing else {}
    try:
        with db.transaction():
            if store.change(db) != before:
                raise UserError(
                    "登记库刚被别人修改, 请重新导入 / the registry was changed meanwhile: import again"
                )
            if not vault.still_current():
                raise UserError("密钥刚被更换, 请重新导入 / the key was changed meanwhile: import again")
            for one in told:
                rows.put(one.table, plan.changed_rows(one.table.name))
            for one in reversed(told):
                rows.remove(one.table, gone.get(one.table.name, ()))
            audit.note(db, _noted(told, gone, wish))
    except StatementRefused as error:
        raise UserError(
            "还有别的行引用要删除的行, 请把有关的文件一起导入 / "
            "other rows still name one that would go: import those files together with this one"
        ) from error
    for name in _FACTS:
        if name in plan.tables:
            store.look_again(db, (str(row[0]) for row in plan.changed_rows(name)))
    return [
        Imported(
            one.table, one.rows, one.added, one.changed, one.not_in_file, one.missing,
            len(gone.get(one.table.name, ())),
        )
        for one in told
    ]  # fmt: skip


def _noted(told: Sequence[Imported], gone: dict[str, list[Key]], wish: Wish) -> Iterable[audit.Entry]:
    for one in told:
        what = f"import: {one.added} added, {one.changed} changed"
        yield audit.Entry(wish.now_ms, wish.who, what, one.table.name, "*", "import")
        for key in gone.get(one.table.name, ()):
            yield audit.Entry(wish.now_ms, wish.who, "remove", one.table.name, _written(key), "import")
