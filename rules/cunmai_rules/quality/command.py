"""`cunmai rules quality`: precision per rule, load per person, time until somebody acts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.quality.episodes import Episode, counts, episode_of
from cunmai_rules.quality.measures import DAY_MS, measure
from cunmai_rules.quality.report import Days, as_json, print_report
from cunmai_rules.registry.directory import Directory
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import system_clock
from cunmai_runtime.yamlfile import load_model


def quality(
    config: Annotated[Path, typer.Option(help="rules.yaml")],
    days: Annotated[float, typer.Option(min=0.01, max=3650, help="最近多少天 / the last so many days")] = 30,
    json_: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """预警质量: 每条规则的正确率, 每个人的通知量, 多久有人处理 / how good the alarms are."""
    settings = load_model(config, RulesSettings)
    now_ms = system_clock()
    wanted_ms = min(int(days * DAY_MS), settings.keep_days * DAY_MS)
    span_ms = _span_with_data(settings, wanted_ms, now_ms)
    measured = measure(_episodes(settings, now_ms - wanted_ms, now_ms), span_ms)
    if json_:
        counted = {"days": span_ms / DAY_MS, "days_wanted": days}
        typer.echo(json.dumps(counted | as_json(measured), ensure_ascii=False))
        return
    names = _names(settings, [load.who for load in measured.sites])
    print_report(Console(), measured, Days(span_ms / DAY_MS, days), names)


def _span_with_data(settings: RulesSettings, wanted_ms: int, now_ms: int) -> int:
    """A service that began yesterday has not been quiet for a month: only the time since counts."""
    with closing(existing_journal(settings)) as db:
        began_ms = Judgements(db).began_ms()
    return 0 if began_ms is None else max(0, min(wanted_ms, now_ms - began_ms))


def _names(settings: RulesSettings, gateways: Sequence[str]) -> dict[str, str]:
    """What rules.yaml or the registry calls the places of these gateways."""
    with closing(existing_journal(settings)) as db:
        directory = Directory(db, settings)
        named = {gateway: directory.site_name(gateway) for gateway in gateways}
    return {gateway: name for gateway, name in named.items() if name != gateway}


def _episodes(settings: RulesSettings, from_ms: int, to_ms: int) -> list[Episode]:
    with closing(existing_journal(settings)) as db:
        escalations = Escalations(db)
        directory = Directory(db, settings)
        return [
            episode_of(
                one,
                escalations.history(one.id),
                directory.team_of(one.resident, one.gateway, one.opened_ms),
            )
            for one in escalations.opened_between(from_ms, to_ms)
            if counts(one)
        ]
