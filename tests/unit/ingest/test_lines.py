"""The encoder, against lines written by hand from the line protocol's reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.lines import FieldValue, Tags, readable, storable
from cunmai_ingest.points import Point


def _line(measurement: str = "m", tags: Tags = (), t_ns: int = 1, **fields: FieldValue) -> str:
    return Point("s", 1, measurement, tags, fields, t_ns).line()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (97.0, "97.0"),
        (0.1, "0.1"),
        (-0.5, "-0.5"),
        (1e22, "1.0e+22"),
        (1e-07, "1.0e-07"),
        (1.5e300, "1.5e+300"),
        (97, "97i"),
        (-3, "-3i"),
        (2**63 - 1, "9223372036854775807i"),
        (True, "true"),
        (False, "false"),
        ("", '""'),
        ("finger_off,poor_signal", '"finger_off,poor_signal"'),
        ('say "ah"', r'"say \"ah\""'),
        ("a\\b", r'"a\\b"'),
        ("two\nlines", '"two\nlines"'),
        ("阿莫西林 0.5g=2", '"阿莫西林 0.5g=2"'),
    ],
)
def test_field_values(value: FieldValue, written: str) -> None:
    assert _line(v=value) == f"m v={written} 1"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plx-1", "plx-1"),
        ("a b", r"a\ b"),
        ("a,b", r"a\,b"),
        ("a=b", r"a\=b"),
        ('"q"', '"q"'),
        ("葡萄糖 5%", r"葡萄糖\ 5%"),
        ("ends in \\", r"ends\ in\ %5C"),
        ("two\nlines", "two%0Alines"),
        ("tab\t", "tab%09"),
        ("%5C", "%255C"),
        ("%zz", "%zz"),
    ],
)
def test_tag_values(value: str, written: str) -> None:
    assert _line(tags=(("t", value),), v=1.0) == f"m,t={written} v=1.0 1"


def test_names_are_escaped_too() -> None:
    line = _line("my kind", (("a tag", "x"), ("b=b", "y")), **{"f,1": 1, "f 2": 2})
    assert line == r"my\ kind,a\ tag=x,b\=b=y f\,1=1i,f\ 2=2i 1"


def test_a_measurement_never_becomes_a_comment() -> None:
    assert _line("#m", v=1) == "%23m v=1i 1"


def test_an_empty_tag_is_left_out() -> None:
    assert _line(tags=(("a", ""), ("b", "x")), v=1) == "m,b=x v=1i 1"


def test_time_is_written_in_nanoseconds_as_given() -> None:
    assert _line(t_ns=1_700_000_000_123_000_045, v=1) == "m v=1i 1700000000123000045"


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (Point("s", 1, "m", (), {}, 1), "needs a field"),
        (Point("s", 1, "", (), {"v": 1}, 1), "measurement needs a name"),
        (Point("s", 1, "m", (), {"": 1}, 1), "tag or field needs a name"),
        (Point("s", 1, "m", (("", "x"),), {"v": 1}, 1), "tag or field needs a name"),
        (Point("s", 1, "m", (), {"v": float("nan")}, 1), "not finite"),
        (Point("s", 1, "m", (), {"v": float("-inf")}, 1), "not finite"),
        (Point("s", 1, "m", (), {"v": 2**63}, 1), "integer does not fit"),
        (Point("s", 1, "m", (), {"v": 1}, 2**63), "time does not fit"),
    ],
)
def test_what_the_protocol_cannot_say_is_refused(point: Point, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        point.line()


@given(st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from("%\\\n05CFa")))
def test_storable_text_is_safe_and_comes_back(text: str) -> None:
    stored = storable(text)
    assert readable(stored) == text
    assert "\\" not in stored
    assert "\n" not in stored
