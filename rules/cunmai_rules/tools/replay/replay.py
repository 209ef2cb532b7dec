"""`cunmai rules replay`: what these rules, and what others, would have done with a history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.journal.database import Database
from cunmai_rules.registry import audit
from cunmai_rules.registry.audit import Entry
from cunmai_rules.releases.in_force import rules_at
from cunmai_rules.releases.publishing import actor
from cunmai_rules.settings import RulesSettings
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import load_rules
from cunmai_rules.tools.known import Known, known, moment_of
from cunmai_rules.tools.progress import progress
from cunmai_rules.tools.replay.history import read_journal
from cunmai_rules.tools.replay.replay_page import most_telling, replay_page
from cunmai_rules.tools.replay.replay_report import as_json, print_report
from cunmai_rules.tools.replay.replaying import DAY_MS, Named, Replayed, Setting, replay_tape
from cunmai_rules.tools.replay.sources import BEGINS_MS, read_file
from cunmai_rules.tools.replay.tape import Tape
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.events import Grade, Priority

Bounds = tuple[str | None, str | None]
"""`--from` and `--to`, as they were given."""
LATE_AFTER_S = 300
LEAD_UP_MS = DAY_MS
"""How much of the journal before `--from` is played first, so that alarms of the day before are not new."""


def replay(  # noqa: PLR0913, PLR0917 - one for each option of the command
    readings: Annotated[
        list[Path] | None,
        typer.Option(
            "--readings", help="测量值文件, 可多次给出或在最后列出 / files of readings (JSON lines, CSV)"
        ),
    ] = None,
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="更多文件 / more files")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="日志的起点, 如 2026-11-01 / from the journal, since then")
    ] = None,
    to: Annotated[str | None, typer.Option(help="终点, 默认现在 / until then; now by default")] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="规则目录; 默认 --config 里的, 否则随附的 / rules; default: of --config, or shipped"
        ),
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="与之比较的规则目录, 可多次给出 / rules to compare with; may be given again"),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="rules.yaml")] = None,
    answered_after: Annotated[
        int,
        typer.Option(min=0, help="假设通知后多少秒有处理结果 / assumed: an outcome so many seconds later"),
    ] = 300,
    html: Annotated[Path | None, typer.Option(help="另存一页图 / also write a page with pictures")] = None,
    who: Annotated[
        str | None, typer.Option(help="查看人, 记入审计, 默认为系统用户 / who looks; it is audited")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """用历史数据重演规则: 预警数, 每个团队的通知数, 新旧规则的差别 / history through old and new rules."""
    settings = load_model(config, RulesSettings) if config else None
    named = [_first(rules, settings), *_others(against or [])]
    files = [*(readings or []), *(more or [])]
    with Tape() as tape, known(settings, system_clock()) as around, progress("重演 / replaying") as step:
        setting = _setting(settings, answered_after, around)
        if files:
            span = _from_files(tape, files, settings, (from_, to), setting)
        else:
            span = _from_journal(tape, around.journal, (from_, to), setting)
        replayed = replay_tape(tape, named, setting, span, step)
        if not replayed.subjects:
            raise UserError("这段时间没有测量值 / there are no readings in this span of time")
        if around.journal is not None and not files:
            _note(around.journal, replayed, actor(who), drawn=html is not None)
        if html is not None:
            _write(html, replay_page(tape, replayed, setting))
    if json_:
        typer.echo(json.dumps(as_json(replayed, setting), ensure_ascii=False))
    else:
        print_report(Console(), replayed, setting)
        if html is not None:
            typer.echo(f"图在 {html} / the pictures are in {html}")


def _setting(settings: RulesSettings | None, answered_after_s: int, around: Known) -> Setting:
    if settings is None:
        return Setting(answered_after_s=answered_after_s)
    policies = settings.escalation_policies()
    return Setting(
        policies.of(Grade.RED, Priority.HIGH),
        answered_after_s,
        around.facts_of,
        around.team_of,
        settings.utc_offset_minutes,
        policies.folding if settings.sends_summaries else Folding(),
    )


def _first(folder: Path | None, settings: RulesSettings | None) -> Named:
    """The rules to compare with: of a folder, or those in force, or those that are shipped."""
    if folder is not None:
        return Named(folder.resolve().name, load_rules(folder))
    if settings is not None:
        return Named("现行 in force", rules_at(settings, system_clock()))
    return Named("随附 shipped", load_rules(packs_dir()))


def _others(folders: Sequence[Path]) -> list[Named]:
    """Each is called by its folder's name; by its path where two share one."""
    names = [folder.resolve().name for folder in folders]
    return [
        Named(name if names.count(name) == 1 else str(folder), load_rules(folder))
        for name, folder in zip(names, folders, strict=True)
    ]


def _from_files(
    tape: Tape, files: Sequence[Path], settings: RulesSettings | None, bounds: Bounds, setting: Setting
) -> tuple[int, int]:
    late_after_s = settings.late_after_s if settings else LATE_AFTER_S
    for file in files:
        tape.add(read_file(file, late_after_s * 1000, BEGINS_MS))
    from_, to = bounds
    span, offset = tape.span(), setting.utc_offset_minutes
    to_ms = moment_of(to, offset) if to else span.last_ms
    tape.cut_after(to_ms)
    return moment_of(from_, offset) if from_ else span.first_ms, to_ms


def _from_journal(tape: Tape, journal: Database | None, bounds: Bounds, setting: Setting) -> tuple[int, int]:
    from_, to = bounds
    if journal is None or from_ is None:
        raise UserError(
            "给出 --readings 文件, 或 --config rules.yaml (已运行过的服务) 和 --from / "
            "give --readings FILE, or --from with the --config rules.yaml of a service that has run"
        )
    from_ms = moment_of(from_, setting.utc_offset_minutes)
    to_ms = moment_of(to, setting.utc_offset_minutes) if to else system_clock()
    if to_ms <= from_ms:
        raise UserError("--to 应晚于 --from / --to must be later than --from")
    tape.add(read_journal(journal, from_ms - LEAD_UP_MS, to_ms))
    return from_ms, to_ms


def _note(journal: Database, replayed: Replayed, who: str, *, drawn: bool) -> None:
    """A look at the journal is noted before anything is shown: the whole of it, and each resident whose curve is."""
    now_ms, span = system_clock(), f"{replayed.from_ms}-{replayed.to_ms}"
    looks = [Entry(now_ms, who, "replayed", "journal", span, f"{replayed.subjects} residents")]
    if drawn:
        looks += [Entry(now_ms, who, "replayed", "resident", one, span) for one in most_telling(replayed)]
    with journal.transaction():
        audit.note(journal, looks)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} 写不进去({error.strerror}) / {path}: {error.strerror}") from None
