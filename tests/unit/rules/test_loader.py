"""Threshold files that are wrong: each named for its one defect, each with the exact message expected.

A fixture's first lines, `# expect: ...`, are the messages, in the order of the file's lines.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import build_rules, load_rules
from cunmai_runtime.yamlfile import FileProblems, Problem
from support.rules import OXIMETRY

WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))


def expected(path: Path) -> list[str]:
    mark = "# expect: "
    lines = path.read_text(errors="replace").splitlines()
    return [line.removeprefix(mark) for line in lines if line.startswith(mark)]


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_file_says_what_is_wrong_and_where(path: Path) -> None:
    with pytest.raises(FileProblems) as caught:
        build_rules([(path.name, path.read_bytes())])
    assert [str(problem) for problem in caught.value.problems] == expected(path)


def test_each_file_has_one_defect() -> None:
    assert len(WRONG) >= 50
    assert {path.name: len(expected(path)) for path in WRONG if len(expected(path)) != 1} == {}


def test_the_shipped_packs_load() -> None:
    rules = load_rules(packs_dir())
    assert {"spo2-severe", "spo2-deep"} <= set(rules.by_id)


def test_the_version_names_the_exact_file() -> None:
    one = build_rules([("a.yaml", OXIMETRY)]).by_id["spo2-low"].version
    other = build_rules([("a.yaml", OXIMETRY + b"# a comment\n")]).by_id["spo2-low"].version
    assert one.startswith("7-")
    assert other.startswith("7-")
    assert one != other


def test_rule_ids_are_unique_over_the_folder() -> None:
    second = OXIMETRY.replace(b"pack: oximetry", b"pack: other")
    with pytest.raises(FileProblems) as caught:
        build_rules([("a.yaml", OXIMETRY), ("b.yaml", second)])
    assert [str(problem) for problem in caught.value.problems] == [
        "b.yaml:5: 规则 spo2-low 在 a.yaml:5 已有 / rule spo2-low is already at a.yaml:5"
    ]


def test_pack_names_are_unique_over_the_folder() -> None:
    second = OXIMETRY.replace(b"id: spo2-low", b"id: other")
    with pytest.raises(FileProblems, match="pack oximetry is already in a"):
        build_rules([("a.yaml", OXIMETRY), ("b.yaml", second)])


def test_problems_of_all_files_come_at_once() -> None:
    with pytest.raises(FileProblems) as caught:
        build_rules([("a.yaml", b"pack: [\n"), ("b.yaml", b"")])
    assert {problem.file for problem in caught.value.problems} == {"a.yaml", "b.yaml"}


def test_an_empty_or_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileProblems, match="there is no threshold file"):
        load_rules(tmp_path)
    with pytest.raises(FileProblems, match="cannot be read"):
        load_rules(tmp_path / "nowhere")


@settings(deadline=None)  # a busy machine is not a fault of the loader
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_an_error_never_a_traceback(raw: bytes) -> None:
    with pytest.raises(FileProblems):
        build_rules([("x.yaml", raw)])


LINES = OXIMETRY.decode().splitlines()


@settings(deadline=None)
@given(
    st.integers(0, len(LINES) - 1),
    st.text(alphabet="{}[]:,\"'-#&*!|>%@`\n\t ~0x9.eE+abc中", max_size=20),
    st.integers(0, 30),
)
def test_a_mutated_file_loads_or_names_its_problem(at: int, inserted: str, column: int) -> None:
    lines = list(LINES)
    lines[at] = lines[at][:column] + inserted + lines[at][column:]
    problems: tuple[Problem, ...] = ()
    try:
        build_rules([("x.yaml", "\n".join(lines).encode())])
    except FileProblems as error:
        problems = error.problems
    assert all(problem.line >= 1 and problem.zh and problem.en for problem in problems)
