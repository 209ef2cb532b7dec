"""One thing that the lint says of a threshold file. Pure."""

from __future__ import annotations

from dataclasses import dataclass

Place = tuple[str | int, ...]
"""Where in the file: the keys and positions that lead there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a place, and what to write instead, in both languages."""

    place: Place
    zh: str
    en: str
