"""Score tables: the published cases, every cut with one step to each side, and honest ranges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.scores.files import check_score, load_score, score_lines
from cunmai_rules.scores.scoring import NotScorable, Range, Scored, score
from cunmai_rules.scores.table import ScoreTable
from cunmai_rules.shipped import scores_dir
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems, parse_document

NEWS2 = load_score("news2")
MEOWS = load_score("meows")
CHILD = load_score("child-severe")
COLOUR = load_score("risk-colour")

NORMAL: dict[str, object] = {
    "rr": 16, "spo2": 98, "scale": 1, "on_oxygen": False, "sbp": 120, "dbp": 70, "pulse": 70,
    "consciousness": "A", "temp": 36.8,
}  # fmt: skip

# Typed from the printed tables: (table, part, circumstances, [(value, points), ...]), each cut and one step
# to each side of it.
CUTS: list[tuple[ScoreTable, str, dict[str, object], list[tuple[float, int]]]] = [
    (NEWS2, "rr", {}, [(7, 3), (8, 3), (9, 1), (10, 1), (11, 1), (12, 0), (13, 0), (19, 0), (20, 0), (21, 2),
                       (22, 2), (23, 2), (24, 2), (25, 3), (26, 3)]),
    (NEWS2, "spo2", {"scale": 1}, [(90, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (97, 0)]),
    (NEWS2, "spo2", {"scale": 2, "on_oxygen": False},
     [(82, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (89, 0), (92, 0), (93, 0), (95, 0), (97, 0),
      (100, 0)]),
    (NEWS2, "spo2", {"scale": 2, "on_oxygen": True},
     [(82, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (89, 0), (91, 0), (92, 0), (93, 1), (94, 1),
      (95, 2), (96, 2), (97, 3), (98, 3)]),
    (NEWS2, "sbp", {}, [(89, 3), (90, 3), (91, 2), (92, 2), (99, 2), (100, 2), (101, 1), (102, 1), (109, 1), (110, 1),
                        (111, 0), (112, 0), (218, 0), (219, 0), (220, 3), (221, 3)]),
    (NEWS2, "pulse", {}, [(39, 3), (40, 3), (41, 1), (42, 1), (49, 1), (50, 1), (51, 0), (52, 0), (89, 0), (90, 0),
                          (91, 1), (92, 1), (109, 1), (110, 1), (111, 2), (112, 2), (129, 2), (130, 2), (131, 3),
                          (132, 3)]),
    (NEWS2, "temp", {}, [(34.9, 3), (35.0, 3), (35.1, 1), (35.2, 1), (35.9, 1), (36.0, 1), (36.1, 0), (36.2, 0),
                         (37.9, 0), (38.0, 0), (38.1, 1), (38.2, 1), (38.9, 1), (39.0, 1), (39.1, 2), (39.2, 2)]),
    (MEOWS, "rr", {}, [(9, 8), (10, 8), (11, 0), (12, 0), (19, 0), (20, 0), (21, 2), (22, 2), (29, 2), (30, 2),
                       (31, 8), (32, 8)]),
    (MEOWS, "spo2", {}, [(90, 8), (91, 8), (92, 2), (93, 2), (94, 2), (95, 2), (96, 0), (97, 0)]),
    (MEOWS, "pulse", {}, [(39, 8), (40, 8), (41, 2), (42, 2), (59, 2), (60, 2), (61, 0), (62, 0), (99, 0), (100, 0),
                          (101, 2), (102, 2), (119, 2), (120, 2), (121, 8), (122, 8)]),
    (MEOWS, "sbp", {}, [(88, 8), (89, 8), (90, 2), (91, 2), (99, 2), (100, 2), (101, 0), (102, 0), (149, 0), (150, 0),
                        (151, 2), (152, 2), (159, 2), (160, 2), (161, 8), (162, 8)]),
    (MEOWS, "dbp", {}, [(38, 2), (39, 2), (40, 0), (41, 0), (99, 0), (100, 0), (101, 2), (102, 2), (109, 2), (110, 2),
                        (111, 8), (112, 8)]),
    (MEOWS, "temp", {}, [(35.3, 2), (35.4, 2), (35.5, 0), (35.6, 0), (37.4, 0), (37.5, 0), (37.6, 2), (37.7, 2),
                         (37.9, 2), (38.0, 2), (38.1, 8), (38.2, 8)]),
    (CHILD, "spo2", {}, [(92, 1), (93, 1), (94, 0), (95, 0)]),
    (CHILD, "rr", {"age_months": 0}, [(58, 0), (59, 0), (60, 1), (61, 1)]),
    (CHILD, "rr", {"age_months": 1}, [(59, 0), (60, 1)]),
    (CHILD, "rr", {"age_months": 2}, [(48, 0), (49, 0), (50, 1), (51, 1)]),
    (CHILD, "rr", {"age_months": 11}, [(49, 0), (50, 1)]),
    (CHILD, "rr", {"age_months": 12}, [(38, 0), (39, 0), (40, 1), (41, 1)]),
    (CHILD, "rr", {"age_months": 60}, [(39, 0), (40, 1)]),
    (CHILD, "rr", {"age_months": 61}, [(28, 0), (29, 0), (30, 1), (31, 1)]),
    (COLOUR, "age", {}, [(63, 0), (64, 0), (65, 1), (66, 1), (78, 1), (79, 1), (80, 2), (81, 2)]),
]  # fmt: skip

CHOICES = [
    (NEWS2, "consciousness", "consciousness", {"A": 0, "C": 3, "V": 3, "P": 3, "U": 3}),
    (NEWS2, "oxygen", "on_oxygen", {False: 0, True: 2}),
    (MEOWS, "consciousness", "consciousness", {"A": 0, "C": 2, "V": 8, "P": 8, "U": 8}),
    (COLOUR, "disease", "disease", {"none": 0, "stable": 1, "unstable": 2}),
    (COLOUR, "vaccination", "vaccination", {"full": 0, "partial": 1, "none": 2}),
]

CALM = {"febrile_or_crying": False, "age_months": 30}
PERSON = NORMAL | CALM | {"age": 50, "disease": "none", "vaccination": "full"}


@pytest.mark.parametrize(("table", "part", "given_", "cuts"), CUTS, ids=lambda value: str(value)[:24])
def test_every_cut_and_one_step_to_each_side(
    table: ScoreTable, part: str, given_: dict[str, object], cuts: list[tuple[float, int]]
) -> None:
    found = {value: score(table, PERSON | given_ | {part: value}).parts[part] for value, _ in cuts}
    assert found == dict(cuts)


@pytest.mark.parametrize(("table", "part", "input_", "points"), CHOICES)
def test_every_choice(table: ScoreTable, part: str, input_: str, points: dict[object, int]) -> None:
    assert {one: score(table, PERSON | {input_: one}).parts[part] for one in points} == points


def test_the_cuts_above_are_all_the_cuts_of_the_shipped_tables() -> None:
    """A row that somebody adds must be typed into the list above by hand."""
    for path in sorted(scores_dir().glob("*.yaml")):
        table = load_score(path.stem)
        for part, tables in table.parts.items():
            for one in tables:
                tried = {
                    float(v) for t, p, _, cuts in CUTS if (t.score, p) == (table.score, part) for v, _ in cuts
                }
                for below, above in pairwise(one.rows or ()):
                    assert below.highest is not None
                    assert above.lowest is not None
                    assert {float(below.highest), float(above.lowest)} <= tried, (table.score, part, above)


def test_every_published_case_scores_as_the_rcp_table_says(data_dir: Path) -> None:
    cases = json.loads((data_dir / "scoring" / "news2_vectors.json").read_text())
    assert len(cases) == 59
    for case in cases:
        found = score(NEWS2, case)
        assert isinstance(found, Scored), case
        assert (found.score, found.band, found.parts) == (
            case["expected_score"], case["expected_band"], case["expected_parts"]
        ), case["source"]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "low"),
        ({"rr": 25}, "low-medium"),  # one part of 3
        ({"rr": 24, "pulse": 130}, "low"),  # 2 + 2 = 4
        ({"rr": 25, "pulse": 91}, "low-medium"),  # 3 + 1 = 4
        ({"rr": 25, "pulse": 111}, "medium"),  # 3 + 2 = 5
        ({"rr": 25, "temp": 35.0}, "medium"),  # 3 + 3 = 6
        ({"rr": 25, "temp": 35.0, "pulse": 91}, "high"),  # 7
    ],
)
def test_bands_of_news2(changed: dict[str, object], expected: str) -> None:
    assert score(NEWS2, NORMAL | changed).parts
    found = score(NEWS2, NORMAL | changed)
    assert isinstance(found, Scored)
    assert found.band == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, "low"), ({"rr": 21}, "low-medium"), ({"rr": 21, "spo2": 95}, "medium"),
     ({"rr": 21, "spo2": 95, "sbp": 151}, "medium"), ({"rr": 31}, "high")],
)  # fmt: skip
def test_bands_of_meows(changed: dict[str, object], expected: str) -> None:
    found = score(MEOWS, NORMAL | changed)
    assert isinstance(found, Scored)
    assert found.band == expected


# Each row of the standard once, its corners, and what no row covers.
COLOURS = [
    (79, "none", "none", "green", "row"), (70, "none", "none", "green", "row"), (79, "stable", "full", "green", "row"),
    (64, "unstable", "full", "yellow", "row"), (65, "stable", "partial", "yellow", "row"),
    (79, "stable", "none", "yellow", "row"), (80, "none", "full", "yellow", "row"),
    (80, "stable", "full", "yellow", "row"),
    (64, "unstable", "partial", "red", "row"), (65, "unstable", "full", "red", "row"),
    (79, "unstable", "none", "red", "row"),
    (80, "stable", "partial", "red", "row"), (80, "unstable", "none", "red", "row"),
    (64, "stable", "partial", "yellow", "points"),  # 0 + 1 + 1 = 2
    (64, "stable", "none", "yellow", "points"),  # 0 + 1 + 2 = 3
    (80, "none", "partial", "yellow", "points"),  # 2 + 0 + 1 = 3
    (80, "none", "none", "red", "points"),  # 2 + 0 + 2 = 4
    (80, "unstable", "full", "red", "points"),  # 2 + 2 + 0 = 4
    (79.9, "stable", "full", "green", "row"),  # nobody is 80 before the birthday
]  # fmt: skip


@pytest.mark.parametrize(("age", "disease", "vaccination", "colour", "by"), COLOURS)
def test_risk_colours(age: float, disease: str, vaccination: str, colour: str, by: str) -> None:
    found = score(COLOUR, {"age": age, "disease": disease, "vaccination": vaccination})
    assert isinstance(found, Scored)
    assert (found.band, "row" if found.by_row else "points") == (colour, by)


# -- what is missing --------------------------------------------------------------------------------------


def test_a_missing_input_makes_a_range_and_is_named() -> None:
    found = score(NEWS2, {key: value for key, value in NORMAL.items() if key != "temp"})
    assert found == Range(0, 3, ("temp",), ("low", "low-medium"),
                          {"rr": 0, "spo2": 0, "oxygen": 0, "sbp": 0, "pulse": 0, "consciousness": 0})  # fmt: skip


def test_oxygen_counts_twice_on_scale_2_and_the_range_knows_it() -> None:
    person = NORMAL | {"scale": 2, "spo2": 97, "on_oxygen": None}
    found = score(NEWS2, person)
    assert isinstance(found, Range)
    assert (found.least, found.most) == (0, 5)  # on air 0 + 0; on oxygen 3 + 2


def test_nothing_known_is_the_whole_range() -> None:
    found = score(NEWS2, {})
    assert isinstance(found, Range)
    assert (found.least, found.most) == (0, 20)  # 3 + 3 + 2 + 3 + 3 + 3 + 3
    assert found.missing == ("rr", "spo2", "on_oxygen", "sbp", "pulse", "consciousness", "temp")


def test_a_rate_counted_while_crying_is_no_evidence() -> None:
    person = {"age_months": 30, "rr": 60, "spo2": 98, "febrile_or_crying": True}
    found = score(CHILD, person)
    assert isinstance(found, Range)
    assert (found.least, found.most, found.missing) == (0, 1, ("rr",))
    assert found.bands == ("not-severe", "severe")


def test_a_row_may_settle_the_colour_though_points_are_missing() -> None:
    found = score(COLOUR, {"age": 70, "disease": "none"})
    assert isinstance(found, Range)
    assert (found.bands, found.missing, found.least, found.most) == (("green",), ("vaccination",), 1, 3)


PEOPLE = st.fixed_dictionaries(
    {
        "rr": st.integers(0, 100), "spo2": st.integers(0, 100), "scale": st.sampled_from([1, 2]),
        "on_oxygen": st.booleans(), "sbp": st.integers(0, 400), "dbp": st.integers(0, 300),
        "pulse": st.integers(0, 400), "consciousness": st.sampled_from("ACVPU"),
        "temp": st.integers(200, 500).map(lambda tenths: tenths / 10),
        "age_months": st.integers(0, 167), "febrile_or_crying": st.just(False), "age": st.integers(0, 130),
        "disease": st.sampled_from(["none", "stable", "unstable"]),
        "vaccination": st.sampled_from(["full", "partial", "none"]),
    }
)  # fmt: skip


@given(
    person=PEOPLE,
    hidden=st.sets(st.sampled_from(sorted(PERSON))),
    which=st.sampled_from([NEWS2, MEOWS, CHILD, COLOUR]),
)
def test_whatever_is_hidden_the_truth_lies_in_the_range(
    person: dict[str, object], hidden: set[str], which: ScoreTable
) -> None:
    truth = score(which, person)
    hidden -= {"scale"}  # it has a default: leaving it out says scale 1
    found = score(which, {key: value for key, value in person.items() if key not in hidden})
    assert isinstance(truth, Scored)
    if isinstance(found, Scored):
        assert found == truth
        return
    assert set(found.missing) <= hidden
    assert found.missing
    assert found.least <= truth.score <= found.most
    assert truth.band in found.bands
    assert found.parts.items() <= truth.parts.items()


# -- what is wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"rr": "18"}, "rr: '18' 应为数字 / should be a number"),
        ({"rr": True}, "rr: true 应为数字 / should be a number"),
        ({"rr": 101}, "rr: 101 不合理, 请核对 / is not within 0-100 /min: check the entry"),
        ({"spo2": -1}, "spo2: -1 不合理, 请核对 / is not within 0-100 %: check the entry"),
        ({"temp": float("nan")}, "temp: nan 不合理, 请核对 / is not within 20-50 Cel: check the entry"),
        ({"temp": 1e400}, "temp: inf 不合理, 请核对 / is not within 20-50 Cel: check the entry"),
        ({"temp": 10**400}, f"temp: {'1' + '0' * 39} 不合理, 请核对 / is not within 20-50 Cel: check the entry"),
        (
            {"consciousness": "alert"},
            "consciousness: 'alert' 不可用, 可选 'A', 'C', 'V', 'P', 'U' / is not one of 'A', 'C', 'V', 'P', 'U'",
        ),
        ({"on_oxygen": 1}, "on_oxygen: 1 不可用, 可选 false, true / is not one of false, true"),
        ({"scale": 3}, "scale: 3 不可用, 可选 1, 2 / is not one of 1, 2"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_refused_by_name(person: dict[str, object], expected: str) -> None:
    with pytest.raises(NotScorable) as refused:
        score(NEWS2, NORMAL | person)
    assert str(refused.value) == expected


def test_a_bad_line_does_not_stop_the_others() -> None:
    lines = [json.dumps(NORMAL), "", "{", "[1]", "[" * 100_000, json.dumps(NORMAL | {"rr": 25})]
    found = list(score_lines(NEWS2, lines))
    assert [good for _, good in found] == [True, False, False, False, True]
    assert found[1][0] == {
        "line": 3,
        "error": "不是 JSON, 应每行一个 {…} / not JSON: one {…} a line is expected",
    }
    assert found[4][0]["score"] == 3


SHIPPED = (scores_dir() / "news2.yaml").read_text()

# One defect each: what is replaced by what in the shipped file, and the message.
WRONG = [
    ("- {from: 12, to: 20, points: 0}", "- {from: 13, to: 20, points: 0}",
     41, "rr: 缺少 12-12 / nothing covers 12-12"),
    ("- {from: 12, to: 20, points: 0}", "- {from: 11, to: 20, points: 0}",
     41, "rr: 11-11 重叠 / rows overlap at 11-11"),
    ("- {to: 8, points: 3}", "- {from: 0, to: 8, points: 3}",
     41, "rr: 最低一行缺少下方: 去掉 from / nothing covers below 0: drop its from"),
    ("- {from: 25, points: 3}", "- {from: 25, to: 60, points: 3}",
     41, "rr: 最高一行缺少上方: 去掉 to / nothing covers above 60: drop its to"),
    ("- {from: 35.1, to: 36.0, points: 1}", "- {from: 35.2, to: 36.0, points: 1}",
     97, "temp: 缺少 35.1-35.1 / nothing covers 35.1-35.1"),
    ("choices: {A: 0, C: 3, V: 3, P: 3, U: 3}", "choices: {A: 0, V: 3, P: 3, U: 3}",
     94, "consciousness: 选项不全或多余: C / choices left out or unknown: C"),
    ("given: {scale: 2, on_oxygen: true}", "given: {scale: 2, on_oxygen: false}",
     48, "spo2: scale 2, on_oxygen False: 表重复 / scale 2, on_oxygen False: several tables apply"),
    ("given: {scale: 1}", "given: {scale: 3}", 49, "spo2: 3 不是 scale 的选项 / 3 is no choice of scale"),
    ("from: 7}", "from: 8}", 105, "bands: high 应从 7 开始 / high should begin at 7"),
    ("from: 7}", "from: 7, to: 9}", 105, "bands: 10 分以上没有等级 / nothing covers 10 points and more"),
    ("reads: on_oxygen", "reads: oxygen", 74, "oxygen: 没有项目 oxygen / there is no input oxygen"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "line", "expected"), WRONG, ids=[bad for _, bad, _, _ in WRONG])
def test_a_wrong_table_is_refused_and_says_what_is_wrong(
    good: str, bad: str, line: int, expected: str
) -> None:
    assert good in SHIPPED
    document = parse_document(SHIPPED.replace(good, bad, 1).encode(), "news2.yaml")
    with pytest.raises(FileProblems) as refused:
        check_score(document)
    assert str(refused.value) == f"news2.yaml:{line}: {expected}"


def lines_of(text: str) -> Iterator[str]:
    yield from text.splitlines()


@given(st.text(max_size=200))
def test_no_line_raises(line: str) -> None:
    for outcome, good in score_lines(NEWS2, lines_of(line)):
        assert good is ("error" not in outcome)


def test_the_command_scores_standard_input_and_names_an_unknown_score() -> None:
    done = CliRunner().invoke(app, ["score", "meows"], input=json.dumps(NORMAL | {"dbp": 111}) + "\n{}\n")
    first, second = map(json.loads, done.stdout.splitlines())
    assert done.exit_code == 0
    assert (first["score"], first["band"]) == (8, "high")
    assert (second["min"], second["max"]) == (0, 56)  # seven parts, each 8 at most
    with pytest.raises(UserError, match="没有评分 'news3', 可选: child-severe, meows, news2, risk-colour"):
        load_score("news3")


@pytest.mark.parametrize(
    ("part", "value", "points"),
    [
        ("temp", 35.04, 3),
        ("temp", 35.05, 1),
        ("temp", 39.04, 1),
        ("temp", 39.05, 2),
        ("spo2", 91.4, 3),
        ("spo2", 91.5, 2),
    ],
)
def test_a_number_is_rounded_to_the_printed_tables_precision(part: str, value: float, points: int) -> None:
    assert score(NEWS2, NORMAL | {part: value}).parts[part] == points


def test_an_input_that_is_misspelt_is_named_and_not_passed_over() -> None:
    lines = [{"RR": 30, "spo2": 96, "note": "x"}, {"rr": 30, "sp02": 96}, {"rr": 30, "hr": 70}]
    done = CliRunner().invoke(app, ["score", "news2"], input="\n".join(map(json.dumps, lines)))
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first["ignored"] == ["RR", "note"]
    assert "rr" in first["missing"]
    assert second["ignored"] == ["sp02"]
    assert "ignored" not in third  # hr is another name of the pulse
    assert done.stderr.splitlines() == [
        (
            "1 行里的 'RR' 不是 news2 的项目, 没有计入; 是不是 rr? / "
            "'RR', in 1 lines, is no input of news2 and was not counted; did you mean rr?"
        ),
        (
            "1 行里的 'note' 不是 news2 的项目, 没有计入 / "
            "'note', in 1 lines, is no input of news2 and was not counted"
        ),
        (
            "1 行里的 'sp02' 不是 news2 的项目, 没有计入; 是不是 spo2? / "
            "'sp02', in 1 lines, is no input of news2 and was not counted; did you mean spo2?"
        ),
    ]
