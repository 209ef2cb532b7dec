"""`cunmai rules score`: score tables over JSON lines."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated

import typer

from cunmai_rules.scores.files import load_score, meant_by, score_lines
from cunmai_rules.scores.table import ScoreTable
from cunmai_runtime.errors import UserError

IGNORED_SHOWN = 20


def score(
    name: Annotated[str, typer.Argument(help="news2, meows, child-severe, risk-colour")],
    file: Annotated[
        typer.FileText,
        typer.Argument(help="每行一个 JSON, 默认读标准输入 / JSON lines; standard input by default"),
    ] = "-",  # type: ignore[assignment]  # typer opens it
) -> None:
    """按评分表打分, 缺项时给出范围 / score JSON lines; a range where something is missing."""
    table = load_score(name)
    unscored, ignored = 0, Counter[str]()
    for outcome, scored in score_lines(table, file):
        unscored += not scored
        ignored.update(outcome.get("ignored", ()))  # type: ignore[call-overload]  # a list of keys
        typer.echo(json.dumps(outcome, ensure_ascii=False))
    for key, lines in ignored.most_common(IGNORED_SHOWN):
        typer.echo(_not_counted(table, key[:40], lines), err=True)
    if unscored:
        raise UserError(
            f"{unscored} 行无法评分, 见输出中的 error / {unscored} lines could not be scored: see error"
        )


def _not_counted(table: ScoreTable, key: str, lines: int) -> str:
    near = meant_by(table, key)
    zh, en = (f"; 是不是 {near}?", f"; did you mean {near}?") if near else ("", "")
    return (
        f"{lines} 行里的 {key!r} 不是 {table.score} 的项目, 没有计入{zh} / "
        f"{key!r}, in {lines} lines, is no input of {table.score} and was not counted{en}"
    )
