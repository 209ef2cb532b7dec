"""One cell of a spreadsheet: text in, what is stored out, and back. Pure.

A cell that cannot be read raises `Unreadable`, which says what was expected and never repeats the cell: it
may hold a name or a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cunmai_wire.base import refuse_personal_number

Stored = str | int | None
Lang = Literal["zh", "en"]

_BLANK = "\ufeff\u200b\u200c\u200d\u2060\u00a0\u3000 \t\r\n"
_SPLIT = re.compile(r"[;,、|]+")


class Unreadable(Exception):
    """What was expected of the cell, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Cell:
    """How cells of one column are read and shown. `read` gets text without blanks around it, never empty."""

    read: Callable[[str], Stored]
    show: Callable[[Stored, Lang], str]


remembered = lru_cache(maxsize=4096)
"""For what stands in a column again and again."""


def trimmed(text: str) -> str:
    """Without the blanks around it that nobody sees."""
    return text.strip(_BLANK)


def plain(text: str) -> str:
    """Full-width digits, letters and signs as their usual selves. Not for names."""
    return unicodedata.normalize("NFKC", text).strip()


_FORMULA = re.compile(r"[=+\-@].*", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def guarded(text: str) -> str:
    """What a spreadsheet would take for a formula, made a text for it."""
    return f"'{text}" if _FORMULA.fullmatch(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.fullmatch(text[1:]) else text


def as_it_is(value: Stored, _lang: Lang) -> str:
    return "" if value is None else str(value)


# -- ids and texts --------------------------------------------------------------------------------------


def ident(pattern: str, example: str) -> Cell:
    """An id of this form, which does not look like a person's number."""
    compiled = re.compile(pattern)

    def read(text: str) -> Stored:
        value = plain(text)
        if not compiled.fullmatch(value):
            raise Unreadable(f"应为编号, 如 {example}", f"an id such as {example}")
        try:
            return refuse_personal_number(value)
        except ValueError:
            raise Unreadable("不能用电话或身份证号作编号", "an id that is not a person's number") from None

    return Cell(read, as_it_is)


SITE_ID = ident(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", "shangcun")
RESIDENT_ID = ident(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}", "R-7F3K")
STAFF_ID = ident(r"[a-z0-9][a-z0-9-]{0,39}", "doctor-li")
GATEWAY_ID = ident(r"[a-z0-9][a-z0-9-]{1,62}", "cz-shangcun-01")
RULE_ID = ident(r"[a-z0-9][a-z0-9_.-]{0,79}", "spo2-severe")


def words(longest: int) -> Cell:
    """A short text about an institution or a role, never about a person."""

    def read(text: str) -> Stored:
        if len(text) > longest or not text.isprintable():
            raise Unreadable(f"应为不超过 {longest} 个字的文字", f"a text of at most {longest} characters")
        try:
            return refuse_personal_number(text)
        except ValueError:
            raise Unreadable("这里不能写电话或身份证号", "no person's number here") from None

    return Cell(read, as_it_is)


def _read_name(text: str) -> Stored:
    if len(text) > 60 or not text.isprintable():
        raise Unreadable("应为不超过 60 个字的姓名", "a name of at most 60 characters")
    return text


NAME = Cell(_read_name, as_it_is)


# -- choices --------------------------------------------------------------------------------------------


def choice(options: Mapping[Stored, tuple[str, ...]]) -> Cell:
    """One of a few. The first word of each is the Chinese one that is shown, the second the English one."""
    known = {word.casefold(): value for value, all_words in options.items() for word in all_words}
    zh = "、".join(all_words[0] for all_words in options.values())
    en = ", ".join(all_words[1] for all_words in options.values())

    @remembered
    def read(text: str) -> Stored:
        try:
            return known[plain(text).casefold()]
        except KeyError:
            raise Unreadable(f"应为其中之一: {zh}", f"one of: {en}") from None

    def show(value: Stored, lang: Lang) -> str:
        return "" if value is None else options[value][0 if lang == "zh" else 1]

    return Cell(read, show)


YES_NO = choice(
    {1: ("是", "yes", "y", "1", "true", "有", "√"), 0: ("否", "no", "n", "0", "false", "无", "×")}
)
SEX = choice({"female": ("女", "female", "f"), "male": ("男", "male", "m")})
COLOUR = choice(
    {"green": ("绿", "green", "绿色"), "yellow": ("黄", "yellow", "黄色"), "red": ("红", "red", "红色")}
)
TIER = choice(
    {
        "village": ("村", "village", "村级", "村卫生室"),
        "township": ("乡镇", "township", "乡", "镇", "乡级", "乡镇级", "乡镇卫生院", "街道", "社区"),
        "county": ("县", "county", "县级", "区县", "县区", "区", "县级医院"),
        "city": ("市", "city", "市级", "地市", "市级医院"),
    }
)
TIERS = ("village", "township", "county", "city")
LEVEL = choice(
    {
        1: ("村医", "village doctor", "1", "village-doctor"),
        2: ("乡医", "township doctor", "2", "township-doctor", "乡镇医生"),
        3: ("县级骨干医师", "county physician", "3", "county-physician", "县医", "县级医师"),
        4: ("专科医师", "specialist", "4"),
        5: ("学科带头人", "discipline leader", "5", "discipline-leader"),
        6: ("首席专家", "chief expert", "6", "chief-expert"),
    }
)

_CONDITIONS = {
    "asthma": "哮喘", "cancer": "肿瘤", "chronic-kidney-disease": "慢性肾病", "copd": "慢阻肺",
    "coronary-heart-disease": "冠心病", "diabetes": "糖尿病", "heart-failure": "心力衰竭",
    "hypercapnic-failure": "高碳酸血症", "hypertension": "高血压", "immunosuppressed": "免疫抑制",
    "stroke": "脑卒中", "tuberculosis": "肺结核",
}  # fmt: skip
_CONDITION_OF = {zh: id_ for id_, zh in _CONDITIONS.items()} | {
    "慢性阻塞性肺疾病": "copd", "ckd": "chronic-kidney-disease", "心衰": "heart-failure", "中风": "stroke",
    "高碳酸血症型呼吸衰竭": "hypercapnic-failure", "恶性肿瘤": "cancer", "支气管哮喘": "asthma",
}  # fmt: skip
_CONDITION = re.compile(r"[a-z][a-z0-9_-]{1,39}")
_NONE = {"无", "none", "没有"}


@remembered
def _read_conditions(text: str) -> Stored:
    found = set()
    parts = [part.strip().casefold() for part in _SPLIT.split(plain(text)) if part.strip()]
    if len(parts) == 1 and parts[0] in _NONE:
        return ""
    for part in parts:
        value = _CONDITION_OF.get(part, part)
        if part in _NONE or not _CONDITION.fullmatch(value):
            known = "、".join(_CONDITIONS.values())
            raise Unreadable(
                f"应为用分号隔开的病种({known}, 或英文代号), 没有就写“无”, 不清楚就留空",
                "conditions separated by semicolons, such as copd; `none` for none, empty for not known",
            )
        found.add(value)
    return ";".join(sorted(found))


def _show_conditions(value: Stored, lang: Lang) -> str:
    if value is None:
        return ""
    if value == "":
        return "无" if lang == "zh" else "none"
    return ";".join(_CONDITIONS.get(one, one) if lang == "zh" else one for one in str(value).split(";"))


CONDITIONS = Cell(_read_conditions, _show_conditions)
"""Stored: ids joined by semicolons; the empty text is "known to have none"."""


# -- numbers --------------------------------------------------------------------------------------------


def whole(lowest: int, highest: int) -> Cell:
    def read(text: str) -> Stored:
        value = plain(text)
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not (lowest <= number <= highest and number == int(number)):
            raise Unreadable(
                f"应为 {lowest} 到 {highest} 的整数", f"a whole number from {lowest} to {highest}"
            )
        return int(number)

    return Cell(read, as_it_is)


def decimal(lowest: float, highest: float) -> Cell:
    """Stored as text: exact, and the same in every database."""

    def read(text: str) -> Stored:
        try:
            number = float(plain(text))
        except ValueError:
            number = float("nan")
        if not lowest <= number <= highest:
            raise Unreadable(
                f"应为 {lowest:g} 到 {highest:g} 的数", f"a number from {lowest:g} to {highest:g}"
            )
        return repr(number + 0.0).removesuffix(".0")

    return Cell(read, as_it_is)


@remembered
def _read_band(text: str) -> Stored:
    value = re.sub(r"[岁周年 ]", "", plain(text))
    if open_ended := re.fullmatch(r"(\d{1,3})(\+|以上|及以上)", value):
        low, high = int(open_ended[1]), None
    elif between := re.fullmatch(r"(\d{1,3})[-~—–到至](\d{1,3})", value):
        low, high = int(between[1]), int(between[2])
    else:
        low, high = 1, 0
    if low > 120 or (high is not None and not low <= high <= 120):
        raise Unreadable("应为年龄段, 如 65-79 或 80+", "an age band such as 65-79 or 80+")
    return f"{low}+" if high is None else f"{low}-{high}"


AGE_BAND = Cell(_read_band, as_it_is)
"""Whole years, both included: `65-79`, `80+`."""
