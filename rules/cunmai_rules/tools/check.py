"""`cunmai rules check`: what is wrong with threshold files, and what they may have forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.lint.advice import advice
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import LoadedPack, problem_of, read_packs, read_sources
from cunmai_rules.thresholds.sentence import Lang, rule_sentence
from cunmai_rules.tools.progress import progress
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import Problem


class Language(StrEnum):
    """Of what the command says."""

    ZH = "zh"
    EN = "en"
    BOTH = "both"

    @property
    def sides(self) -> tuple[Lang, ...]:
        """Those that it is, one after the other."""
        return ("zh", "en") if self is Language.BOTH else ("zh",) if self is Language.ZH else ("en",)

    def of(self, zh: str, en: str) -> str:
        return {Language.ZH: zh, Language.EN: en, Language.BOTH: f"{zh} / {en}"}[self]


def check(
    folder: Annotated[
        Path | None,
        typer.Argument(help="阈值文件或目录, 默认为随附的规则包 / file or folder; default: shipped packs"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="有提醒也算不通过 / warnings fail as well")
    ] = False,
    lang: Annotated[Language, typer.Option(help="zh, en 或 both / zh, en or both")] = Language.BOTH,
) -> None:
    """检查阈值文件: 错误和提醒都指出文件、行号和改法 / check threshold files: errors and warnings with their lines."""
    where = folder or packs_dir()
    sources = read_sources(where)
    if not sources:
        raise UserError(f"{where} 里没有阈值文件 / there is no threshold file in {where}")
    with progress("检查 / checking"):
        loaded, errors = read_packs(sources)
        warnings = warnings_of(loaded)
    _print(("错误, 不会生效", "errors, refused"), errors, lang, err=True)
    _print(("提醒", "warnings"), warnings, lang, err=False)
    if errors:
        raise typer.Exit(2)
    for one in loaded:
        typer.echo("\n".join(_listed(one, lang)))
    typer.echo()
    count = sum(len(one.pack.rules) for one in loaded)
    zh = f"{count} 条规则, 没有错误, " + (f"{len(warnings)} 处提醒" if warnings else "没有提醒")
    en = f"{count} rules, no errors, " + (f"{len(warnings)} warnings" if warnings else "no warnings")
    typer.echo(lang.of(zh, en))
    if strict and warnings:
        raise typer.Exit(1)


def warnings_of(loaded: list[LoadedPack]) -> list[Problem]:
    """What the files may have forgotten."""
    return [problem_of(loaded[n].document, finding) for n, finding in advice([one.pack for one in loaded])]


def _print(head: tuple[str, str], problems: list[Problem], lang: Language, *, err: bool) -> None:
    if problems:
        typer.echo(f"{lang.of(*head)}:", err=err)
    for problem in sorted(problems, key=lambda one: (one.file, one.line)):
        typer.echo(f"  {problem.file}:{problem.line}: {lang.of(problem.zh, problem.en)}", err=err)


def _listed(one: LoadedPack, lang: Language) -> Iterator[str]:
    """A pack rule by rule. No table: it would cut what does not fit the window."""
    yield f"\n{one.document.file}: {lang.of(one.pack.title.zh, one.pack.title.en)}, {one.version}"
    for rule in one.pack.rules:
        grade, lane = lang.of(_GRADES[rule.grade], rule.grade), lang.of(_LANES[rule.lane], rule.lane)
        yield f"  {rule.id}: {grade}, {lane}"
        for side in lang.sides:
            yield f"      {rule_sentence(rule, side)}"


_GRADES = {"red": "红", "yellow": "黄"}
_LANES = {"page": "通知", "review": "待办", "panel": "面板"}
