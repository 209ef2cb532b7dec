"""What a score came to, in words: the total or its range, and which parts made it. Pure."""

from __future__ import annotations

from typing import Literal

from cunmai_rules.scores.scoring import Range, Scored
from cunmai_rules.scores.table import ScoreTable

Lang = Literal["zh", "en"]


def score_words(table: ScoreTable, found: Scored | Range, lang: Lang) -> str:
    """One line for a message or a page. A part of 0 points is not named; what is missing always is."""
    title = _side(table.title.zh, table.title.en, lang)
    unit = _side(" 分", " ", lang)
    if isinstance(found, Scored):
        band = next(one.title for one in table.bands if one.band == found.band)
        text = f"{title} {found.score}{unit}({_side(band.zh, band.en, lang)})"
    else:
        missing = _names(table, found.missing, lang)
        text = f"{title} {found.least}-{found.most}{unit}({_side('缺', 'missing', lang)} {missing})"
    parts = ", ".join(
        f"{_names(table, (table.parts[name][0].reads,), lang)} {points}"
        for name, points in found.parts.items()
        if points
    )
    return f"{text}: {parts}" if parts else text


def _names(table: ScoreTable, inputs: tuple[str, ...], lang: Lang) -> str:
    titles = [table.inputs[name].title for name in inputs]
    return ", ".join(_side(title.zh, title.en, lang).partition(":")[0] for title in titles)


def _side(zh: str, en: str, lang: Lang) -> str:
    return zh if lang == "zh" else en
