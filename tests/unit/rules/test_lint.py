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
