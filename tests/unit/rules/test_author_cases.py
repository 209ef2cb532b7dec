"""`cunmai rules test`: the shorthand, the play, the verdict, the words, and files that are wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import load_rules
from cunmai_rules.tools.golden.casefiles import case_files, load_cases
from cunmai_rules.tools.golden.running import Result, run_case
from cunmai_rules.tools.golden.series import expand
from cunmai_rules.tools.golden.spans import parse_span, show_span
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems
from support.rules import OXIMETRY

WRONG = sorted((Path(__file__).parent / "wrong_cases").glob("*.test.yaml"))


# -- shorthand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("97", [97]),
        ("97x3", [97, 97, 97]),
        ("97x2 _x2 36.6", [97, 97, None, None, 36.6]),
        ("97..94", [97, 96, 95, 94]),
        ("94..97", [94, 95, 96, 97]),
        ("97..91x3", [97, 94, 91]),
        ("36.5..37x2 38", [36.5, 37, 38]),
        ("0..1x4", [0, 0.333333, 0.666667, 1]),
    ],
)
def test_numbers_in_shorthand(text: str, values: list[float | None]) -> None:
    assert list(expand("oximetry", "spo2_pct", text)) == values


@pytest.mark.parametrize(
    ("kind", "field", "given", "values"),
    [
        ("device_status", "condition", "connectedx2 _ silent", ["connected", "connected", None, "silent"]),
        ("device_status", "condition", ["fault", "silent"], ["fault", "silent"]),
        ("oximetry", "spo2_pct", 97.5, [97.5]),
        ("ultrasound_exam", "body_part", "upper abdomen x3", ["upper abdomen x3"]),
    ],
)
def test_words_lists_and_texts(kind: str, field: str, given: object, values: list[object]) -> None:
    assert list(expand(kind, field, given)) == values


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [
        ("0s", 0),
        ("90s", 90_000),
        ("2m30s", 150_000),
        ("1d2h", 93_600_000),
        ("250ms", 250),
        ("1h1ms", 3_600_001),
    ],
)
def test_spans(text: str, length_ms: int) -> None:
    assert parse_span(text) == length_ms
    assert parse_span(show_span(length_ms)) == length_ms


# -- playing ------------------------------------------------------------------------------------------------


def results(folder: Path, cases: str, pack: bytes = OXIMETRY) -> list[Result]:
    (folder / "oximetry.yaml").write_bytes(pack)
    (folder / "oximetry.test.yaml").write_text(cases)
    loaded = load_cases(folder / "oximetry.test.yaml")
    return [run_case(loaded, n) for n in range(len(loaded.file.cases))]


def case(readings: str, expect: str) -> str:
    return f"cases:\n  - name: {{zh: 用例, en: A case}}\n    readings: {readings}\n    {expect}\n"


def told(result: Result) -> list[str]:
    return [f"{where} {failure.en}" for where, failure in result.failures]


LOW = '[{oximetry: {spo2_pct: "92x20"}, every: 1s}]'


@pytest.mark.parametrize(
    "expect",
    [
        "expect: [{at: 14s, grades: {spo2-low: grey}, pages: [], reviews: []}]",
        "expect: [{at: 15s, grades: {spo2-low: red}, pages: [spo2-low], reviews: []}]",
        "expect: [{at: 15s, pages: {spo2-low: 1}}]",
        "expect: [{at: 1d, grades: {spo2-low: red}}]",
    ],
)
def test_what_comes_true_passes(tmp_path: Path, expect: str) -> None:
    (result,) = results(tmp_path, case(LOW, expect))
    assert told(result) == []


@pytest.mark.parametrize(
    ("expect", "failures"),
    [
        ("expect: [{at: 15s, grades: {spo2-low: green}}]", ["at 15s spo2-low should be green, is red"]),
        ("expect: [{at: 14s, grades: {spo2-low: red}}]", ["at 14s spo2-low should be red, is grey"]),
        ("expect: [{at: 15s, pages: []}]", ["pages at 15s: spo2-low should be 0, is 1"]),
        ("expect: [{at: 14s, pages: [spo2-low]}]", ["pages at 14s: spo2-low should be 1, is 0"]),
        ("expect: [{at: 20s, pages: {spo2-low: 2}}]", ["pages at 20s: spo2-low should be 2, is 1"]),
        ("expect: [{at: 20s, reviews: [spo2-low]}]", ["reviews at 20s: spo2-low should be 1, is 0"]),
        ("never: [spo2-low]", ["spo2-low must never raise, and did"]),
    ],
)  # fmt: skip
def test_what_comes_out_otherwise_fails_with_its_line(
    tmp_path: Path, expect: str, failures: list[str]
) -> None:
    (result,) = results(tmp_path, case(LOW, expect))
    assert told(result) == [f"oximetry.test.yaml:4 {failure}" for failure in failures]


def test_a_review_alone_is_enough_to_break_a_never(tmp_path: Path) -> None:
    once = "[{oximetry: {spo2_pct: 92}, at: 0s}]"
    (early,) = results(tmp_path, case(once, "never: [spo2-low]"))
    assert told(early) == []
    (later,) = results(tmp_path, case(once, "never: [spo2-low]\n    until: 11m"))
    assert told(later) == ["oximetry.test.yaml:4 spo2-low must never raise, and did"]


def test_green_goes_grey_when_nothing_is_heard(tmp_path: Path) -> None:
    """900 s is what the rule says; one reading of a poor signal in between is no evidence."""
    readings = (
        "[{oximetry: {spo2_pct: 97}, at: 0s}, {oximetry: {spo2_pct: 97}, at: 10m, quality: [poor_signal]}]"
    )
    expect = "expect: [{at: 15m, grades: {spo2-low: green}}, {at: 15m1s, grades: {spo2-low: grey}}]"
    (result,) = results(tmp_path, case(readings, expect))
    assert told(result) == []


def test_a_reading_that_was_someone_elses_takes_its_page_with_it(tmp_path: Path) -> None:
    pack = OXIMETRY.replace(b"for_s: 15", b"for_s: 0")
    readings = "[{oximetry: {spo2_pct: 90}, at: 0s, id: a}, {at: 1m, takes_back: a}]"
    expect = (
        "expect:\n"
        "      - {at: 59s, grades: {spo2-low: red}, pages: [spo2-low]}\n"
        "      - {at: 1m, grades: {spo2-low: grey}, pages: [], reviews: []}"
    )
    (result,) = results(tmp_path, case(readings, expect), pack)
    assert told(result) == []


def test_a_late_reading_is_judged_in_its_place(tmp_path: Path) -> None:
    """92 at 0 s and 15 s are a spell, unless a 97 was measured between them and came later."""
    low = "{oximetry: {spo2_pct: 92}, at: 0s}, {oximetry: {spo2_pct: 92}, at: 15s}"
    between = "{oximetry: {spo2_pct: 97}, at: 8s, arrives: 20s}"
    expect = "expect: [{at: 19s, pages: [spo2-low]}, {at: 20s, pages: [], grades: {spo2-low: grey}}]"
    (result,) = results(tmp_path, case(f"[{low}, {between}]", expect))
    assert told(result) == []


def test_what_is_known_of_the_resident_matters(tmp_path: Path) -> None:
    own = "{who: {limits: {spo2-low: {raises: 88, clears: 90}}}, readings: %s, expect: %s, name: {zh: a, en: a}}"
    lows = '[{oximetry: {spo2_pct: "89x20 88x16"}, every: 1s}]'
    expect = "[{at: 34s, pages: []}, {at: 35s, pages: [spo2-low]}]"
    (result,) = results(tmp_path, "cases: [" + own % (lows, expect) + "]")
    assert told(result) == []


def test_prompts_are_counted(tmp_path: Path) -> None:
    pack = OXIMETRY.replace(b"lane: page", b"lane: page\n    prompt: {zh: a, en: a}")
    expect = "expect: [{at: 1s, prompts: [spo2-low]}, {at: 20s, prompts: {spo2-low: 1}}]"
    (result,) = results(tmp_path, case(LOW, expect), pack)
    assert told(result) == []
    (result,) = results(tmp_path, case(LOW, "expect: [{at: 1s, prompts: []}]"), pack)
    assert told(result) == ["oximetry.test.yaml:4 prompts at 1s: spo2-low should be 0, is 1"]


def test_what_the_rules_make_of_a_gateway_can_be_played(tmp_path: Path) -> None:
    pack = OXIMETRY.replace(
        b'{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15, gap_s: 600}',
        b"{any: [{reads: gateway_status.online, is: false}, {reads: gateway_status.clock, is: untrusted}]}",
    ).replace(b"{at_or_above: 95, for_s: 30}", b"{for_s: 0}")
    readings = '[{gateway_status: {online: "true false", clock: trusted, lost_count: 0}, every: 1m}]'
    expect = "expect: [{at: 59s, grades: {spo2-low: green}}, {at: 1m, grades: {spo2-low: red}}]"
    (result,) = results(tmp_path, case(readings, expect), pack)
    assert told(result) == []


def test_a_site_and_a_resident_are_two_subjects(tmp_path: Path) -> None:
    pack = OXIMETRY.replace(
        b'{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15, gap_s: 600}',
        b'{all: [{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93},'
        b' {reads: site_status.free_beds_count, unit: "{bed}", below: 1}]}',
    ).replace(b"{at_or_above: 95, for_s: 30}", b"{for_s: 30}")
    readings = "[{site_status: {free_beds_count: 0}, at: 0s}, {oximetry: {spo2_pct: 90}, at: 1s}]"
    (result,) = results(tmp_path, case(readings, "never: [spo2-low]"), pack)
    assert told(result) == []


# -- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.name.removesuffix(".test.yaml"))
def test_a_wrong_file_of_cases_says_what_is_wrong_and_where(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    expected = [line.removeprefix("# expect: ") for line in text.splitlines() if line.startswith("# expect")]
    (tmp_path / path.name).write_text(text)
    (tmp_path / path.name.replace(".test.", ".")).write_bytes(OXIMETRY)
    with pytest.raises(FileProblems) as caught:
        load_cases(tmp_path / path.name)
    assert [str(problem) for problem in caught.value.problems] == expected


def test_the_loader_of_rules_passes_cases_over(tmp_path: Path) -> None:
    results(tmp_path, case(LOW, "never: [spo2-low]"))
    assert set(load_rules(tmp_path).by_id) == {"spo2-low"}


def test_which_files_are_meant(tmp_path: Path) -> None:
    results(tmp_path, case(LOW, "never: [spo2-low]"))
    cases = tmp_path / "oximetry.test.yaml"
    assert (
        case_files([tmp_path]) == case_files([tmp_path / "oximetry.yaml"]) == case_files([cases]) == [cases]
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="there are no cases"):
        case_files([tmp_path / "empty"])


def test_the_sample_of_the_documentation_comes_true(tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "threshold-files.md").read_text()
    (sample,) = re.findall(r"```yaml cases\n(.*?)```", text, re.DOTALL)
    (result,) = results(tmp_path, sample, (packs_dir() / "oximetry.yaml").read_bytes())
    assert told(result) == []


# -- the command --------------------------------------------------------------------------------------------


def command(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(app, ["test", *arguments])
    return outcome.exit_code, outcome.output


GOOD = case('[{oximetry: {spo2_pct: "97x3"}, every: 1s}]', "never: [spo2-low]")
BOTH = GOOD + case(LOW, "expect: [{at: 20s, pages: [spo2-low]}]").removeprefix("cases:\n")


def test_the_command_passes_and_fails(tmp_path: Path) -> None:
    results(tmp_path, BOTH)
    code, output = command(str(tmp_path))
    assert (code, output.splitlines()[-1]) == (0, "2 个用例, 全部通过 / 2 cases, all passed")
    results(tmp_path, case(LOW, "never: [spo2-low]"))
    code, output = command(str(tmp_path))
    assert code == 1
    assert output.splitlines() == [
        "oximetry.test.yaml",
        "  ✗ oximetry.test.yaml:2 用例 / A case",
        "      oximetry.test.yaml:4: spo2-low 不应触发, 却触发了 / spo2-low must never raise, and did",
        "      经过 / what happened:",
        "               15s  spo2-low: 灰 → 红 / grey → red (limit_met)",
        "               15s  spo2-low: 通知 / page (limit_met)",
        "  ! oximetry.yaml: spo2-low: 没有用例读到它的值而不触发 / no case reads its value without raising it",
        "1 个用例, 1 个失败, 1 处未覆盖 / 1 cases, 1 failed, 1 not covered",
    ]


def test_what_no_case_covers_is_told_and_fails_only_when_strict(tmp_path: Path) -> None:
    results(tmp_path, GOOD)
    (tmp_path / "other.yaml").write_bytes(OXIMETRY)
    code, output = command(str(tmp_path))
    assert code == 0
    assert "oximetry.yaml: spo2-low: 没有用例使它触发 / no case raises it" in output
    assert "other.yaml: 没有用例 / has no cases" in output
    assert command(str(tmp_path), "--strict")[0] == 1
    (tmp_path / "other.yaml").unlink()
    results(tmp_path, BOTH)
    assert command(str(tmp_path), "--strict")[0] == 0


def test_a_rule_that_does_not_apply_is_not_covered_by_that(tmp_path: Path) -> None:
    high = "    who: {altitude_m: 4000}\n    readings"
    results(tmp_path, GOOD.replace("    readings", high))
    assert "no case reads its value without raising it" in command(str(tmp_path))[1]


def test_every_shipped_pack_passes_its_cases_and_is_covered() -> None:
    code, output = command(str(packs_dir()), "--strict")
    assert code == 0, output


def test_a_pack_without_cases_is_told_where_examples_are(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(OXIMETRY)
    with pytest.raises(UserError) as one:
        case_files([tmp_path / "p.yaml"])
    assert str(one.value) == (
        f"{tmp_path}/p.yaml 还没有用例: 在旁边写一个 p.test.yaml, 例子见 cunmai rules packs 显示的目录 / "
        f"{tmp_path}/p.yaml has no cases yet: write p.test.yaml beside it; the folder that cunmai rules packs "
        "names has examples"
    )
    with pytest.raises(UserError) as all_:
        case_files([tmp_path])
    assert str(all_.value) == (
        f"{tmp_path} 里没有用例(*.test.yaml), 例子见 cunmai rules packs 显示的目录 / there are no cases "
        f"(*.test.yaml) in {tmp_path}; the folder that cunmai rules packs names has examples"
    )
