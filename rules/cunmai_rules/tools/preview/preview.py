"""`cunmai rules preview`: every rule in words that a village doctor can read aloud, and as a page with pictures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.forms import ClearLimit
from cunmai_rules.thresholds.labels import field_label, unit_sign
from cunmai_rules.thresholds.leaves import Value
from cunmai_rules.thresholds.loader import read_packs, read_sources
from cunmai_rules.thresholds.pack import Pack, Rule
from cunmai_rules.tools.check import Language
from cunmai_rules.tools.preview.lines import lines_of
from cunmai_rules.tools.preview.numberline import number_line_svg
from cunmai_rules.tools.replay.offline import both, page
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems


def preview(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|FOLDER]", help="默认为随附的规则包 / default: the shipped packs"),
    ] = None,
    lang: Annotated[Language, typer.Option(help="zh, en 或 both / zh, en or both")] = Language.ZH,
    html: Annotated[Path | None, typer.Option(help="另存一页图 / also write a page with pictures")] = None,
) -> None:
    """用大白话念出每条规则: 给谁用, 什么时候报警, 然后怎样, 什么时候解除 / every rule in plain words."""
    packs = _packs(folder or packs_dir())
    for pack in packs:
        typer.echo("\n".join(_told(pack, lang)))
    if html is not None:
        try:
            html.write_text(preview_page(packs, english=lang is Language.EN), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{html} 写不进去({error.strerror}) / {html}: {error.strerror}") from None
        typer.echo(lang.of(f"图在 {html}", f"the pictures are in {html}"))


def _packs(where: Path) -> list[Pack]:
    """Raises FileProblems, UserError."""
    sources = read_sources(where)
    if not sources:
        raise UserError(f"{where} 里没有阈值文件 / there is no threshold file in {where}")
    loaded, problems = read_packs(sources)
    if problems:
        raise FileProblems(problems)
    return [one.pack for one in loaded]


def _told(pack: Pack, lang: Language) -> Iterator[str]:
    yield lang.of(f"【{pack.title.zh}】第 {pack.version} 版", f"[{pack.title.en}] version {pack.version}")
    for number, rule in enumerate(pack.rules, 1):
        yield f"\n{number}. {lang.of(rule.title.zh, rule.title.en)} ({rule.id})"
        for line in lines_of(rule):
            zh, en = (f"{line.head[0]}: {_sentence(line.text[0])}", f"{line.head[1]}: {line.text[1]}.")
            if lang is not Language.EN:
                yield f"   {zh}"
            if lang is not Language.ZH:
                yield f"   {en}"
    yield ""


def _sentence(text: str) -> str:
    return text if text.endswith(("。", ".", "!", "?")) else f"{text}。"


# -- the page -------------------------------------------------------------------------------------------------


def preview_page(packs: list[Pack], *, english: bool = False) -> str:
    """One page that opens offline."""
    parts = [
        both(
            "p",
            "红或黄: 报警; 绿: 解除; 灰: 两者之间, 已有的报警不解除。实心点含这个数, 空心点不含。",
            "Red or yellow: it raises; green: it ends; grey: between, an alarm stays. A filled point is included.",
        )
    ]
    for pack in packs:
        parts.append(
            both(
                "h2",
                f"{escape(pack.title.zh)} 第 {pack.version} 版",
                f"{escape(pack.title.en)} version {pack.version}",
            )
        )
        parts += map(_card, pack.rules)
    return page("规则预览", "Rules in plain words", "".join(parts), english=english)


def _card(rule: Rule) -> str:
    head = both(
        "h3",
        f"{escape(rule.title.zh)} <small>{rule.id}</small>",
        f"{escape(rule.title.en)} <small>{rule.id}</small>",
    )
    lines = "".join(
        both(
            "p",
            f"<b>{line.head[0]}</b>: {escape(_sentence(line.text[0]))}",
            f"<b>{line.head[1]}</b>: {escape(line.text[1])}.",
        )
        for line in lines_of(rule)
    )
    return f'<section class="{rule.grade}">{head}{"".join(_pictures(rule))}{lines}</section>'


def _pictures(rule: Rule) -> Iterator[str]:
    """A number line for each limit; the clearing one is on that of a rule with a single limit."""
    drawn = set()
    for leaf in rule.leaves:
        if not isinstance(leaf, Value) or (leaf.reads, leaf.direction, leaf.value) in drawn:
            continue
        drawn.add((leaf.reads, leaf.direction, leaf.value))
        single = leaf.reads == getattr(rule.when, "reads", None)
        clear = rule.clear if single and isinstance(rule.clear, ClearLimit) else None
        label = field_label(leaf.reads)
        svg = number_line_svg(leaf, clear, grade=rule.grade, unit=leaf.unit, title=f"{label[0]} / {label[1]}")
        sign = unit_sign(leaf.unit)
        yield both("p", f"{label[0]} ({sign[0]})", f"{label[1]} ({sign[1]})") + svg
