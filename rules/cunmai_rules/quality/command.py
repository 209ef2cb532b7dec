"""`cunmai rules quality`: precision per rule, load per person, time until somebody acts."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.existing import existing_journal
from cunmai_rules.quality.episodes import Episode, counts, episode_of
from cunmai_rules.quality.measures import DAY_MS, measure
from cunmai_rules.quality.report import as_json, print_report
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
    span_ms = min(int(days * DAY_MS), settings.keep_days * DAY_MS)
    measured = measure(_episodes(settings, now_ms - span_ms, now_ms), span_ms)
    if json_:
        typer.echo(json.dumps(as_json(measured), ensure_ascii=False))
        return
    names = {site.gateway: site.name for site in settings.sites}
    print_report(Console(), measured, span_ms / DAY_MS, names)


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
