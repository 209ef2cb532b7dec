"""YAML files with line numbers: what people get to read when something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from cunmai_rules.settings import RulesSettings
from cunmai_runtime.yamlfile import (
    MAX_DEPTH,
    MAX_FILE_BYTES,
    FileProblems,
    load_model,
    parse_document,
    validate,
)


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    count: int = 0


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    parts: list[Inner] = []


GOOD = b"""\
# a comment
title: "\xe6\x9d\x91"
parts:
  - name: one
  - name: two
    count: 2
"""


def problems(raw: bytes) -> list[str]:
    with pytest.raises(FileProblems) as caught:
        validate(parse_document(raw, "f.yaml"), Outer)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_is_a_model(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD)  # an editor's byte order mark is no fault
    outer = load_model(path, Outer)
    assert (outer.title, [part.name for part in outer.parts], outer.parts[1].count) == (
        "村",
        ["one", "two"],
        2,
    )


def test_every_fault_has_its_line() -> None:
    raw = GOOD.replace(b"    count: 2", b"    count: many\n    colour: red") + b"extra: 1\n"
    assert problems(raw) == [
        "f.yaml:6: parts.1.count: 'many' 应为整数 / parts.1.count: 'many' should be a whole number",
        (
            "f.yaml:7: parts.1.colour: 不认识的键 'colour', 请检查拼写 / "
            "parts.1.colour: unknown key 'colour'; check the spelling"
        ),
        "f.yaml:8: extra: 不认识的键 'extra', 请检查拼写 / extra: unknown key 'extra'; check the spelling",
    ]


def test_a_missing_key_points_at_its_surroundings() -> None:
    assert problems(b"title: x\nparts:\n  - count: 1\n") == [
        "f.yaml:3: parts.0.name: 缺少必填项 'name' / parts.0.name: required key 'name' is missing"
    ]


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"", 1, "the file is empty"),
        (b"# only a comment\n", 1, "the file is empty"),
        (b"title: [\n", 2, "not YAML"),
        (b"title: x\ntitle: y\n", 2, "key 'title' is given twice"),
        (b"1: x\n? [a]\n: y\n", 2, "a key must be text"),
        (b"title: !!python/object:os.system x\n", 1, "is not supported"),
        (b"a: &x 1\nb: *x\n", 1, "aliases"),
        (b"title: \xff\n", 1, "not UTF-8"),
        (b"x\n\ntitle: \xb4\xe5\n", 3, "not UTF-8"),
        (b"title: !mine {a: 1}\n", 1, "is not supported"),
        (b"title: x\n---\ntitle: y\n", 2, "not YAML"),
    ],
)
def test_what_is_no_plain_document_is_refused(raw: bytes, line: int, words: str) -> None:
    with pytest.raises(FileProblems) as caught:
        parse_document(raw, "f.yaml")
    (problem,) = caught.value.problems
    assert words in problem.en
    assert problem.zh
    assert problem.line == line


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(FileProblems, match=f"nested deeper than {MAX_DEPTH}|not YAML"):
        parse_document(b"[" * 5000 + b"]" * 5000, "f.yaml")


def test_a_huge_file_is_not_read() -> None:
    with pytest.raises(FileProblems, match="larger than"):
        parse_document(b"#" * (MAX_FILE_BYTES + 1), "f.yaml")


def test_a_file_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileProblems, match=r"读不到文件\(没有这个文件\) / cannot be read: No such file"):
        load_model(tmp_path / "x.yaml", Outer)


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["plain"]


class Remote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["remote"]
    token: SecretStr


class Configured(BaseModel):
    store: Annotated[Plain | Remote, Field(discriminator="kind")]
    password: SecretStr | None = None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            b"password: 13800000001\nstore: {kind: plain}\n",
            "f.yaml:1: password: *** 应为文字 / password: *** should be text",
        ),
        (
            b"store:\n  kind: remote\n  token: [s3cret]\n",
            "f.yaml:3: store.remote.token: *** 应为文字 / store.remote.token: *** should be text",
        ),
        (
            b"store:\n  token: s3cret\n  kind: cloud\n",
            (
                "f.yaml:3: store.kind: 'cloud' 不可用, 可选: 'plain', 'remote' / "
                "store.kind: 'cloud' is not one of 'plain', 'remote'"
            ),
        ),
        (
            b"store: {token: s3cret}\n",
            "f.yaml:1: store.kind: 缺少必填项 'kind' / store.kind: required key 'kind' is missing",
        ),
        (
            b"store: [{token: s3cret}]\n",
            "f.yaml:1: store: […] 应为 键: 值 的结构 / store: […] should be a mapping of keys to values",
        ),
    ],
)
def test_a_secret_is_never_repeated(raw: bytes, expected: str) -> None:
    with pytest.raises(FileProblems) as caught:
        validate(parse_document(raw, "f.yaml"), Configured)
    assert [str(problem) for problem in caught.value.problems] == [expected]


@pytest.mark.parametrize(
    "raw",
    [
        b"contacts: [{id: a, role: r, to: 13800000001}]",
        b"contacts: 13800000001",
        b"contacts: [13800000001]",
        b"webhook: whsec_TUYgUGFzc3dvcmQ",
        b"webhook: {url: x, secret: 123456}",
        b"mqtt: {password: 20261122}",
        b"mqtt: {password: [hunter2]}",
        b"sites: {to: [hunter2]}",
    ],
)
def test_no_secret_and_no_number_of_a_person_is_repeated(raw: bytes) -> None:
    with pytest.raises(FileProblems) as caught:
        validate(parse_document(raw, "rules.yaml"), RulesSettings)
    for private in ("13800000001", "whsec_", "123456", "20261122", "hunter2"):
        assert private not in str(caught.value)
