"""`cunmai rules escalations | close | retire-gateway | worklist-link`: over the journal of a service that may run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cunmai_rules.commands.open_lines import print_open
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import CloseReason
from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.keys import load_or_make_key
from cunmai_rules.retiring import Retired, retire
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.topics import Channel, gateway_topic

OPEN_SHOWN = 200

Config = Annotated[Path, typer.Option(help="rules.yaml")]


def escalations(config: Config) -> None:
    """列出未结束的预警 / list what is still open, newest first."""
    settings = load_model(config, RulesSettings)
    console = Console()
    with _desk(settings) as desk:
        found = list(desk.escalations.open(OPEN_SHOWN + 1))
    for one in found[:OPEN_SHOWN]:
        print_open(console, one, settings.utc_offset_minutes)
    if not found:
        typer.echo("没有未结束的预警 / nothing is open")
    if len(found) > OPEN_SHOWN:
        typer.echo(f"… 只列出最新的 {OPEN_SHOWN} 条 / the newest {OPEN_SHOWN} are listed, and there are more")


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


def worklist_link(
    contact: Annotated[
        str,
        typer.Argument(
            help="联系人编号, rules.yaml 或登记库里的 / a contact's id, of rules.yaml or the registry"
        ),
    ],
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
