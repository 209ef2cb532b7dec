"""`cunmai rules ...`"""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cunmai_rules.scores.files import load_score, score_lines
from cunmai_rules.service import RulesService
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.loader import load_rules, packs_dir
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.service import stop_on_signals
from cunmai_runtime.yamlfile import load_model

app = typer.Typer(
    add_completion=False, help="阈值规则与预警 / thresholds and escalation", no_args_is_help=True
)


@app.command()
def run(config: Annotated[Path, typer.Option(help="rules.yaml")]) -> None:
    """判断测量值, 通知家庭医生团队 / judge readings and notify the family-doctor team."""
    configure_logging()
    service = RulesService(load_model(config, RulesSettings))
    with stop_on_signals() as stop:
        service.run(stop)


@app.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(help="阈值文件或目录, 默认为随附的规则包 / file or folder; default: shipped packs"),
    ] = None,
) -> None:
    """检查阈值文件, 有问题时指出文件和行号 / check threshold files; name file and line of every problem."""
    rules = load_rules(folder or packs_dir())
    table = Table("规则 rule", "版本 version", "等级 grade", "条件 condition")
    for rule in rules.by_id.values():
        table.add_row(rule.rule.id, rule.version, rule.rule.grade, rule_sentence(rule.rule, "zh"))
    Console().print(table)
    typer.echo(f"{len(rules.by_id)} 条规则, 没有问题 / {len(rules.by_id)} rules, no problems")


@app.command()
def score(
    name: Annotated[str, typer.Argument(help="news2, meows, child-severe, risk-colour")],
    file: Annotated[
        typer.FileText,
        typer.Argument(help="每行一个 JSON, 默认读标准输入 / JSON lines; standard input by default"),
    ] = "-",  # type: ignore[assignment]  # typer opens it
) -> None:
    """按评分表打分, 缺项时给出范围 / score JSON lines; a range where something is missing."""
    table = load_score(name)
    unscored = 0
    for outcome, scored in score_lines(table, file):
        unscored += not scored
        typer.echo(json.dumps(outcome, ensure_ascii=False))
    if unscored:
        raise UserError(
            f"{unscored} 行无法评分, 见输出中的 error / {unscored} lines could not be scored: see error"
        )


@app.command("new-secret")
def new_secret() -> None:
    """生成短信接口的签名密钥 / make a signing secret for the SMS webhook."""
    typer.echo("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
