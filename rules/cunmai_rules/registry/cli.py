"""`cunmai registry ...`"""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text

from cunmai_rules.registry import audit
from cunmai_rules.registry.archive import LEAST_DAYS, archive
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.cli_tokens import hand_over, show, sign, token_app
from cunmai_rules.registry.csvfile import CsvFile
from cunmai_rules.registry.exporter import Export, export_table
from cunmai_rules.registry.finding import Finding, View
from cunmai_rules.registry.importer import Imported, Wish, import_files
from cunmai_rules.registry.lint import findings
from cunmai_rules.registry.opened import Config, opened, operator
from cunmai_rules.registry.rotate import rotate_key
from cunmai_rules.registry.store import Rows
from cunmai_rules.registry.tables import tables
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError

app = typer.Typer(
    add_completion=False,
    help="居民、机构、团队与值班登记 / who is looked after, by whom, and who is on duty",
    no_args_is_help=True,
)

app.add_typer(token_app, name="token")
app.command()(show)
app.command()(sign)
app.command("hand-over")(hand_over)


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="CSV 文件或目录 / CSV files, or a folder of them")],
    config: Config,
    check: Annotated[bool, typer.Option("--check", help="只检查, 不写入 / check only")] = False,
    remove_missing: Annotated[
        bool,
        typer.Option("--remove-missing", help="删除文件里没有的行 / remove the rows that a file lacks"),
    ] = False,
) -> None:
    """导入表格: 全部导入或全不导入 / import spreadsheets: all of it or nothing."""
    with opened(config) as registry, _bar() as bar:
        task = bar.add_task("…", total=None)

        def progress(file: CsvFile, rows: int) -> None:
            bar.update(
                task, description=f"{file.table.zh} {rows:,}", completed=file.done_bytes or file.bytes,
                total=file.bytes,
            )  # fmt: skip

        wish = Wish(operator(), system_clock(), registry.settings.utc_offset_minutes, check, remove_missing)
        told = import_files(registry.db, registry.vault, paths, wish, progress)
    _tell_import(told, wish)


def _tell_import(told: list[Imported], wish: Wish) -> None:
    grid = Grid(
        "表\ntable", "行\nrows", "新增\nadded", "修改\nchanged", "文件中没有\nnot in file", "删除\nremoved"
    )
    for one in told:
        grid.add_row(
            f"{one.table.zh} {one.table.name}",
            *(f"{n:,}" for n in (one.rows, one.added, one.changed, one.not_in_file, one.removed)),
        )
    Console().print(grid)
    for one in told:
        if one.missing and not wish.remove_missing:
            more = " …" if one.not_in_file > len(one.missing) else ""
            typer.echo(
                f"{one.table.zh}: 登记库里有、文件里没有, 保留不动 / "
                f"in the registry and not in the file, kept: {', '.join(one.missing)}{more}"
            )
    if wish.check_only:
        typer.echo("✓ 检查通过, 没有写入 / no problems; nothing was written")
    else:
        typer.echo("✓ 已导入 / imported")


def _bar() -> Progress:
    console = Console(file=sys.stderr)
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
        console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="写到这个目录 / the folder to write to")],
    config: Config,
    only: Annotated[
        list[str] | None, typer.Option(help="只导出这张表, 可重复 / this table only; repeatable")
    ] = None,
    english: Annotated[bool, typer.Option("--english", help="英文表头 / English headers")] = False,
    names_for: Annotated[
        Purpose | None,
        typer.Option(
            help="连同姓名和电话导出, 并写明用途(逐条记录) / with names and numbers, for this purpose; noted"
        ),
    ] = None,
) -> None:
    """导出表格, 可再次导入 / export spreadsheets that can be imported again."""
    wish = Export(operator(), system_clock(), "en" if english else "zh", names_for)
    with opened(config) as registry:
        chosen = [
            table for table in tables(registry.settings.utc_offset_minutes)
            if not only or {table.name, table.zh} & set(only)
        ]  # fmt: skip
        if not chosen:
            raise UserError(f"没有这张表: {', '.join(only or ())} / there is no such table")
        for table in chosen:
            with _bar() as bar:
                task = bar.add_task(table.zh, total=Rows(registry.db).count(table))
                tell = partial(_advance, bar, task)
                path, count = export_table(registry.db, registry.vault, table, folder, wish, tell)
            typer.echo(f"{path}: {count:,}")


def _advance(bar: Progress, task: TaskID, count: int) -> None:
    bar.update(task, completed=count)


@app.command()
def check(
    config: Config,
    most: Annotated[
        int, typer.Option(min=1, max=100_000, help="每种最多列几条 / at most so many of each")
    ] = 20,
) -> None:
    """检查登记内容是否齐全、合理 / lint: what is missing, or can hardly be right."""
    with opened(config) as registry:
        found = list(findings(registry.db, registry.view))
    shown: Counter[tuple[str, str]] = Counter()
    for one in found:
        shown[one.code, one.kind] += 1
        if shown[one.code, one.kind] <= most:
            _tell_finding(one)
        elif shown[one.code, one.kind] == most + 1:
            typer.echo(f"  … {one.code}: 更多用 --most / see more with --most")
    errors = sum(one.weight == "error" for one in found)
    if errors:
        raise UserError(
            f"{errors} 处错误, {len(found) - errors} 处提醒 / {errors} errors, {len(found) - errors} warnings"
        )
    typer.echo(f"✓ 没有错误, {len(found)} 处提醒 / no errors, {len(found)} warnings")


def _tell_finding(one: Finding) -> None:
    mark = "✗ 错误 error" if one.weight == "error" else "! 提醒 warning"
    typer.echo(f"{mark}  {one.code}: {one.zh} / {one.en}")


@app.command("rotate-key")
def rotate(config: Config) -> None:
    """更换加密密钥, 旧密钥随后作废 / change the key; the old one goes when nothing needs it."""
    with opened(config) as registry, _bar() as bar:
        task = bar.add_task("重新加密 sealing again", total=None)
        count = rotate_key(
            registry.db, registry.vault, operator(), system_clock(),
            lambda n: bar.update(task, description=f"重新加密 sealing again {n:,}"),
        )  # fmt: skip
    path = registry.settings.registry_key_path
    typer.echo(
        f"✓ {count:,} 行已用新密钥加密; 请把 {path} 与数据库一起备份, 更早的备份仍需旧密钥 / "
        f"{count:,} rows are under the new key; back up {path} with the database: older backups need the old one"
    )


@app.command("audit")
def audit_(
    config: Config,
    id_: Annotated[str | None, typer.Option("--id", help="只看这个编号 / of this id only")] = None,
    who: Annotated[str | None, typer.Option(help="只看此人 / by this one only")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="最多几条 / at most")] = 100,
) -> None:
    """谁在何时改过什么、看过谁、为什么 / who changed what, who looked at whom, and why; newest first."""
    grid = Grid("时间\nwhen", "何人\nwho", "做了什么\nwhat", "对象\nof", "原因\nwhy")
    with opened(config) as registry:
        view = View(system_clock(), registry.settings.utc_offset_minutes)
        for one in audit.entries(registry.db, id_, who, limit):
            grid.add_row(
                view.local(one.t_ms), *map(Text, (one.who, one.what, f"{one.kind}/{one.id}", one.why))
            )
    Console().print(grid)


@app.command("audit-archive")
def audit_archive(
    file: Annotated[Path, typer.Argument(help="写到这个新文件 / the new file to write")],
    config: Config,
    keep_days: Annotated[
        int, typer.Option(min=LEAST_DAYS, help="数据库里留几天 / how many days stay in the database")
    ] = 1096,
) -> None:
    """把旧的查看记录存成文件, 再从数据库移走 / put old lines of the audit into a file, and let them go."""
    with opened(config) as registry:
        done = archive(registry.db, file, operator(), system_clock(), keep_days)
    if done is None:
        typer.echo("没有更早的记录 / nothing is older")
    else:
        typer.echo(f"✓ {file}: {done.count:,}, sha256 {done.sha256}")
