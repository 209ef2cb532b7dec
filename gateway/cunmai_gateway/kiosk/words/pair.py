"""One sentence in both languages."""

from __future__ import annotations

from typing import Literal

Lang = Literal["zh", "en"]
Pair = tuple[str, str]
"""Chinese, English."""


def say(pair: Pair, lang: Lang) -> str:
    """One side of a pair."""
    return pair[0 if lang == "zh" else 1]
