"""`cunmai ledger`: measured = stored = judged, by gateway and day, from ingest's book."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cunmai_ingest.api.view import ledger_view, verdict_of
from cunmai_ingest.ledger.days import day_from_text, day_of, day_text, offset_text
from cunmai_ingest.ledger.rows import DayRow, GapRow
from cunmai_ingest.ledger.spans import minus, spans
from cunmai_ingest.ledger.view import LedgerView
from cunmai_ingest.settings import IngestSettings
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.ledger import judged_streams
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.events import GapKind

app = typer.Typer(add_completion=False)

_NOT_FINE = {"lost", "overdue"}


@app.command()
def ledger(
    config: Annotated[Path, typer.Option("--config", help="ingest.yaml")],
    gateway: Annotated[str | None, typer.Option(help="只看这个网关 / this gateway only")] = None,
    day: Annotated[str | None, typer.Option(help="只看这一天, 如 2026-07-01 / this day only")] = None,
    days: Annotated[int, typer.Option(min=1, max=4000, help="最近几天 / how many days")] = 14,
    rules: Annotated[
        Path | None,
        typer.Option(help="rules.yaml: 与规则服务自己的记录核对 / compare with the rules' own journal"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON 输出 / as JSON")] = False,
) -> None:
    """对账单: 测得 = 入库 + 隔离 + 丢失 + 未到 / the loss ledger. Exit status 1: something is lost or overdue."""
    settings = load_model(config, IngestSettings)
    offset = settings.ledger.utc_offset_minutes
    if not settings.book_path.exists():
        raise UserError(
            f"还没有入库账本, 先运行 cunmai ingest run / no book yet at {settings.book_path}: run ingest first"
        )
    view = LedgerView(settings.book_path)
    last = _day(day) if day is not None else day_of(system_clock(), offset)
    first = last if day is not None else last - days + 1
    try:
        rows = view.days(first, last, lambda _: True, gateway)
        gaps = view.gaps(lambda _: True, gateway)
    except Retryable as error:
        raise UserError(f"账本现在读不了, 请稍后再试 / the book cannot be read now: {error}") from None
    if rules is not None:
        gaps = _by_journal(gaps, load_model(rules, RulesSettings).journal)
    if as_json:
        typer.echo(_json(rows, gaps, offset))
    else:
        _show(rows, gaps, offset)
    raise typer.Exit(1 if _NOT_FINE & {verdict_of(row.figures) for row in rows} else 0)


def _by_journal(gaps: Sequence[GapRow], journal: JournalAt) -> list[GapRow]:
    """The gaps without those numbers that the rules have judged or refused, by their own journal.

    Their receipt may have been lost on the way to ingest: a broker's crash can do that.
    """
    if isinstance(journal, Path) and not journal.exists():
        raise UserError(f"没有规则服务的记录 / there is no journal of the rules at {journal}")
    known = {one.stream: spans([*one.judged, *one.refused]) for one in judged_streams(journal)}
    left: list[GapRow] = []
    for gap in gaps:
        taken = known.get(gap.stream, ()) if gap.kind == GapKind.UNJUDGED else ()
        left += [
            replace(gap, first=first, last=last) for first, last in minus(((gap.first, gap.last),), taken)
        ]
    return left


def _day(text: str) -> int:
    try:
        return day_from_text(text)
    except ValueError:
        raise UserError(f"--day 写成 2026-07-01 / write --day as 2026-07-01, not {text!r}") from None


def _json(rows: Sequence[DayRow], gaps: Sequence[GapRow], offset: int) -> str:
    document = {
        "utc_offset": offset_text(offset),
        "days": [
            {
                "gateway": row.gateway,
                "day": day_text(row.day),
                **asdict(row.figures),
                "verdict": verdict_of(row.figures),
                "reckoned_ms": row.reckoned_ms,
            }
            for row in rows
        ],
        "gaps": [asdict(gap) for gap in gaps],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


_COLUMNS = (
    ("measured", "测得\nmeasured"),
    ("stored", "入库\nstored"),
    ("judged", "已判\njudged"),
    ("late", "迟到\nlate"),
    ("quarantined", "隔离\naside"),
    ("missing", "未到\nmissing"),
)
_STYLES = {"red": "bold red", "yellow": "yellow", "green": "green", "grey": "bright_black"}


def _show(rows: Sequence[DayRow], gaps: Sequence[GapRow], offset: int) -> None:
    console = Console()
    words = {
        lang: ledger_view(rows, gaps, [], now_ms=0, utc_offset_minutes=offset, lang=lang)
        for lang in ("zh", "en")
    }
    zh, en = words["zh"], words["en"]
    if not rows:
        silence = "这些天没有任何测量值; 没有数据不等于正常 / no reading on these days; silence is not health"
        console.print(silence, soft_wrap=True)
    else:
        title = f"对账单 Ledger ({offset_text(offset)})"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
        table.add_column("日期\nday", no_wrap=True)
        table.add_column("网关\ngateway", overflow="fold")
        for _, title in _COLUMNS:
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("丢失\nlost", justify="right")
        table.add_column("结论\nverdict", overflow="fold")
        for line, other in zip(zh.days, en.days, strict=True):
            figures = [str(getattr(line.figures, name)) for name, _ in _COLUMNS]
            verdict = Text(f"{line.verdict}\n{other.verdict}", _STYLES[line.colour])
            table.add_row(line.day, line.gateway, *figures, str(line.lost), verdict)
        console.print(table)
    for gap, translated in zip(zh.gaps, en.gaps, strict=True):
        console.print(
            Text(f"{gap.gateway} {gap.kind} {translated.kind} {gap.numbers} ({gap.count}), {gap.since}: "),
            Text(f"{gap.what} / {translated.what}", _STYLES[gap.colour]),
            sep="",
            soft_wrap=True,
        )
