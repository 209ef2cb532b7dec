"""From what a card reader, a QR scanner or a person types to an opaque resident id. Pure.

What looks like an identity or phone number is refused before anything is looked up. Nothing here keeps
the text, and no refusal repeats it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MAX_TEXT_CHARS = 256
DEFAULT_RESIDENT_IDS = r"R-[A-Z0-9]{1,30}"

_QR_PREFIX = re.compile(r"cunmai:", re.IGNORECASE)
_CARD_NUMBER = re.compile(r"[0-9A-Fa-f]{4,}")
_SEPARATORS = re.compile(r"[\s.\-_/]")
# Wider than the wire's own check: also inside other text, because a code may hold more than one thing.
_PERSONAL = re.compile(
    r"(?<!\d)(?:(?:\+?0{0,2}86)?1[3-9]\d{9}|\d{15}|\d{17}X)(?!\d)|(?<!\d)\d{18}(?!\d)", re.ASCII
)


class Refusal(StrEnum):
    """Why nobody was checked in."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    PERSONAL_NUMBER = "personal_number"
    UNKNOWN_CARD = "unknown_card"
    NOT_AN_ID = "not_an_id"


@dataclass(frozen=True, slots=True)
class Known:
    """The opaque resident id that a text stands for."""

    resident: str


def normalised(text: str) -> str:
    """Without the full-width characters, blanks and control characters that keyboards and readers send."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if char.isprintable() and not char.isspace())


def looks_personal(text: str) -> bool:
    """Whether it carries what looks like a phone or identity number, also with separators in it."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return any(_PERSONAL.search(form) is not None for form in (plain, _SEPARATORS.sub("", plain)))


def identify(text: str, cards: Mapping[str, str], resident_ids: re.Pattern[str]) -> Known | Refusal:
    """Who this is. `cards` maps card numbers, normalised and in capitals, to resident ids.

    A number that is in no table is an unknown card, never an id of its own: else every unregistered card
    would become a resident.
    """
    if len(text) > MAX_TEXT_CHARS:
        return Refusal.TOO_LONG
    plain = normalised(text)
    if not plain:
        return Refusal.EMPTY
    if looks_personal(text):
        return Refusal.PERSONAL_NUMBER
    resident = cards.get(plain.upper())
    if resident is not None:
        return Known(resident)
    opened = _QR_PREFIX.match(plain)
    bare = plain[opened.end() :] if opened else plain
    for form in (bare, bare.upper()):
        if resident_ids.fullmatch(form):
            return Known(form)
    return Refusal.UNKNOWN_CARD if _CARD_NUMBER.fullmatch(plain) else Refusal.NOT_AN_ID
