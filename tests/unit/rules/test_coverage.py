"""Limits without a case on both sides: found by moving them, listed for authors, and none in the shipped packs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.shipped import packs_dir
from cunmai_rules.tools.golden.casefiles import case_files, load_cases
from cunmai_rules.tools.golden.covering import coverage_of
from cunmai_rules.tools.golden.cuts import cuts
from cunmai_runtime.yamlfile import parse_document

FILES = sorted(packs_dir().glob("*.test.yaml"))
COUNTED = {
    "at_or_below",
    "below",
    "at_or_above",
    "above",
    "falls_by",
    "rises_by",
    "at_least",
    "band",
    "nothing_heard",
}


def shipped() -> list[str]:
    """Every side of a limit of a shipped pack that no case stands on."""
    found = coverage_of([load_cases(path) for path in case_files([packs_dir()])])
    return [
        f"{file.packs[0].name}: {one.rule.id} {one.cut.said[1]}: {side.wanted[1]}"
        for file, limits in found
        for one in limits
        for side in one.lacking
    ]


def test_every_limit_of_the_shipped_packs_has_a_case_on_both_sides() -> None:
    assert shipped() == []


def limits_written(value: Any) -> Counter[str]:
    """The limits of a rule as its file has them, counted without the tool."""
    found: Counter[str] = Counter()
    if isinstance(value, dict):
        for key, inside in value.items():
            found[key] += key in COUNTED
            found += limits_written(inside)
    elif isinstance(value, list):
        for inside in value:
            found += limits_written(inside)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".test.yaml"))
def test_no_limit_of_a_shipped_pack_is_passed_over(path: Path) -> None:
    loaded = load_cases(path)
    for rule in parse_document(loaded.packs[0].read_bytes(), "pack").value["rules"]:
        written = limits_written({"when": rule["when"], "clear": rule.get("clear")})
        assert len(list(cuts(loaded.rules.by_id[rule["id"]].rule))) == written.total(), rule["id"]


# -- the listing ----------------------------------------------------------------------------------------------

PACK = """\
pack: test
version: 1
title: {{zh: 测试, en: Test}}
rules:
  - id: one
    title: {{zh: 一, en: One}}
    grade: yellow
    when: {when}
{clear}    lane: review
    source: a test
"""


def covered(folder: Path, when: str, clear: str, *cases: tuple[str, str]) -> str:
    """What `--coverage` lists. A case: its readings, and what is expected."""
    (folder / "p.yaml").write_text(PACK.format(when=when, clear=f"    clear: {clear}\n" if clear else ""))
    text = "cases:\n"
    for n, (readings, expect) in enumerate(cases):
        text += f"  - {{name: {{zh: 例{n}, en: case {n}}}, readings: [{readings}], expect: [{expect}]}}\n"
    (folder / "p.test.yaml").write_text(text)
    done = CliRunner().invoke(app, ["test", str(folder), "--coverage"])
    assert done.exit_code == 0, done.output
    return done.stdout.partition("\np.yaml\n")[2]


def expected(**grades: str) -> str:
    return ", ".join(
        f"{{at: {at.removeprefix('at_')}, grades: {{one: {grade}}}}}" for at, grade in grades.items()
    )


HOT = "{reads: temperature.temperature_c, unit: Cel, above: 38.5}"
NO_LIMIT = "{temperature: {temperature_c: 37}, at: 0s}"


def series(*values: float) -> str:
    return f'{{temperature: {{temperature_c: "{" ".join(map(str, values))}"}}, every: 1h}}'


def test_what_is_missing_is_said_with_the_value_to_write(tmp_path: Path) -> None:
    said = covered(
        tmp_path, HOT, "{at_or_below: 38}", (series(40, 36), expected(at_0s="yellow", at_1h="green"))
    )
    assert said.splitlines() == [
        "  ✗ one 触发: 体温高于 38.5 摄氏度(不含 38.5) / raises: Body temperature is above 38.5 °C (38.5 not included)",
        "      缺一个用例: 38.6℃ 时成立 / a case is missing: 38.6 is met",
        "      缺一个用例: 38.5℃ 时不成立 / a case is missing: 38.5 is not met",
        "  ✗ one 解除: 体温不高于 38 摄氏度(含 38) / ends: Body temperature is at or below 38 °C (38 included)",
        "      缺一个用例: 38℃ 时解除 / a case is missing: 38 ends it",
        "      缺一个用例: 38.1℃ 时不解除 / a case is missing: 38.1 does not end it",
        "2 个界限, 缺 4 个用例 / 2 limits, 4 cases are missing",
    ]


def test_with_those_cases_nothing_is_missing(tmp_path: Path) -> None:
    said = covered(
        tmp_path,
        HOT,
        "{at_or_below: 38}",
        (
            series(38.5, 38.6, 38.1, 38),
            expected(at_0s="green", at_1h="yellow", at_2h="yellow", at_3h="green"),
        ),
    )
    assert "✗" not in said
    assert said.endswith("2 个界限, 两侧都有用例 / 2 limits, each with cases on both sides\n")


def missing(said: str) -> list[str]:
    return re.findall(r"a case is missing: (.*)", said)


def test_a_case_that_asserts_nothing_about_the_value_does_not_count(tmp_path: Path) -> None:
    """38.5 is measured, and nothing is said of the grade then."""
    said = covered(
        tmp_path,
        HOT,
        "{at_or_below: 38}",
        (series(38.5, 38.6, 38.1, 38), expected(at_1h="yellow", at_3h="green")),
    )
    assert missing(said) == ["38.5 is not met", "38.1 does not end it"]


@pytest.mark.parametrize(
    ("when", "clear", "readings", "grades", "lacking"),
    [
        (  # clearing begins where raising ends: the one value that raises and does not clear is a side of both
            HOT.replace("above: 38.5", "at_or_above: 38.5"), "{below: 38.5}", series(38.4, 38.5, 39, 38.4),
            {"at_0s": "green", "at_1h": "yellow", "at_3h": "green"}, ["38.5 does not end it"],
        ),
        (
            HOT.replace("above: 38.5", "at_or_above: 38.5"), "{below: 38.5}", series(38.4, 38.5, 39, 38.5, 38.4),
            {"at_0s": "green", "at_1h": "yellow", "at_3h": "yellow", "at_4h": "green"}, [],
        ),
        (
            "{reads: temperature.temperature_c, unit: Cel, above: 38.5, at_least: 2, of_last: 3, within_s: 86400}",
            "{at_or_below: 38}", series(39, 37, 39), {"at_2h": "yellow"},
            ["38.6 is met", "38.5 is not met", "1 are not enough", "38 ends it", "38.1 does not end it"],
        ),
        (
            "{reads: temperature.temperature_c, unit: Cel, rises_by: 2, within_s: 86400}", "{for_s: 0}",
            series(36, 38), {"at_1h": "yellow"}, ["a change of 1.9 is not enough"],
        ),
        (
            "{nothing_heard: temperature, for_s: 3600}", "", NO_LIMIT, {"at_2h": "yellow"},
            ["after 3600 s it raises", "at exactly 3600 s it does not yet"],
        ),
        (
            "{nothing_heard: temperature, for_s: 3600}", "", NO_LIMIT, {"at_1h": "green", "at_1h1s": "yellow"}, [],
        ),
        (
            ("{all: [{reads: temperature.temperature_c, unit: Cel, above: 38.5}, "
            "{not: {reads: temperature.temperature_c, unit: Cel, above: 40}}]}"), "{for_s: 0}",
            series(38.5, 38.6, 40, 40.1), {"at_0s": "green", "at_1h": "yellow", "at_2h": "yellow"},
            ["40.1 is met"],
        ),
    ],
    ids=["complement", "complement, both", "count", "change", "silence", "silence, both", "within not"],
)  # fmt: skip
def test_each_kind_of_limit(
    tmp_path: Path, when: str, clear: str, readings: str, grades: dict[str, str], lacking: list[str]
) -> None:
    assert missing(covered(tmp_path, when, clear, (readings, expected(**grades)))) == lacking


def test_a_missing_side_fails_where_it_is_to_be_strict(tmp_path: Path) -> None:
    well = (series(36), expected(at_0s="green"))
    covered(
        tmp_path, HOT, "{at_or_below: 38}", (series(40, 36), expected(at_0s="yellow", at_1h="green")), well
    )
    runs = [("--strict",), ("--coverage",), ("--strict", "--coverage")]
    codes = [CliRunner().invoke(app, ["test", str(tmp_path), *one]).exit_code for one in runs]
    assert codes == [0, 0, 1]
