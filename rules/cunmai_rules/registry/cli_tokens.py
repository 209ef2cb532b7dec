"""`cunmai registry token ...`, `show`, `sign`, `hand-over`: who may read, and changes of one thing at a time."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from cunmai_rules.moments import day_of
from cunmai_rules.registry import audit, records, writes
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.cells import Unreadable
from cunmai_rules.registry.cells_time import DAY, moment
from cunmai_rules.registry.facts import RegistryFacts, facts_record
from cunmai_rules.registry.finding import View
from cunmai_rules.registry.opened import Config, Opened, opened, operator
from cunmai_rules.registry.scope import Scope
from cunmai_rules.registry.tokens import Right, Tokens
from cunmai_rules.registry.writes import NotDone
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError

token_app = typer.Typer(
    add_completion=False, help="接口令牌 / tokens of the registry's API", no_args_is_help=True
)

_DAY_MS = 86_400_000


@token_app.command()
def new(
    config: Config,
    name: Annotated[str, typer.Option(help="给谁用 / who it is for; never a resident")],
    may: Annotated[list[Right], typer.Option(help="权限, 可重复 / what it may do; repeatable")],
    site: Annotated[
        list[str] | None, typer.Option(help="机构及其下级, * 为全部 / a site and all below it; *")
    ] = None,
    team: Annotated[list[str] | None, typer.Option(help="团队, 可重复 / a team; repeatable")] = None,
    purpose: Annotated[
        list[Purpose] | None, typer.Option(help="查看姓名的用途 / what names may be seen for")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="有效天数 / valid for so many days")] = 365,
) -> None:
    """生成令牌, 只显示这一次 / make a token; it is shown this once."""
    scope = Scope(tuple(site or ()), tuple(team or ()))
    if not scope.sites and not scope.teams:
        raise UserError("请用 --site 或 --team 写明范围 / give the scope with --site or --team")
    if Right.NAMES in may and not purpose:
        raise UserError("names 权限须用 --purpose 写明用途 / the right `names` needs a --purpose")
    now_ms = system_clock()
    with opened(config) as registry, registry.db.transaction():
        token = Tokens(registry.db).make(name, scope, may, purpose or (), now_ms, now_ms + days * _DAY_MS)
        audit.note(
            registry.db, [audit.Entry(now_ms, operator(), "token new", "tokens", token.split("_")[1], name)]
        )
    typer.echo(token)


@token_app.command("list")
def list_tokens(config: Config) -> None:
    """列出令牌(没有秘密部分) / every token, without its secret."""
    grid = Grid("编号\nid", "名称\nname", "范围\nscope", "权限\nmay", "用途\nfor", "状态\nstate")
    with opened(config) as registry:
        for token in Tokens(registry.db).all():
            live = token.live(system_clock())
            state = "有效 live" if live else "已撤销 revoked" if token.revoked_ms else "已过期 expired"
            scope = " ".join([*token.scope.sites, *token.scope.teams])
            grid.add_row(
                token.id, Text(token.name), scope, " ".join(sorted(token.rights)),
                " ".join(sorted(token.purposes)), state,
            )  # fmt: skip
    Console().print(grid)


@token_app.command()
def revoke(token_id: Annotated[str, typer.Argument(metavar="ID")], config: Config) -> None:
    """撤销令牌, 立即生效 / revoke a token, at once."""
    with opened(config) as registry, registry.db.transaction():
        Tokens(registry.db).revoke(token_id, system_clock())
        audit.note(
            registry.db,
            [audit.Entry(system_clock(), operator(), "token revoke", "tokens", token_id, "revoke")],
        )
    typer.echo(f"✓ 已撤销 / revoked: {token_id}")


def show(
    kind: Annotated[str, typer.Argument(help="site, team, resident, staff")],
    id_: Annotated[str, typer.Argument(metavar="ID")],
    config: Config,
    gateway: Annotated[
        str | None, typer.Option(help="连同在这台网关上的判断依据 / with the facts at this gateway")
    ] = None,
    names_for: Annotated[
        Purpose | None, typer.Option(help="连同姓名和电话, 写明用途 / with name and number, for this")
    ] = None,
) -> None:
    """显示一个机构、团队、居民或人员 / show one site, team, resident or member of the staff, as JSON."""
    with opened(config) as registry:
        record = _record(registry, kind, id_, names_for)
        if record is None:
            raise UserError(f"没有 {kind} {id_} / there is no {kind} {id_}")
        if kind == "resident" and gateway is not None:
            facts = RegistryFacts(registry.db, registry.settings, system_clock)
            record["facts"] = facts_record(facts.facts_of(id_, gateway, system_clock()))
    typer.echo(json.dumps(record, ensure_ascii=False, indent=2))


def _record(registry: Opened, kind: str, id_: str, names_for: Purpose | None) -> dict[str, Any] | None:
    looks = [
        audit.Entry(
            system_clock(), operator(), "names" if names_for else "record", table, one, names_for or "record"
        )
        for table, one in records.people_of(registry.db, kind, id_)
        if names_for is not None or table == "residents"
    ]
    with registry.db.transaction():
        audit.note(registry.db, looks)
    vault = None if names_for is None else registry.vault
    match kind:
        case "site":
            return records.site_record(registry.db, id_)
        case "team":
            return records.team_record(registry.db, id_, vault)
        case "resident":
            return records.resident_record(registry.db, id_, vault)
        case "staff":
            return records.staff_record(registry.db, id_, vault)
    raise UserError("可以显示 site, team, resident, staff / one of site, team, resident, staff can be shown")


def sign(
    resident: Annotated[str, typer.Argument(help="居民 / resident")],
    team: Annotated[str, typer.Argument(help="团队 / team")],
    config: Config,
    from_day: Annotated[
        str | None, typer.Option("--from", help="开始日期, 默认今天 / first day; default: today")
    ] = None,
    until_day: Annotated[str | None, typer.Option("--until", help="截止日期 / last day")] = None,
) -> None:
    """把居民签约到团队, 原签约到前一天为止 / sign a resident to a team; an earlier signing ends the day before."""
    with opened(config) as registry:
        today = day_of(system_clock(), registry.settings.utc_offset_minutes)
        try:
            first = today if from_day is None else str(DAY.read(from_day))
            last = None if until_day is None else str(DAY.read(until_day))
            writes.sign(registry.db, resident, team, first, last, operator(), system_clock())
        except (NotDone, Unreadable) as error:
            raise UserError(str(error)) from None
    typer.echo(f"✓ {resident} → {team} ({first})")


def hand_over(
    roster: Annotated[str, typer.Argument(help="值班表 / roster")],
    from_staff: Annotated[str, typer.Argument(help="交班人 / who hands over")],
    to_staff: Annotated[str, typer.Argument(help="接班人 / who takes over")],
    config: Config,
    at: Annotated[str | None, typer.Option(help='"2026-01-31 08:00", 默认现在 / default: now')] = None,
) -> None:
    """记下交接班, 之后的预警通知接班人 / note a handover: alarms from then on go to the successor."""
    with opened(config) as registry:
        offset = registry.settings.utc_offset_minutes
        try:
            at_ms = system_clock() if at is None else int(str(moment(offset).read(at)))
            writes.hand_over(
                registry.db, roster, from_staff, to_staff, at_ms, operator(), system_clock(), offset
            )
        except (NotDone, Unreadable) as error:
            raise UserError(str(error)) from None
    typer.echo(f"✓ {roster}: {from_staff} → {to_staff} {View(at_ms, offset).local(at_ms)}")
