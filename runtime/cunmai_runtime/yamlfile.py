"""YAML files that people write: loaded into a pydantic model, every problem with its file and line.

Aliases and custom tags are refused: these files hold plain structure, and an alias can hide how large
a document is. Messages come in Chinese and English, because the authors of threshold files are clinicians.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cunmai_runtime.errors import UserError

MAX_FILE_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_PIECES = 60_000
"""Lines, list entries and the like: reading more would hold a service up for long."""
MAX_INTEGER = 10**18
MAX_PROBLEMS = 50
"""Shown of one file at once."""

_PLAIN_TAGS = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp"}

Model = TypeVar("Model", bound=BaseModel)
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one file, for a person to mend."""

    file: str
    line: int
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.zh} / {self.en}"


class FileProblems(UserError):
    """Everything wrong with a file, in the order of its lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain values, and the line each of them stands on."""

    file: str
    value: Any
    lines: dict[Path_, int]

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of the value at `path`, or of the nearest thing around it that has one.

        Segments that are not in the file (pydantic names the chosen member of a union) are skipped.
        """
        known: Path_ = ()
        for segment in path:
            if (*known, segment) in self.lines:
                known = (*known, segment)
        return self.lines.get(known, 1)


def load_model(path: Path, model: type[Model], *, shown_as: str | None = None) -> Model:
    """Read and validate one YAML file. Raises FileProblems."""
    document = read_document(path, shown_as=shown_as)
    return validate(document, model)


def read_document(path: Path, *, shown_as: str | None = None) -> Document:
    """Read one YAML file into plain values with line numbers. Raises FileProblems."""
    name = shown_as or str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FileProblems([Problem(name, 1, f"读不到文件({reason})", f"cannot be read: {reason}")]) from None
    return parse_document(raw, name)


def parse_document(raw: bytes, name: str) -> Document:
    """Parse YAML text that was read from `name`. Raises FileProblems, and nothing else."""
    if len(raw) > MAX_FILE_BYTES:
        problem = Problem(
            name, 1, f"文件过大, 上限 {MAX_FILE_BYTES} 字节", f"larger than {MAX_FILE_BYTES} bytes"
        )
        raise FileProblems([problem])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FileProblems(
            [Problem(name, line, "不是 UTF-8 编码, 请另存为 UTF-8", "not UTF-8 text")]
        ) from None
    _refuse_what_takes_long(text, name)
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        return _Builder(name, yaml).document(root)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = " ".join(str(error.problem or error.context or "syntax error").split())
        raise FileProblems(
            [_likely(text, name, line) or Problem(name, line, f"YAML 格式错误: {what}", f"not YAML: {what}")]
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileProblems([Problem(name, 1, f"YAML 格式错误: {what}", f"not YAML: {what}")]) from None


_CHINESE_COLON = re.compile(r"^\s*(?:- )?[a-z_]+：")


def _likely(text: str, name: str, line: int) -> Problem | None:
    """What people who type Chinese do most, said in words: at the line that the parser names, or just before it."""
    lines = text.splitlines()
    for at in (line, line - 1):
        written = lines[at - 1] if 1 <= at <= len(lines) else ""
        if _CHINESE_COLON.match(written):
            zh = "用了中文冒号“：”, 请改成英文冒号加一个空格, 例如 lane: page"
            return Problem(name, at, zh, "a Chinese colon: write an ASCII one and a space, as in lane: page")
        if "\t" in written[: len(written) - len(written.lstrip())]:
            return Problem(
                name, at, "行首用了制表符(Tab), 请改成空格", "the line begins with a tab: use spaces"
            )
    return None


_MANY_BRACKETS = re.compile(rf"(?:[\[{{]\s*){{{MAX_DEPTH + 1}}}")


def _refuse_what_takes_long(text: str, name: str) -> None:
    """The parser's time and memory grow with what a text is made of, not only with its length."""
    if sum(map(text.count, ("\n", ",", "[", "{", "? ", "- "))) > MAX_PIECES:
        zh, en = f"内容过多, 上限约 {MAX_PIECES} 行或项", f"more than some {MAX_PIECES} lines or entries"
        raise FileProblems([Problem(name, 1, zh, en)])
    if found := _MANY_BRACKETS.search(text):
        line = text.count("\n", 0, found.start()) + 1
        zh, en = f"嵌套超过 {MAX_DEPTH} 层", f"nested deeper than {MAX_DEPTH}"
        raise FileProblems([Problem(name, line, zh, en)])


class _Builder:
    """Turns ruamel's node graph into plain values, keeping the line of each path."""

    def __init__(self, name: str, yaml: YAML) -> None:
        self._name = name
        self._yaml = yaml
        self._lines: dict[Path_, int] = {}
        self._seen: set[int] = set()

    def document(self, root: Node | None) -> Document:
        if root is None:
            raise FileProblems([Problem(self._name, 1, "文件是空的", "the file is empty")])
        return Document(self._name, self._value(root, ()), self._lines)

    def _value(self, node: Node, path: Path_) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        if id(node) in self._seen:
            self._refuse(line, "不支持 YAML 别名(*)", "YAML aliases (*) are not supported")
        self._seen.add(id(node))
        self._check_tag(node, line)
        if len(path) > MAX_DEPTH:
            self._refuse(line, f"嵌套超过 {MAX_DEPTH} 层", f"nested deeper than {MAX_DEPTH}")
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self._value(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, line)

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key_node, ScalarNode) or not isinstance(key, str):
                self._refuse(line, "键必须是文字", "a key must be text")
            if key in result:
                self._refuse(line, f"键 {key!r} 写了两次", f"key {key!r} is given twice")
            self._lines[(*path, key)] = line
            result[key] = self._value(value_node, (*path, key))
        return result

    def _scalar(self, node: Node, line: int) -> Any:
        value = self._yaml.constructor.construct_object(node)
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            self._refuse(line, "数字过大", "the number is too large")
        return value

    def _check_tag(self, node: Node, line: int) -> None:
        tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if tag not in _PLAIN_TAGS:
            self._refuse(line, f"不支持标签 {tag}", f"tag {tag} is not supported")

    def _refuse(self, line: int, zh: str, en: str) -> None:
        raise FileProblems([Problem(self._name, line, zh, en)])


def validate(document: Document, model: type[Model], context: Mapping[str, Any] | None = None) -> Model:
    """Validate a document against a model. Raises FileProblems with one problem per fault.

    `context`: what the model's own validators need to know besides.
    """
    try:
        return model.model_validate(document.value, context=context)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        secret = _secret_keys(model.model_json_schema())
        raise FileProblems(list(_told(document, _without_echoes(faults), secret))) from None


def _told(document: Document, faults: Sequence[ErrorDetails], secret: frozenset[str]) -> Iterator[Problem]:
    """The first of them in words, and how many there are besides."""
    line = 1
    for fault in faults[:MAX_PROBLEMS]:
        problem = _problem(document, fault, secret)
        line = max(line, problem.line)
        yield problem
    if more := len(faults[MAX_PROBLEMS:]):
        yield Problem(document.file, line, f"还有 {more} 处错误", f"and {more} more")


def _secret_keys(schema: object) -> frozenset[str]:
    """The names of all SecretStr fields of a model, by its JSON Schema: their values are never shown."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            properties = part.get("properties")
            if isinstance(properties, dict):
                found |= {name for name, field in properties.items() if "writeOnly" in json.dumps(field)}
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return frozenset(found)


def _without_echoes(faults: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Drop "the list is too short" where that is only because an item of the list is wrong."""
    paths = [fault["loc"] for fault in faults]
    return [
        fault
        for fault in faults
        if fault["type"] != "too_short"
        or not any(
            len(path) > len(fault["loc"]) and path[: len(fault["loc"])] == fault["loc"] for path in paths
        )
    ]


def _problem(document: Document, fault: ErrorDetails, secret: frozenset[str]) -> Problem:
    fault = _of_the_tag(fault)
    path = fault["loc"]
    zh, en = fault_words(fault, show=path[-1] not in secret if path else True)
    # A model that tells its forms apart names them in brackets: not something the author wrote.
    where = ".".join(str(segment) for segment in path if not str(segment).startswith("("))
    line = document.line_of(path)
    return Problem(document.file, line, f"{where}: {zh}" if where else zh, f"{where}: {en}" if where else en)


def _of_the_tag(fault: ErrorDetails) -> ErrorDetails:
    """Where no member of a union fits, the fault is that of the key that chooses the member."""
    if not fault["type"].startswith("union_tag"):
        return fault
    context = fault["ctx"]
    where = (*fault["loc"], str(context["discriminator"]).strip("'"))
    if fault["type"] == "union_tag_not_found":
        return {**fault, "type": "missing", "loc": where}
    wrong = {"expected": context["expected_tags"]}
    return {**fault, "type": "literal_error", "loc": where, "input": context["tag"], "ctx": wrong}


def fault_words(fault: ErrorDetails, *, show: bool = True) -> tuple[str, str]:
    """A fault in both languages. Kinds that authors meet often have words of their own.

    `show`: whether the value may be repeated. A secret, or a structure that may hold one, never is.
    """
    key = str(fault["loc"][-1]) if fault["loc"] else ""
    context: dict[str, Any] = fault.get("ctx", {})
    private = not _PRIVATE_KEYS.isdisjoint(map(str, fault["loc"]))
    given = _shorten(fault.get("input")) if show and not private else "***"
    match fault["type"]:
        case "extra_forbidden":
            return f"不认识的键 {key!r}, 请检查拼写", f"unknown key {key!r}; check the spelling"
        case "missing":
            return f"缺少必填项 {key!r}", f"required key {key!r} is missing"
        case "literal_error" | "enum":
            expected = _ENUM_MEMBER.sub(r"\1", str(context.get("expected", ""))).replace(" or ", ", ")
            return f"{given} 不可用, 可选: {expected}", f"{given} is not one of {expected}"
        case "value_error":
            zh, _, en = str(context.get("error", fault["msg"])).partition(" / ")
            return zh, en or zh
        case kind if kind in _SHORT_WORDS:
            fraction = kind == "int_type" and isinstance(fault.get("input"), float)
            zh, en = _SHORT_WORDS["int_from_float" if fraction else kind]
            return f"{given} {zh.format(**context)}", f"{given} {en.format(**context)}"
        case _:
            zh, _, en = fault["msg"].partition(" / ")
            return (zh, en) if en else (f"{given} 不合要求({zh})", f"{given}: {zh}")


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
