"""Phone numbers: one form to compare them by, and the forms that providers want. Pure."""

from __future__ import annotations

import unicodedata

HOME = "86"
_MOBILE_DIGITS = 11


def canonical(number: str) -> str:
    """`+` country and number, for comparing: `138 0000 0001`, `86138…` and `0086138…` are one number."""
    text = unicodedata.normalize("NFKC", number).strip()
    digits = "".join(char for char in text if char.isascii() and char.isdigit())
    if text.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    if digits.startswith(HOME) and len(digits) == len(HOME) + _MOBILE_DIGITS:
        return f"+{digits}"
    return f"+{HOME}{digits}"


def at_home(number: str) -> str:
    """Eleven digits for a number of this country, country and number for any other, without `+`."""
    return canonical(number).removeprefix(f"+{HOME}").removeprefix("+")
