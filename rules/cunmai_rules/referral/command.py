"""`cunmai rules referrals`: what was referred, and what came of it; as FHIR for other systems."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.moments import local_time
from cunmai_rules.referral.book import Book
from cunmai_rules.referral.fhir import bundle
from cunmai_rules.referral.states import ReferralState
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.yamlfile import load_model

DAY_MS = 24 * 3_600_000
STATES = {
    ReferralState.REQUESTED: "等待接收 requested",
    ReferralState.ACCEPTED: "已接收 accepted",
    ReferralState.DECLINED: "未接收 declined",
    ReferralState.RETURNED: "已下转 returned",
}


def referrals(
    config: Annotated[Path, typer.Option(help="rules.yaml")],
    days: Annotated[float, typer.Option(min=0.01, max=3650, help="最近多少天 / the last so many days")] = 30,
    fhir: Annotated[
        bool, typer.Option("--fhir", help="输出 FHIR R4 Bundle / print a FHIR R4 Bundle")
    ] = False,
) -> None:
    """转诊记录 / referrals, and what came of them."""
    settings = load_model(config, RulesSettings)
    now_ms = system_clock()
    with closing(existing_journal(settings)) as db:
        found = list(Book(db).between(now_ms - int(days * DAY_MS), now_ms + 1))
    if fhir:
        typer.echo(json.dumps(bundle(found), ensure_ascii=False))
        return
    table = Table("时间 requested", "居民 resident", "转出 from", "转入 to", "状态 state")
    for one in found:
        when = f"{local_time(one.requested_ms, settings.utc_offset_minutes):%m-%d %H:%M}"
        table.add_row(when, one.resident or "?", one.sender, one.receiver, STATES[one.state])
    Console().print(table)
