"""`cunmai rules ...`"""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy_command import policy
from cunmai_rules.escalation.states import CloseReason
from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.keys import load_or_make_key
from cunmai_rules.moments import local_time
from cunmai_rules.quality.command import quality
from cunmai_rules.referral.command import referrals
from cunmai_rules.releases.cli import confirm_clock, history, publish_folder, rollback
from cunmai_rules.releases.cli_author import approve_folder, author_key
from cunmai_rules.retiring import Retired, retire
from cunmai_rules.scores.files import load_score, meant_by, score_lines
from cunmai_rules.scores.table import ScoreTable
from cunmai_rules.service import RulesService
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import packs_dir, policies_dir
from cunmai_rules.tools.check import check
from cunmai_rules.tools.explain.explain import explain
from cunmai_rules.tools.golden.testing import run_tests
from cunmai_rules.tools.preview.preview import preview
from cunmai_rules.tools.replay.replay import replay
from cunmai_rules.tools.sms_check import sms_check
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.service import sole_service, stop_on_signals
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.topics import Channel, gateway_topic

OPEN_SHOWN = 200
IGNORED_SHOWN = 20

app = typer.Typer(
    add_completion=False, help="阈值规则与预警 / thresholds and escalation", no_args_is_help=True
)


@app.command()
def run(config: Annotated[Path, typer.Option(help="rules.yaml")]) -> None:
    """判断测量值, 通知家庭医生团队 / judge readings and notify the family-doctor team."""
    with stop_on_signals() as stop:
        settings = load_model(config, RulesSettings)
        configure_logging()
        with sole_service("rules", settings.data_dir):
            RulesService(settings).run(stop)


app.command("check")(check)
app.command("test")(run_tests)
app.command()(replay)
app.command("sms-check")(sms_check)
app.command()(explain)
app.command()(preview)
app.command("author-key")(author_key)
app.command("approve")(approve_folder)
app.command("publish")(publish_folder)
app.command()(history)
app.command()(rollback)
app.command("confirm-clock")(confirm_clock)
app.command()(quality)
app.command()(referrals)
app.command()(policy)


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


@app.command()
def packs() -> None:
    """显示随附的阈值文件目录, 供复制 / where the shipped threshold files are, to copy them."""
    typer.echo(packs_dir())


@app.command()
def policies() -> None:
    """显示随附的升级办法样例的目录, 供复制 / where the shipped example of a policy file is, to copy it."""
    typer.echo(policies_dir())


Config = Annotated[Path, typer.Option(help="rules.yaml")]


@app.command()
def escalations(config: Config) -> None:
    """列出未结束的预警 / list what is still open, newest first."""
    settings = load_model(config, RulesSettings)
    table = Table("开始\nopened", "网关\ngateway", "级别\ngrade", "去向\nlane", "状态\nstatus")
    table.add_column("编号\nid", no_wrap=True, min_width=21)  # to be copied whole
    with _desk(settings) as desk:
        for one in desk.escalations.open(OPEN_SHOWN):
            opened = local_time(one.opened_ms, settings.utc_offset_minutes)
            table.add_row(f"{opened:%m-%d %H:%M:%S}", one.gateway, one.grade, one.lane, one.status, one.id)
    Console().print(table)


@app.command()
def close(
    escalation: Annotated[str, typer.Argument(metavar="ESCALATION", help="编号 / its id")],
    because: Annotated[CloseReason, typer.Option(help="原因 / why")],
    config: Config,
) -> None:
    """不经链接结束一条预警, 并记下原因 / end an escalation for a named reason, without its link."""
    settings = load_model(config, RulesSettings)
    with _desk(settings) as desk:
        closed = desk.close(escalation, because, "operator", system_clock())
    if closed is None:
        raise UserError(f"没有这条预警: {escalation} / there is no escalation {escalation}")
    typer.echo(f"{closed.id}: {closed.closed_because}")


@app.command("retire-gateway")
def retire_gateway(
    gateway: Annotated[str, typer.Argument(metavar="GATEWAY", help="网关编号 / its id")], config: Config
) -> None:
    """网关已拆除: 结束它的失联预警, 不再等它 / a gateway was taken down: end its alarms, wait for it no more."""
    settings = load_model(config, RulesSettings)
    with closing(existing_journal(settings)) as db, db.transaction():
        desk = Desk(db, settings, load_or_make_key(settings.data_dir / "link.key"))
        retired = retire(db, desk, gateway, "operator", system_clock())
    if not retired.heard_of:
        raise UserError(f"规则没有见过这个网关: {gateway} / the rules have never heard of {gateway}")
    typer.echo(_retired_sentence(gateway, retired))
    typer.echo(
        f"清除消息服务器保留的状态 / clear what the broker keeps: "
        f"mosquitto_pub -r -n -t {gateway_topic(gateway, Channel.STATE)}"
    )
    for id_ in retired.open:
        typer.echo(f"{id_}: 关于它设备上的人, 仍须答复 / about somebody at its devices: still owed an answer")


def _retired_sentence(gateway: str, retired: Retired) -> str:
    if not retired.subjects:
        return (
            f"{gateway}: 只收到过居民的测量值, 没有它自己的状态, 规则没有在等它, 没有要结束的 / "
            "only readings of residents came from it, and no word of its own state: nothing waits for it, "
            "nothing had to be ended"
        )
    return f"{gateway}: 已停用, 结束预警 {len(retired.closed)} 条 / retired, {len(retired.closed)} closed"


@contextmanager
def _desk(settings: RulesSettings) -> Iterator[Desk]:
    """The journal of a service that may be running. It is not made where there is none."""
    with (
        closing(existing_journal(settings)) as db,
        db.transaction(),
    ):
        yield Desk(db, settings, load_or_make_key(settings.data_dir / "link.key"))


@app.command("worklist-link")
def worklist_link(
    contact: Annotated[str, typer.Argument(help="联系人编号 / a contact's id, as in rules.yaml")],
    config: Config,
    revoke: Annotated[bool, typer.Option("--revoke", help="只收回 / only take it back")] = False,
) -> None:
    """给联系人一个工作列表地址, 旧的作废 / make a contact's worklist address; the earlier one stops working."""
    settings = load_model(config, RulesSettings)
    with _desk(settings) as desk:
        if desk.directory.role_of(contact) is None:
            raise UserError(f"没有这个联系人: {contact} / there is no contact {contact}")
        if revoke:
            desk.worklists.revoke(contact)
            typer.echo(f"{contact}: 已收回 / taken back")
            return
        token = desk.worklists.grant(contact, system_clock())
    typer.echo(f"{settings.public_url}/w/{token}")
    typer.echo(
        "90 天有效, 只给本人, 不要转发 / for 90 days, for this contact alone: not to be forwarded", err=True
    )


@app.command("new-secret")
def new_secret() -> None:
    """生成短信接口的签名密钥 / make a signing secret for the SMS webhook."""
    typer.echo("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
