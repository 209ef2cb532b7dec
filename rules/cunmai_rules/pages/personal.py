"""Whether a text that somebody types carries a phone or identity number, however it is written. Pure.

The wire has its own, narrower check of ids. Here a person writes a sentence: `138,0000,0001`, digits of full width,
and an identity number with blanks in it are found; three blood pressures in a row are not taken for one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_GROUP = re.compile(r"\d+[Xx]?")
_PHONE = re.compile(r"(?:0{0,2}86)?1[3-9]\d{9}[Xx]?")
_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])\d{4}"
_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_IDENTITY = re.compile(rf"{_PROVINCE}(?:(?:19|20)\d\d{_DAY}\d{{3}}[\dXx]|\d\d{_DAY}\d{{3}})")
_RUN_TOGETHER = re.compile(r"\d{15}[Xx]?|\d{17}[\dXx]|\d{18}[Xx]")
"""Written without a break, so many digits are an identity number whatever they say."""
_MOST_BETWEEN = 4
"""Characters between two groups of digits that can still be one number."""
_MOST_DIGITS = 20
_OF_VALUES = frozenset("/.")
"""Between 120/80 and 36.5 they stand between values: they join a number only where nothing else does."""


def carries_personal_number(text: str) -> bool:
    """Whether some digits of it, with whatever stands between them, are a mobile or an identity number."""
    plain = "".join(_plain(text))
    groups = list(_GROUP.finditer(plain))
    if any(_RUN_TOGETHER.fullmatch(group[0]) for group in groups):
        return True
    return any(
        _PHONE.fullmatch(digits) or _IDENTITY.fullmatch(digits)
        for n in range(len(groups))
        for digits in _joined(plain, groups[n:])
    )


def _plain(text: str) -> Iterator[str]:
    """Digits of any script as 0 to 9, without what cannot be seen."""
    for char in unicodedata.normalize("NFKC", text):
        if unicodedata.category(char) != "Cf":
            yield str(unicodedata.digit(char)) if char.isdigit() else char


def _joined(text: str, groups: list[re.Match[str]]) -> Iterator[str]:
    """The first group; the first two; and so on, as long as they can be one number."""
    digits, between = groups[0][0], set[str]()
    yield digits
    for before, group in pairwise(groups):
        gap = text[before.end() : group.start()].strip()
        between.add(gap)
        of_values = len(between) > 1 and any(_OF_VALUES & set(sign) for sign in between)
        if len(gap) > _MOST_BETWEEN or of_values or any(char.isalnum() for char in gap):
            return
        digits += group[0]
        if len(digits) > _MOST_DIGITS:
            return
        yield digits
