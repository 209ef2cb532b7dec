"""`cunmai rules test`: time-travel cases beside the threshold files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.events import Amend, Escalate, GradeChange, Prompt, Retract
from cunmai_rules.thresholds.loader import is_pack
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.tools.golden.casefiles import Loaded
from cunmai_rules.tools.golden.covering import coverage_lines, coverage_of, coverage_summary, lacking_sides
from cunmai_rules.tools.golden.play import Moment, Played
from cunmai_rules.tools.golden.running import Result, run_files
from cunmai_rules.tools.golden.spans import show_span
from cunmai_rules.tools.golden.verdict import GRADES_ZH, uncovered

TIMELINE_SHOWN = 30

_LANES_ZH = {"page": "通知", "review": "待办"}


def run_tests(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER|FILE]…",
            help="目录, 阈值文件或 *.test.yaml, 默认为随附的规则包 / folder, threshold file or *.test.yaml",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="有规则或界限缺用例也算失败 / fail on rules and limits without cases"),
    ] = False,
    coverage: Annotated[
        bool,
        typer.Option(
            "--coverage",
            help="逐个界限列出: 达到和未达到、解除和未解除是否都有用例 / list each limit: has it a case on both sides?",
        ),
    ] = False,
) -> None:
    """用例测试: 给出一段时间的测量值, 检查等级、通知和待办 / play test cases through the rules."""
    results = run_files(paths or [packs_dir()])
    for file, those in results:
        typer.echo(file.document.file)
        for result in those:
            typer.echo("\n".join(_lines(result)))
    failed = sum(bool(result.failures) for _, those in results for result in those)
    missing = [*_uncovered(results), *_without_cases(paths or [packs_dir()], [file for file, _ in results])]
    for line in missing:
        typer.echo(f"  ! {line}")
    count = sum(len(those) for _, those in results)
    typer.echo(_summary(count, failed, len(missing)))
    lacking = 0
    if coverage and not failed:
        found = coverage_of([file for file, _ in results])
        typer.echo("\n".join(["", *coverage_lines(found), coverage_summary(found)]))
        lacking = lacking_sides(found)
    if failed or (strict and (missing or lacking)):
        raise typer.Exit(1)


def _summary(count: int, failed: int, missing: int) -> str:
    zh = f"{count} 个用例, " + (f"{failed} 个失败" if failed else "全部通过")
    en = f"{count} cases, " + (f"{failed} failed" if failed else "all passed")
    if missing:
        zh, en = f"{zh}, {missing} 处未覆盖", f"{en}, {missing} not covered"
    return f"{zh} / {en}"


def _uncovered(results: Sequence[tuple[Loaded, list[Result]]]) -> Iterator[str]:
    """By rule, over all files of cases that know it."""
    played: dict[Path, list[tuple[RuleSet, list[Played]]]] = {}
    for file, those in results:
        played.setdefault(file.path.parent, []).append((file.rules, [result.played for result in those]))
    for file, _ in results:
        for rule in file.first_rules:
            known = [one for rules, all_ in played[file.path.parent] if rule in rules.by_id for one in all_]
            for gap in uncovered(rule, known):
                yield f"{file.packs[0].name}: {rule}: {gap.zh} / {gap.en}"


def _without_cases(paths: Iterable[Path], loaded: Sequence[Loaded]) -> Iterator[str]:
    """Threshold files of a folder that no file of cases names."""
    tested = {pack.resolve() for file in loaded for pack in file.packs}
    for folder in paths:
        for pack in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            if is_pack(pack) and pack.resolve() not in tested:
                yield f"{pack.name}: 没有用例 / has no cases"


# -- in words -----------------------------------------------------------------------------------------------


def _lines(result: Result) -> Iterator[str]:
    mark = "✗" if result.failures else "✓"
    yield f"  {mark} {result.where} {result.case.name.zh} / {result.case.name.en}"
    if not result.failures:
        return
    for where, failure in result.failures:
        yield f"      {where}: {failure.zh} / {failure.en}"
    yield "      经过 / what happened:"
    timeline = result.played.timeline
    if not timeline:
        yield "        没有任何变化 / nothing"
    for moment in timeline[:TIMELINE_SHOWN]:
        yield f"        {show_span(moment.at_ms):>10}  {_in_words(moment)}"
    if len(timeline) > TIMELINE_SHOWN:
        more = len(timeline) - TIMELINE_SHOWN
        yield f"        … 还有 {more} 条 / {more} more"


def _in_words(moment: Moment) -> str:
    match moment.what:
        case GradeChange() as change:
            zh = f"{GRADES_ZH[change.previous]} → {GRADES_ZH[change.grade]}"
            return f"{change.rule}: {zh} / {change.previous} → {change.grade} ({change.reason})"
        case Escalate() as found:
            return f"{found.rule}: {_LANES_ZH[found.lane]} / {found.lane} ({found.reason})"
        case Amend(found=found):
            return f"{found.rule}: 改为另一时刻 / of another moment ({found.reason})"
        case Retract() as gone:
            return f"{gone.rule}: 撤回 / withdrawn"
        case Prompt() as prompt:
            return f"{prompt.rule}: 提示“{prompt.zh}” / prompt “{prompt.en}” ({prompt.reason})"
