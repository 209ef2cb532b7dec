"""Cells that hold a telephone number, and what can be said of one. Pure."""

from __future__ import annotations

import re

from cunmai_rules.registry.cells import Cell, Stored, Unreadable, as_it_is, plain

_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0(10|2\d|[3-9]\d{2})[2-9]\d{6,7}")
_ABROAD = re.compile(r"\+(?!86)[1-9]\d{6,14}")


def _read_phone(text: str) -> Stored:
    value = re.sub(r"[-() .]", "", plain(text).lstrip("'"))
    if re.fullmatch(r"\d(\.\d+)?[eE]\+?\d+", plain(text)):
        raise Unreadable(
            "号码被表格软件改成了科学计数, 请把这一列设为“文本”后重填",
            "the number itself: the spreadsheet has rounded it; format the column as text and enter it again",
        )
    if not re.fullmatch(r"\+?\d{3,20}", value):
        raise Unreadable("应为电话号码", "a telephone number")
    domestic = re.sub(r"^(\+|00)86", "", value)
    return domestic if domestic.isdigit() else value


PHONE = Cell(_read_phone, as_it_is)
"""Digits alone; `+` and a country's code for numbers abroad. It may still be one that cannot be right."""


def phone_kind(number: str) -> str:
    """mobile, landline, abroad, or doubtful: no number is of this shape."""
    if _MOBILE.fullmatch(number):
        return "doubtful" if len(set(number[3:])) == 1 else "mobile"
    if _LANDLINE.fullmatch(number):
        return "landline"
    return "abroad" if _ABROAD.fullmatch(number) else "doubtful"
