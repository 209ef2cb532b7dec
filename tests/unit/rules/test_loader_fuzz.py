"""Threshold files and files of cases, damaged in every way: problems with file and line, never a traceback.

`CUNMAI_FUZZ=20000 ./dev run pytest tests/unit/rules/test_loader_fuzz.py` tries so many damages of each sort;
by default a few dozen.
"""

from __future__ import annotations

import json
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import build_rules, is_pack, read_packs
from cunmai_rules.thresholds.sentence import rule_sentence
from cunmai_rules.tools.check import warnings_of
from cunmai_rules.tools.golden.cases import CaseFile
from cunmai_rules.tools.golden.play import TooLong, play
from cunmai_runtime.yamlfile import FileProblems, Problem, parse_document, validate

EXAMPLES = int(os.environ.get("CUNMAI_FUZZ", "40"))
# The short ones: the parser's time is what a damage costs, and there is every form among them.
FILES = [raw for path in sorted(packs_dir().glob("*.yaml")) if len(raw := path.read_bytes()) < 3600]
FILES += [path.read_bytes() for path in sorted((Path(__file__).parent / "doubtful").glob("fine-*.yaml"))[:6]]
PACKS = build_rules([(path.name, path.read_bytes()) for path in packs_dir().glob("*.yaml") if is_pack(path)])
DAMAGE = settings(
    deadline=None,  # a busy machine is not a fault of the loader
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def load(raw: bytes) -> tuple[Problem, ...]:
    """Everything that is done with a file before it is in force, or played; what is wrong with it."""
    loaded, errors = read_packs([("x.yaml", raw)])
    found = [*errors, *warnings_of(loaded)]
    if not errors:
        build_rules([("x.yaml", raw)])
    for one in loaded:
        for rule in one.pack.rules:
            assert rule_sentence(rule, "zh")
            assert rule_sentence(rule, "en")
    try:
        file = validate(parse_document(raw, "x.yaml"), CaseFile)
    except FileProblems as error:
        return (*found, *error.problems)
    for case in file.cases[:1]:
        if sum(len(item.taken) for item in case.items()) < 200:
            with suppress(TooLong):
                play(case, PACKS, 300_000)
    return tuple(found)


def check(raw: bytes) -> None:
    problems = load(raw)
    last = (
        raw.count(b"\n") + raw.count(b"\r") + raw.count(b"\x85") + raw.count(b"\xa8") + raw.count(b"\xa9") + 2
    )
    for problem in problems:
        assert problem.file == "x.yaml"
        assert 1 <= problem.line <= last
        assert problem.zh.strip()
        assert problem.en.strip()
        assert len(str(problem)) < 4000


# -- the text -----------------------------------------------------------------------------------------------

SCRAPS = st.one_of(
    st.sampled_from(
        [
            b"\x00", b"\xef\xbb\xbf", b"\r\n", b"\r", b"\t", b"\xff\xfe", b"\x85", b"\xe2\x80\xa8", b"\x1b[31m",
            b"&a [1, 2]", b"*a", b"<<: *a", b"!!python/object:os.system", b"!!binary aGk=", b"---\n", b"...\n",
            b"%YAML 1.1\n", b"? a\n: b\n", b"|\n  x\n", b">-\n  x\n", b"{", b"[", b"}", b"]", b": ", b"- ", b"#",
            b"'", b'"', b"\\", b"0x" + b"f" * 40, b"1e999", b"-.inf", b".nan", b"1_000", b"0o17", b"1:30",
            b"2026-02-30", b"yes", b"~", b"9" * 30, b"\xf0\x9f\x92\x89", b"\xed\xa0\x80", "血".encode("gbk"),
        ]
    ),
    st.binary(min_size=1, max_size=6),
)  # fmt: skip


@st.composite
def damaged_texts(draw: st.DrawFn) -> bytes:
    raw = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 40)))
        how = draw(st.sampled_from(["insert", "replace", "remove", "repeat", "swap"]))
        scrap = draw(SCRAPS) if how in ("insert", "replace") else b""
        piece = raw[start:end]
        middle = {
            "insert": piece + scrap, "replace": scrap, "remove": b"", "repeat": piece * 3, "swap": piece[::-1],
        }[how]  # fmt: skip
        raw = raw[:start] + middle + raw[end:]
    return raw


@DAMAGE
@given(damaged_texts())
def test_a_damaged_text(raw: bytes) -> None:
    check(raw)


@DAMAGE
@given(st.sampled_from(FILES), st.sampled_from(["utf-16", "utf-32", "gbk", "utf-7", "utf-8-sig", "cp1252"]))
def test_another_encoding(raw: bytes, encoding: str) -> None:
    check(raw.decode().encode(encoding, errors="replace"))


@pytest.mark.parametrize("raw", FILES)
def test_other_line_ends_and_a_byte_order_mark_are_no_fault(raw: bytes) -> None:
    plain = load(raw)
    assert load(raw.replace(b"\n", b"\r\n")) == plain
    assert load(b"\xef\xbb\xbf" + raw) == plain


# -- the structure ------------------------------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "page",
            "panel",
            "red",
            "oximetry.spo2_pct",
            "%",
            "oximetry",
            "97x20000",
            "1..9",
            "_x9",
            "400d",
            "0s",
            "x" * 5000,
        ]
    ),
)
THINGS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "all", "any", "not", "reads", "unit", "is", "heard", "missing", "nothing_heard", "at_or_below",
                    "above", "for_s", "gap_s", "within_s", "at_least", "of_last", "falls_by", "zh", "en", "score",
                    "at", "every", "from", "takes_back", "oximetry", "spo2_pct", "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)  # fmt: skip


def places(thing: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    return [path, *(place for key, value in inside for place in places(value, (*path, key)))]


def changed(thing: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copied = dict(thing) if isinstance(thing, dict) else list(thing)
    copied[path[0]] = changed(thing[path[0]], path[1:], to)
    return copied


def at(thing: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        thing = thing[key]
    return thing


STRUCTURES = [YAML(typ="safe", pure=True).load(raw.decode()) for raw in FILES]


@st.composite
def damaged_structures(draw: st.DrawFn) -> bytes:
    thing = draw(st.sampled_from(STRUCTURES))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(thing)))
        other = draw(THINGS) if draw(st.booleans()) else at(thing, draw(st.sampled_from(places(thing))))
        thing = changed(thing, path, other)
    # JSON is YAML; surrogates and control characters are escaped.
    return json.dumps(thing, indent=1, default=str).encode()


@DAMAGE
@given(damaged_structures())
def test_a_damaged_structure(raw: bytes) -> None:
    check(raw)


# -- what is made to be slow or large -----------------------------------------------------------------------

HEAD = b"pack: a-pack\nversion: 1\ntitle: {zh: a, en: a}\nrules:\n"
MONSTERS = {
    "a-very-long-line": b"pack: " + b"a" * 200_000,
    "a-quote-that-never-ends": b'pack: "' + b"a\n" * 20_000,
    "deep-brackets": b"[" * 100_000,
    "deep-braces": b"{a: " * 30_000,
    "deep-indents": b"".join(b" " * n + b"a:\n" for n in range(120)),
    "deep-questions": b"? " * 20_000,
    "many-entries": HEAD + b"- {}\n" * 200_000,
    "many-keys": b"".join(b"k%d: 1\n" % n for n in range(2500)),
    "many-anchors": b"".join(b"k%d: &a%d 1\n" % (n, n) for n in range(2500)),
    "alias-bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b]\n",
    "an-alias-of-itself": b"a: &a [*a]\n",
    "merge-bomb": b"a: &a {x: 1}\nb: {<<: [*a, *a]}\n",
    "a-huge-number": b"pack: a\nversion: " + b"9" * 100_000,
    "a-huge-hexadecimal": b"pack: a\nversion: 0x" + b"f" * 100_000,
    "a-huge-binary": b"pack: a\nversion: 0b" + b"1" * 100_000,
    "a-huge-power": b"pack: a\nversion: 1e" + b"9" * 1000,
    "many-documents": b"---\n" * 20_000,
    "many-tags": b"!a " * 20_000 + b"x",
    "nothing-but-nul": b"\x00" * 100_000,
    "nothing-but-comments": b"#\n" * 20_000,
    "a-series-without-end": b"cases:\n- name: {zh: a, en: a}\n  never: [spo2-low]\n"
    b"  readings: [{oximetry: {spo2_pct: '97x999999'}, every: 1s}]\n",
    "a-series-of-centuries": b"cases:\n- name: {zh: a, en: a}\n  never: [spo2-low]\n"
    b"  readings: [{oximetry: {spo2_pct: '97x20000'}, every: 300d}]\n",
}  # fmt: skip


@pytest.mark.parametrize("name", MONSTERS)
def test_a_monster_is_refused_in_bounded_memory(name: str) -> None:
    tracemalloc.start()
    try:
        problems = load(MONSTERS[name])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert problems
    assert len(problems) <= 200
    assert most < 100_000_000


def test_the_largest_pack_loads() -> None:
    rule = (
        b"  - id: rule-%d\n    title: {zh: a, en: a}\n    grade: red\n    when:\n      reads: oximetry.spo2_pct\n"
        b'      unit: "%%"\n      at_or_below: 93\n      for_s: 15\n      gap_s: 600\n    clear:\n'
        b"      at_or_above: 95\n      for_s: 30\n    quality:\n      accept: [from_storage]\n"
        b"    applies: {altitude_m: {at_or_below: 2500}, age_years: {at_or_above: 16}, pregnant: false}\n"
        b"    lane: page\n    source: a test\n"
    )
    rules = build_rules([("x.yaml", HEAD + b"".join(rule % n for n in range(500)))])
    assert len(rules.by_id) == 500
