"""What `cunmai rules check` says beyond the form: files named for their one doubt, and ones that are fine.

A file's first lines, `# warn: ...`, are the warnings; one whose name begins with `fine-` must have none.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.lint.interval import Interval, complement, cover
from cunmai_rules.lint.quantities import possible
from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import build_rules, read_packs
from cunmai_rules.tools.check import warnings_of
from support.rules import OXIMETRY

ROOT = Path(__file__).resolve().parents[3]
DOUBTFUL = sorted((Path(__file__).parent / "doubtful").glob("*.yaml"))
LOW = '{reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15, gap_s: 600}'


def warned(raw: bytes, name: str = "x.yaml") -> list[str]:
    loaded, problems = read_packs([(name, raw)])
    assert problems == []
    return [str(problem) for problem in warnings_of(loaded)]


@pytest.mark.parametrize("path", DOUBTFUL, ids=lambda path: path.stem)
def test_a_doubtful_file_is_warned_of_with_its_line(path: Path) -> None:
    lines = path.read_text().splitlines()
    expected = [line.removeprefix("# warn: ") for line in lines if line.startswith("# warn: ")]
    assert warned(path.read_bytes(), path.name) == expected
    assert len(expected) == (0 if path.stem.startswith("fine-") else 1)


@pytest.mark.parametrize("document", ["docs/threshold-files.md", "rules/README.md"])
def test_what_the_documentation_shows_gives_no_warning(document: str) -> None:
    samples = re.findall(r"```yaml\n(pack:.*?)```", (ROOT / document).read_text(), re.DOTALL)
    assert samples
    assert [warned(sample.encode()) for sample in samples] == [[] for _ in samples]


def test_a_low_side_may_stand_in_another_file() -> None:
    doubtful = {path.stem: path.read_bytes() for path in DOUBTFUL}
    low = (
        doubtful["fine-low-and-high-side"]
        .replace(b"pack: test", b"pack: other")
        .replace(b"id: high", b"id: h2")
    )
    loaded, _ = read_packs([("a.yaml", doubtful["no-low-side-pressure"]), ("b.yaml", low)])
    assert warnings_of(loaded) == []


def test_why_there_is_one_side_only_changes_no_judgement() -> None:
    said = OXIMETRY.replace(b"source: a test", b"source: a test\n    one_sided: because")
    plain, with_reason = (read_packs([("a.yaml", raw)])[0] for raw in (OXIMETRY, said))
    assert plain[0].pack.rules[0] != with_reason[0].pack.rules[0]
    assert build_rules([("a.yaml", OXIMETRY)]).digest == build_rules([("a.yaml", said)]).digest


# -- limits that nobody living has -------------------------------------------------------------------------

SPO2_EN = "Oxygen saturation in arterial blood by pulse oximetry"


def test_a_slip_of_the_decimal_point_is_warned_of_at_its_line() -> None:
    raw = (packs_dir() / "oximetry.yaml").read_bytes().replace(b"below: 85 ", b"below: 8.5 ")
    line = raw[: raw.index(b"below: 8.5")].count(b"\n") + 1
    assert "\n".join(warned(raw)) == (
        f"x.yaml:{line}: rules.1.when.below: 血氧饱和度的界限 8.5 不像活人的值(项目默认值: 50 至 100); "
        "请核对小数点和单位 / "
        f"rules.1.when.below: {SPO2_EN}: hardly a living person comes to a limit of 8.5 (project default: 50 to 100); "
        "check its decimal point and unit"
    )


@pytest.mark.parametrize(
    ("reads", "unit", "within", "without"),
    [
        ("oximetry.spo2_pct", "%", (50, 100), (49.9, 8.5)),
        ("oximetry.pulse_bpm", "/min", (20, 250), (19, 251)),
        ("heart_rate.heart_rate_bpm", "/min", (20, 250), (13.1, 300)),
        ("blood_pressure.pulse_bpm", "/min", (20, 250), (12, 260)),
        ("blood_pressure.systolic_mmhg", "mm[Hg]", (40, 280), (18, 281)),
        ("blood_pressure.diastolic_mmhg", "mm[Hg]", (20, 180), (11, 181)),
        ("blood_pressure.mean_arterial_mmhg", "mm[Hg]", (30, 210), (6.5, 211)),
        ("temperature.temperature_c", "Cel", (30, 43), (3.85, 43.1)),
        ("glucose.glucose_mmol_l", "mmol/L", (1.1, 33.3), (0.39, 39)),
        ("respiration.respiratory_rate_per_min", "/min", (4, 80), (3, 100)),
        ("weight.weight_kg", "kg", (0.5, 300), (0.4, 301)),
        ("weight.bmi_kg_m2", "kg/m2", (7, 100), (2.8, 101)),
        ("weight.height_m", "m", (0.3, 2.5), (0.1, 2.6)),
    ],
)
def test_a_limit_that_nobody_living_has_is_warned_of_at_each_end(
    reads: str, unit: str, within: tuple[float, float], without: tuple[float, float]
) -> None:
    def doubted(value: float) -> int:
        return not_living(f'{{all: [{{reads: {reads}, unit: "{unit}", below: {value}}}]}}', "{for_s: 30}")

    assert [doubted(value) for value in within] == [0, 0]
    assert [doubted(value) for value in without] == [1, 1]


def not_living(when: str, clear: str) -> int:
    raw = OXIMETRY.decode().replace(LOW, when).replace("{at_or_above: 95, for_s: 30}", clear)
    return sum("不像活人的值" in line for line in warned(raw.encode()))


FEW = '{reads: oximetry.spo2_pct, unit: "%", below: 8.5}'
SOME = '{reads: oximetry.spo2_pct, unit: "%", below: 85}'


@pytest.mark.parametrize(
    ("when", "clear"),
    [
        (FEW, "{at_or_above: 95, for_s: 30}"),
        (FEW.replace("8.5", "8.5, at_least: 2, of_last: 3"), "{at_or_above: 95, for_s: 30}"),
        (f"{{any: [{FEW}]}}", "{for_s: 30}"),
        (f"{{all: [{SOME}, {{not: {FEW}}}]}}", "{for_s: 30}"),
        (FEW.replace("below: 8.5", "below: 5"), "{at_or_above: 95, for_s: 30}"),
        (FEW.replace("below: 8.5", "above: 90"), "{at_or_below: 9, for_s: 30}"),
        (SOME, f"{{all: [{{not: {FEW}}}], for_s: 30}}"),
    ],
)
def test_it_is_found_wherever_a_limit_stands(when: str, clear: str) -> None:
    assert not_living(when, clear) == 1


# -- ranges -------------------------------------------------------------------------------------------------

NUMBERS = st.integers(-3, 3)
INTERVALS = st.builds(Interval, NUMBERS, NUMBERS, st.booleans(), st.booleans())
POINTS = [n / 2 for n in range(-8, 9)]


def inside(one: Interval) -> set[float]:
    """By the definition, over a grid that has a point between any two ends."""
    return {
        point
        for point in POINTS
        if (point > one.low or (point == one.low and one.with_low))
        and (point < one.high or (point == one.high and one.with_high))
    }


@given(INTERVALS, INTERVALS)
def test_ranges_agree_with_their_points(one: Interval, other: Interval) -> None:
    assert one.empty == (not inside(one))
    assert inside(one & other) == inside(one) & inside(other)
    assert one.holds(other) == (inside(other) <= inside(one))
    if not one.empty:
        outside = set().union(*(inside(side) for side in complement(one)))
        assert outside == set(POINTS) - inside(one)


@given(st.lists(INTERVALS.filter(lambda one: not one.empty), max_size=4), INTERVALS)
def test_a_cover_agrees_with_its_points(parts: list[Interval], whole: Interval) -> None:
    assert cover(parts, whole) == (inside(whole) <= set().union(*map(inside, parts), set()))


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("oximetry.spo2_pct", 0, 100),
        ("oximetry.pulse_bpm", 0, 400),
        ("temperature.temperature_c", 0, 60),
        ("ultrasound_exam.rsrp_dbm", -200, 0),
    ],
)
def test_what_the_contract_lets_a_value_be(value: str, low: float, high: float) -> None:
    kind, _, field = value.partition(".")
    assert possible(kind, field) == Interval(low, high)


# -- the command --------------------------------------------------------------------------------------------


def check(*arguments: object) -> tuple[int, str, str]:
    outcome = CliRunner().invoke(app, ["check", *map(str, arguments)])
    return outcome.exit_code, outcome.stdout, outcome.stderr


def test_the_shipped_packs_are_clean() -> None:
    code, out, _ = check("--strict")
    assert code == 0, out
    assert "no warnings" in out


def test_a_warning_is_shown_and_fails_only_when_strict(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(OXIMETRY)
    code, out, err = check(tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("提醒 / warnings:\n  a.yaml:5: rules.0: 血氧规则没有写海拔")
    assert "1 条规则, 没有错误, 1 处提醒 / 1 rules, no errors, 1 warnings" in out
    assert check(tmp_path, "--strict")[0] == 1


def test_errors_and_warnings_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(OXIMETRY)
    (tmp_path / "b.yaml").write_bytes(
        OXIMETRY.replace(b"at_or_below: 93", b"below: 0").replace(b"pack: o", b"pack: p")
    )
    code, out, err = check(tmp_path)
    assert code == 2
    assert "a.yaml:5:" in out
    assert err.startswith("错误, 不会生效 / errors, refused:\n  b.yaml:5:")
    assert "b.yaml:8: rules.0.when: oximetry.spo2_pct 只会是 0 至 100" in err


@pytest.mark.parametrize(
    ("lang", "has", "has_not"),
    [
        ("zh", "没有错误", "no errors"),
        ("en", "no errors", "没有错误"),
        ("both", "没有错误, 1 处提醒 / 1 rules", "?"),
    ],
)
def test_either_language(tmp_path: Path, lang: str, has: str, has_not: str) -> None:
    (tmp_path / "a.yaml").write_bytes(OXIMETRY)
    _, out, _ = check(tmp_path, "--lang", lang)
    assert has in out
    assert has_not not in out
