"""SMS templates: files that a county may change, linted when they are loaded.

A message has two texts: `text`, for providers that take whole messages, and `ordered`, the text that Aliyun
and Tencent Cloud approve beforehand and fill with values. Neither can carry a name, a number or a diagnosis:
there is no variable for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from cunmai_rules.notify.languages import Language
from cunmai_rules.notify.providers.settings import Section
from cunmai_rules.notify.segments import segments
from cunmai_rules.shipped import templates_dir
from cunmai_runtime.yamlfile import FileProblems, Problem, read_document, validate

KINDS = ("page", "summary", "help", "closed", "list")
_LATER = frozenset({"summary", "list"})
"""Kinds that a county's own file may lack, because it was written before there were any: the shipped text holds."""
LONGEST_VALUE = 35
"""Characters that Aliyun lets a variable of a notification hold."""

_TEXT_VARIABLES = {
    "page": {"again", "grade", "who", "figures", "time", "site", "rule", "version", "reply", "link"},
    "summary": {"again", "site", "open", "red", "yellow", "new", "time", "reply", "link"},
    "help": {"example", "codes"},
    "closed": {"code"},
    "list": {"code"},
}
_ORDERED_VARIABLES = {
    "page": {"grade", "times", "resident", "values", "time", "site", "rule", "version", "token", "code"},
    "summary": {"site", "open", "red", "yellow", "new", "time", "token", "code"},
    "help": {"example", "codes"},
    "closed": {"code"},
    "list": {"code"},
}
_BASE = "base"
_OWED = {"page": ({"link"}, {"token", "code"}), "summary": ({"link"}, {"token"})}
"""Without one of these nobody can answer. An outcome for many residents is given on the list alone."""

_PRIVATE = re.compile(
    r"name|phone|mobile|tel|idcard|id_number|identity|diagnos|disease|姓名|电话|手机|身份证|诊断|疾病",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_SPECIAL = re.compile("[\u2190-\u2bff\u3010\u3011\u3016\u3017\u300c-\u300f\U00010000-\U0010ffff¥★※]")
"""Arrows, boxes, stars, emoji, 【】 and the like: refused at approval, or garbled on old phones."""
_CONTROL = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]")

_LONGEST_ZH = {
    "again": "再次提醒, ", "grade": "红色", "who": "居民 R-7F3K9QXW", "figures": " 血氧 88.5%↓, 脉率 112",
    "time": "23:59", "site": "上村中心卫生院第二卫生室", "rule": "spo2-severe", "version": "12-9f2c1a7b",
    "reply": ", 或回复 1已看 2已联系 3转诊 4误报 加 K7M4T9", "link": "https://cunmai.county.example/e/abcdefghijklmnop",
    "times": "第12次", "resident": "R-7F3K9QXW", "values": "血氧 88.5% 下降 脉率 112", "token": "abcdefghijklmnop",
    "code": "K7M4T9", "example": "K7M4T9", "codes": "K7M4T9 M4P9T3 P9T3K7 T3K7M4",
    "new": "500", "red": "500", "yellow": "500", "open": "1000", _BASE: "https://cunmai.county.example",
}  # fmt: skip
LONGEST: Mapping[Language, Mapping[str, str]] = {
    "zh-CN": _LONGEST_ZH,
    "en": _LONGEST_ZH | {
        "again": "again, ", "grade": "red", "who": "resident R-7F3K9QXW",
        "figures": " oxygen saturation 88.5% down, pulse 112", "site": "Shangcun Clinic No 2", "times": "12",
        "reply": ", or reply 1 seen 2 contacted 3 referred 4 false alarm with K7M4T9",
        "values": "oxygen 88.5% down pulse 112",
    },
}  # fmt: skip
"""Values as long as they get, to count segments by."""
_OF_SUMMARIES: Mapping[Language, Mapping[str, str]] = {
    "zh-CN": {
        "reply": ", 或回复 1 K7 表示全部已看",
        "link": "https://cunmai.county.example/s/abcdefghijklmnop",
    },
    "en": {
        "reply": ", or reply 1 K7 for all seen",
        "link": "https://cunmai.county.example/s/abcdefghijklmnop",
    },
}


def longest(language: Language, kind: str) -> dict[str, str]:
    """The same for one kind of message."""
    return {**LONGEST[language], **(_OF_SUMMARIES[language] if kind == "summary" else {})}


class _Message(Section):
    text: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    ordered: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class TemplateFile(Section):
    """One language's file."""

    language: Language
    sign: Annotated[str, StringConstraints(min_length=1, max_length=12, pattern=r"^[^\s【】]+$")]
    segments_at_most: int = Field(ge=1, le=10)
    messages: dict[Literal["page", "summary", "help", "closed", "list"], _Message]


@dataclass(frozen=True, slots=True)
class Worded:
    """One message in words: the whole text, and the values that fill the ordered one."""

    text: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of one language. They have passed the lint."""

    file: TemplateFile

    def text(self, kind: str, values: Mapping[str, str]) -> str:
        """The whole message, with its sign."""
        return signed(self.file, _fill(self._message(kind).text, values))

    def values(self, kind: str, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """The variables of the ordered text with their values, in their order there."""
        names = [name for name in variables(self._message(kind).ordered) if name != _BASE]
        return tuple((name, _safe(values[name])) for name in names)

    def ordered(self, kind: str, values: Mapping[str, str], base: str) -> str:
        """The ordered text filled: what a provider of templates sends, after its own sign."""
        return _fill(self._message(kind).ordered, {**dict(self.values(kind, values)), _BASE: base})

    def to_order(self, kind: str, base: str, style: Literal["aliyun", "tencent"]) -> str:
        """The text to be approved: `${grade}` for Aliyun, `{1}` for Tencent Cloud."""
        text = self._message(kind).ordered.replace(f"{{{_BASE}}}", base)
        names = variables(text)
        for number, name in enumerate(names, 1):
            text = text.replace(f"{{{name}}}", f"${{{name}}}" if style == "aliyun" else f"{{{number}}}")
        return text

    def _message(self, kind: str) -> _Message:
        return self.file.messages[kind]  # type: ignore[index]  # one of KINDS


def load_templates(folder: Path | None, language: Language) -> Templates:
    """Load and lint one language. Raises FileProblems with every fault and its line."""
    path = (folder or templates_dir() / "sms") / f"{language}.yaml"
    document = read_document(path)
    file = validate(document, TemplateFile)
    if folder is not None and (lacking := _LATER - set(file.messages)):
        shipped = load_templates(None, language).file.messages
        theirs = {kind: one for kind, one in shipped.items() if kind in lacking}
        file = file.model_copy(update={"messages": file.messages | theirs})
    problems = [Problem(document.file, document.line_of(where), zh, en) for where, zh, en in _faults(file)]
    if problems:
        raise FileProblems(problems)
    return Templates(file)


def variables(text: str) -> list[str]:
    """The variables of a text, each once, in their order."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


Fault = tuple[tuple[str, ...], str, str]


def _faults(file: TemplateFile) -> list[Fault]:
    missing = [kind for kind in KINDS if kind not in file.messages]
    faults: list[Fault] = [
        (("messages",), f"缺少模板 {kind}", f"the template {kind} is missing") for kind in missing
    ]
    for kind, message in file.messages.items():
        owed_text, owed_ordered = _OWED.get(kind, (set[str](), set[str]()))
        at = ("messages", kind, "text")
        faults += _text_faults(at, message.text, _TEXT_VARIABLES[kind])
        faults += _owed_faults(at, message.text, owed_text)
        faults += _length_faults(at, file, message.text)
        at = ("messages", kind, "ordered")
        faults += _text_faults(at, message.ordered, _ORDERED_VARIABLES[kind] | {_BASE})
        faults += _owed_faults(at, message.ordered, owed_ordered)
        faults += _ordered_faults(at, message.ordered)
        faults += _length_faults(at, file, message.ordered)
    return faults


def _text_faults(at: tuple[str, ...], text: str, known: set[str]) -> list[Fault]:
    faults: list[Fault] = []
    for name in variables(text):
        if _PRIVATE.search(name):
            faults.append(
                (
                    at,
                    f"短信里不能有 {{{name}}}: 姓名, 号码和诊断只在链接后的页面上",
                    f"{{{name}}} may not be in a message: such things are only on the page behind the link",
                )
            )
        elif name not in known:
            faults.append(
                (at, f"不认识的变量 {{{name}}}, 可用: {', '.join(sorted(known))}",
                 f"unknown variable {{{name}}}; there are {', '.join(sorted(known))}")
            )  # fmt: skip
    rest = _VARIABLE.sub("", text)
    if "{" in rest or "}" in rest:
        faults.append((at, "大括号不成对", "a brace without its other half"))
    if _CONTROL.search(rest):
        faults.append((at, "含有换行或看不见的字符", "a line break, or a character that cannot be seen"))
    if re.search(r"1[3-9]\d{9}", rest):
        faults.append((at, "模板里有手机号", "a phone number stands in the template"))
    return faults


def _owed_faults(at: tuple[str, ...], text: str, owed: set[str]) -> list[Fault]:
    """Whether there is any way to answer."""
    if not owed or owed & set(variables(text)):
        return []
    names = " 或 ".join(f"{{{name}}}" for name in sorted(owed))
    return [
        (at, f"缺少 {names}: 没有它无法答复", f"needs one of {sorted(owed)}: without it nobody can answer")
    ]


def _ordered_faults(at: tuple[str, ...], text: str) -> list[Fault]:
    faults: list[Fault] = []
    if found := _SPECIAL.search(text):
        faults.append(
            (at, f"审核不接受特殊符号 {found[0]}", f"the special character {found[0]} is refused at approval")
        )
    if "}{" in text:
        faults.append((at, "两个变量不能相邻", "two variables may not stand side by side"))
    if len(_VARIABLE.findall(text)) != len(variables(text)):
        faults.append((at, "同一变量只能用一次", "a variable may be used only once"))
    return faults


def _length_faults(at: tuple[str, ...], file: TemplateFile, text: str) -> list[Fault]:
    most = file.segments_at_most
    taken = segments(signed(file, _fill(text, longest(file.language, at[1]))))
    if taken.segments <= most:
        return []
    return [
        (at, f"最长 {taken.units} 字, 要 {taken.segments} 段, 上限 {most} 段",
         f"at its longest {taken.units} characters in {taken.segments} segments, more than {most}")
    ]  # fmt: skip


def signed(file: TemplateFile, text: str) -> str:
    """With the sign before it, as every carrier of this country wants it; plain in English."""
    return f"[{file.sign}] {text}" if file.language == "en" else f"【{file.sign}】{text}"


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)


def _safe(value: str) -> str:
    """A value as providers of templates take it: never empty, short, without special characters."""
    plain = _SPECIAL.sub("", _CONTROL.sub(" ", value)).strip()
    return plain[:LONGEST_VALUE] or "-"
