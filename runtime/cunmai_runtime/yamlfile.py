"""YAML files that people write: loaded into a pydantic model, every problem with its file and line.

Aliases and custom tags are refused: these files hold plain structure, and an alias can hide how large
a document is. Messages come in Chinese and English, because the authors of threshold files are clinicians.
"""

from __future__ import annotations

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
from cunmai_runtime.faultwords import Keys, fault_words, keys_of, of_the_tag
from cunmai_runtime.placeholders import placeholder_words, placeholders
from cunmai_runtime.slips import likely_slip, system_words

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
        zh, en = system_words(error)
        raise FileProblems([Problem(name, 1, f"读不到文件({zh})", f"cannot be read: {en}")]) from None
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
        likely = likely_slip(text.splitlines(), line)
        at, zh, en = likely or (line, f"YAML 格式错误: {what}", f"not YAML: {what}")
        raise FileProblems([Problem(name, at, zh, en)]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        what = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileProblems([Problem(name, 1, f"YAML 格式错误: {what}", f"not YAML: {what}")]) from None


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
    samples = list(placeholders(document.value))
    found = [_at(document, where, *placeholder_words(where)) for where in samples]
    try:
        checked = model.model_validate(document.value, context=context)
    except ValidationError as error:
        told = {(document.line_of(where), where[-1:]) for where in samples}
        faults = [
            fault
            for fault in error.errors(include_url=False)
            if (document.line_of(fault["loc"]), fault["loc"][-1:]) not in told
        ]
        keys = keys_of(model.model_json_schema())
        raise FileProblems([*found, *_told(document, _without_echoes(faults), keys)]) from None
    if found:
        raise FileProblems(found)
    return checked


def _told(document: Document, faults: Sequence[ErrorDetails], keys: Keys) -> Iterator[Problem]:
    """The first of them in words, and how many there are besides."""
    line = 1
    for fault in faults[:MAX_PROBLEMS]:
        problem = _problem(document, fault, keys)
        line = max(line, problem.line)
        yield problem
    if more := len(faults[MAX_PROBLEMS:]):
        yield Problem(document.file, line, f"还有 {more} 处错误", f"and {more} more")


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


def _problem(document: Document, fault: ErrorDetails, keys: Keys) -> Problem:
    fault = of_the_tag(fault)
    return _at(document, fault["loc"], *fault_words(fault, keys))


def _at(document: Document, path: Path_, zh: str, en: str) -> Problem:
    # A model that tells its forms apart names them in brackets: not something the author wrote.
    where = ".".join(str(segment) for segment in path if not str(segment).startswith("("))
    line = document.line_of(path)
    return Problem(document.file, line, f"{where}: {zh}" if where else zh, f"{where}: {en}" if where else en)
