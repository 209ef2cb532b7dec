"""`cunmai rules explain`: why each rule did what it did, or did not, about one resident at one moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cunmai_rules.journal.database import Database
from cunmai_rules.registry import audit
from cunmai_rules.registry.audit import Entry
from cunmai_rules.releases.in_force import rules_at
from cunmai_rules.releases.publishing import actor
from cunmai_rules.settings import RulesSettings
from cunmai_rules.tools.check import Language
from cunmai_rules.tools.explain.explain_report import print_explanation
from cunmai_rules.tools.explain.explaining import Explained, explain_all
from cunmai_rules.tools.explain.past import Kept, Past, read_past, recorded_of
from cunmai_rules.tools.known import known, moment_of
from cunmai_rules.tools.progress import progress
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model


def explain(
    resident: Annotated[str, typer.Argument(help="居民编号 / the resident's id")],
    config: Annotated[Path, typer.Option(help="rules.yaml")],
    at: Annotated[str, typer.Option(help="时刻, 如 2026-11-22T02:10; now 表示现在 / the moment")] = "now",
    rule: Annotated[str | None, typer.Option(help="只看这条规则 / this rule alone")] = None,
    because: Annotated[str, typer.Option(help="为什么查看, 记入审计 / why you look; it is audited")] = "",
    who: Annotated[
        str | None, typer.Option(help="查看人, 默认为系统用户 / who looks; default: the system's user")
    ] = None,
    lang: Annotated[Language, typer.Option(help="zh, en 或 both / zh, en or both")] = Language.ZH,
    json_: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """解释: 某时刻每条规则为什么预警或没有预警, 通知了谁 / why each rule did or did not raise, and who was asked."""
    settings = load_model(config, RulesSettings)
    now_ms = system_clock()
    at_ms = now_ms if at == "now" else moment_of(at, settings.utc_offset_minutes)
    rules = rules_at(settings, at_ms)
    with known(settings, at_ms) as around:
        if around.journal is None:
            raise UserError(
                f"没有 {settings.journal_path}, 先运行 cunmai rules run / no journal yet: run rules first"
            )
        _note(around.journal, resident, at_ms, actor(who), because, now_ms)
        past = read_past(around.journal, resident, at_ms)
        if past is None:
            raise UserError(f"日志里没有 {resident} / the journal has nothing of {resident}")
        events = [one.event for one in past.readings if not one.corrected]
        facts = around.facts_of(past.subject)
    with progress("重判 / judging again"):
        told = explain_all(rules, events, facts, at_ms, settings.utc_offset_minutes)
    told = [one for one in told if rule in (None, one.rule.rule.id)]
    if not told:
        raise UserError(f"没有规则 {rule} / there is no rule {rule}")
    if json_:
        typer.echo(json.dumps(as_json(past, told, at_ms), ensure_ascii=False))
    else:
        print_explanation(past, told, at_ms, settings.utc_offset_minutes, lang)


def _note(db: Database, resident: str, at_ms: int, who: str, because: str, now_ms: int) -> None:
    """A look is noted before anything is shown."""
    why = f"at {at_ms}" + (f": {because}" if because else "")
    with db.transaction():
        audit.note(db, [Entry(now_ms, who, "explained", "resident", resident, why)])


# -- for machines ---------------------------------------------------------------------------------------------


def as_json(past: Past, told: list[Explained], at_ms: int) -> dict[str, Any]:
    """Times are ms since 1970 UTC."""
    kept = {(one.event.stream, one.event.seq): one for one in past.readings}
    return {
        "resident": past.subject.id,
        "at": at_ms,
        "rules": [_rule(one, kept) for one in told],
        "escalations": [
            {
                "id": one.escalation.id,
                "rule": one.escalation.rule,
                "version": one.escalation.version,
                "grade": one.escalation.grade,
                "lane": one.escalation.lane,
                "reason": one.escalation.reason,
                "status": one.escalation.status,
                "opened": one.escalation.opened_ms,
                "reading": one.escalation.reading_t_ms,
                "history": [
                    {"t": entry.t_ms, "type": entry.type, "by": entry.actor, **entry.detail}
                    for entry in one.history
                ],
            }
            for one in past.asked
        ],
    }


def _rule(one: Explained, kept: dict[tuple[str, int], Kept]) -> dict[str, Any]:
    return {
        "rule": one.rule.rule.id,
        "version": one.rule.version,
        "applies": one.applies,
        "grade": one.grade,
        "since": one.since_ms,
        "why": [{"zh": zh, "en": en} for zh, en in one.why],
        "readings": [
            {
                "t": counted.event.t_ms,
                "arrived": counted.event.arrived_ms,
                "late": counted.event.late,
                "kind": counted.event.kind,
                "values": dict(counted.event.values),
                "quality": list(counted.event.quality),
                "device": kept[counted.event.stream, counted.event.seq].device,
                "stream": counted.event.stream,
                "seq": counted.event.seq,
                "reason": counted.reason,
                "recorded": recorded_of(
                    kept[counted.event.stream, counted.event.seq], one.rule.rule.id, counted.said_of
                ),
            }
            for counted in one.readings
        ],
    }
