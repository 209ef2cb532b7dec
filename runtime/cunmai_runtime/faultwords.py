"""A fault that a model finds, in words for the person who has to mend it: Chinese, English, and what to write. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from cunmai_runtime.slips import without_space


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key that a model has anywhere."""

    known: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    """Of these the values are never shown."""


def keys_of(schema: object) -> Keys:
    """The names of all fields of a model, by its JSON Schema."""
    known: set[str] = set()
    secret: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            properties = part.get("properties")
            if isinstance(properties, dict):
                known |= properties.keys()
                secret |= {name for name, field in properties.items() if "writeOnly" in json.dumps(field)}
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return Keys(frozenset(known), frozenset(secret))


def of_the_tag(fault: ErrorDetails) -> ErrorDetails:
    """Where no member of a union fits, the fault is that of the key that chooses the member."""
    if not fault["type"].startswith("union_tag"):
        return fault
    context = fault["ctx"]
    where = (*fault["loc"], str(context["discriminator"]).strip("'"))
    if fault["type"] == "union_tag_not_found":
        return {**fault, "type": "missing", "loc": where}
    wrong = {"expected": context["expected_tags"]}
    return {**fault, "type": "literal_error", "loc": where, "input": context["tag"], "ctx": wrong}


NO_KEYS = Keys()


def fault_words(fault: ErrorDetails, keys: Keys = NO_KEYS) -> tuple[str, str]:  # noqa: PLR0911 - one for each kind
    """A fault in both languages. Kinds that authors meet often have words of their own.

    A secret, or a structure that may hold one, is never repeated.
    """
    key = _key_of(fault["loc"])
    context: dict[str, Any] = fault.get("ctx", {})
    hidden = key in keys.secret or not _PRIVATE_KEYS.isdisjoint(map(str, fault["loc"]))
    given = "***" if hidden else _shorten(fault.get("input"))
    match fault["type"]:
        case "extra_forbidden":
            return _unknown_key(key, keys.known)
        case "missing":
            return f"缺少必填项 {key!r}", f"required key {key!r} is missing"
        case "literal_error" | "enum":
            expected = _ENUM_MEMBER.sub(r"\1", str(context.get("expected", ""))).replace(" or ", ", ")
            return f"{given} 不可用, 可选: {expected}", f"{given} is not one of {expected}"
        case "value_error":
            zh, _, en = str(context.get("error", fault["msg"])).partition(" / ")
            return zh, en or zh
        case kind if kind in _NUMBERS and not hidden and (words := _with_unit(key, fault.get("input"))):
            return words
        case kind if kind in _SHORT_WORDS:
            fraction = kind == "int_type" and isinstance(fault.get("input"), float)
            zh, en = _SHORT_WORDS["int_from_float" if fraction else kind]
            return f"{given} {zh.format(**context)}", f"{given} {en.format(**context)}"
        case _:
            zh, _, en = fault["msg"].partition(" / ")
            return (zh, en) if en else (f"{given} 不合要求({zh})", f"{given}: {zh}")


def _key_of(where: tuple[str | int, ...]) -> str:
    """The key that an author wrote: no place in its list, and no form, which a model names in brackets."""
    return next((part for part in reversed(where) if isinstance(part, str) and not part.startswith("(")), "")


def _unknown_key(key: str, known: frozenset[str]) -> tuple[str, str]:
    """What may have been meant: a space forgotten, a letter wrong, or the right key in the wrong place."""
    if words := without_space(key):
        return words
    if key in known:
        return f"{key!r} 不能写在这里, 请检查缩进", f"{key!r} does not belong here; check the indentation"
    if near := get_close_matches(key, sorted(known), n=1, cutoff=0.7):
        return f"不认识的键 {key!r}, 是不是 {near[0]!r}?", f"unknown key {key!r}; did you mean {near[0]!r}?"
    return f"不认识的键 {key!r}, 请检查拼写", f"unknown key {key!r}; check the spelling"


_NUMBERS = frozenset({"float_type", "float_parsing", "int_type", "int_parsing"})
_AMOUNT = re.compile(r"(-?\d{1,9}(?:\.\d{1,6})?)\s*(\S.{0,20})")
_SECONDS = {
    "s": 1, "sec": 1, "秒": 1, "秒钟": 1, "m": 60, "min": 60, "分": 60, "分钟": 60, "h": 3600, "小时": 3600,
    "d": 86_400, "天": 86_400,
}  # fmt: skip


def _with_unit(key: str, given: object) -> tuple[str, str] | None:
    """A number that was written with its unit."""
    found = _AMOUNT.fullmatch(given.strip()) if isinstance(given, str) else None
    if found is None or found[2][0] in ".0123456789,":
        return None
    amount, unit = found[1], found[2].lower()
    if not key.endswith("_s"):
        return f"写数字, 不带单位: {key}: {amount}", f"write a number without its unit: {key}: {amount}"
    seconds = float(amount) * _SECONDS.get(unit, 1)
    if unit not in _SECONDS or seconds != int(seconds):
        return f"写秒数, 不带单位, 例如 {key}: 30", f"write a number of seconds, as in {key}: 30"
    return f"写秒数, 不带单位: {key}: {int(seconds)}", f"write a number of seconds: {key}: {int(seconds)}"


_ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")

_SHORT_WORDS = {
    "float_type": ("应为数字, 不要加引号", "should be a number, without quotes"),
    "float_parsing": ("应为数字", "should be a number"),
    "int_type": ("应为整数, 不要加引号", "should be a whole number, without quotes"),
    "int_parsing": ("应为整数", "should be a whole number"),
    "int_from_float": ("应为整数", "should be a whole number"),
    "string_type": ("应为文字", "should be text"),
    "bool_type": ("应为 true 或 false", "should be true or false"),
    "bool_parsing": ("应为 true 或 false", "should be true or false"),
    "greater_than": ("应大于 {gt}", "should be greater than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "should be at least {ge}"),
    "less_than": ("应小于 {lt}", "should be less than {lt}"),
    "less_than_equal": ("不能大于 {le}", "should be at most {le}"),
    "too_short": ("至少需要 {min_length} 项", "needs at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "may have at most {max_length} items"),
    "string_too_short": ("太短, 至少 {min_length} 个字", "is too short: at least {min_length} characters"),
    "string_too_long": ("太长, 最多 {max_length} 个字", "is too long: at most {max_length} characters"),
    "string_pattern_mismatch": ("格式不对, 应符合 {pattern}", "does not match {pattern}"),
    "model_type": ("应为 键: 值 的结构", "should be a mapping of keys to values"),
    "model_attributes_type": ("应为 键: 值 的结构", "should be a mapping of keys to values"),
    "tuple_type": ("应为列表", "should be a list"),
    "finite_number": ("应为有限的数字", "should be a finite number"),
}


_PRIVATE_KEYS = {"to", "resident", "phone"}
_PRIVATE_TEXT = re.compile(r"\d{7,}|whsec_")


def _shorten(value: object) -> str:
    if isinstance(value, (dict, list)) and value:
        return "{…}" if isinstance(value, dict) else "[…]"
    text = repr(value)
    if _PRIVATE_TEXT.search(text):
        return "***"
    return text if len(text) <= 40 else text[:37] + "..."
