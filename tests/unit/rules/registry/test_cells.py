"""Single cells: what spreadsheets hold, worked out by hand; what was stored is shown so that it reads the same."""

# ruff: noqa: E501 - tables that are read one line after the other
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cunmai_rules.registry import cells, cells_time
from cunmai_rules.registry.cells import Cell, Unreadable, guarded, trimmed, unguarded
from cunmai_rules.registry.cells_phone import PHONE, phone_kind
from cunmai_rules.registry.cells_time import moment
from cunmai_rules.registry.csvfile import CsvFile, Problems
from cunmai_rules.registry.tables import table_called, tables

CHINA = moment(480)

READS: list[tuple[Cell, str, object]] = [
    (cells.CONDITIONS, "高血压;糖尿病", "diabetes;hypertension"), (cells.CONDITIONS, "慢阻肺、高血压，冠心病", "copd;coronary-heart-disease;hypertension"),
    (cells.CONDITIONS, "无", ""), (cells.CONDITIONS, "None", ""), (cells.CONDITIONS, "COPD; own-code", "copd;own-code"),
    (cells.LEVEL, "村医", 1), (cells.LEVEL, "６", 6), (cells.LEVEL, "Chief Expert", 6), (cells.TIER, "乡镇卫生院", "township"),
    (cells.YES_NO, "是", 1), (cells.YES_NO, "×", 0), (cells.COLOUR, "红色", "red"), (cells.SEX, "女", "female"),
    (cells.AGE_BAND, "65-79", "65-79"), (cells.AGE_BAND, "65—79岁", "65-79"), (cells.AGE_BAND, "80岁及以上", "80+"), (cells.AGE_BAND, "80+", "80+"),
    (cells_time.DAY, "2026/1/5", "2026-01-05"), (cells_time.DAY, "2026年1月5日", "2026-01-05"), (cells_time.DAY, "2026-01-05 00:00:00", "2026-01-05"),
    (cells_time.DAY, "２０２６－０１－０５", "2026-01-05"), (cells_time.MONTH, "194803", "1948-03"), (cells_time.MONTH, "1948年3月", "1948-03"),
    (cells_time.MONTH, "1948-03-17", "1948-03"), (cells_time.MONTH, "1948.3", "1948-03"),
    (CHINA, "2026-01-02 08:00", 1_767_312_000_000), (CHINA, "2026/1/2 8:00:05", 1_767_312_005_000), (CHINA, "2026-01-01 24:00", 1_767_283_200_000),
    (PHONE, "139 1234-5678", "13912345678"), (PHONE, "+86 139 1234 5678", "13912345678"), (PHONE, "'13912345678", "13912345678"),
    (PHONE, "（0515）8888 1234", "051588881234"), (PHONE, "+852 5123 4567", "+85251234567"),
    (cells.whole(-200, 6000), "-5", -5), (cells.whole(-200, 6000), "40.0", 40), (cells.decimal(-90, 90), "33.50", "33.5"), (cells.decimal(0, 100), "88.0", "88"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "text", "stored"), READS)
def test_a_cell_reads(cell: Cell, text: str, stored: object) -> None:
    value = cell.read(text)
    assert value == stored
    for lang in ("zh", "en"):
        shown = cell.show(value, lang)
        assert cell.read(shown) == value


UNREADABLE: list[tuple[Cell, str]] = [
    (cells.CONDITIONS, "无;高血压"), (cells.CONDITIONS, "心脏不好"), (cells.LEVEL, "7"), (cells.AGE_BAND, "79-65"), (cells.AGE_BAND, "老年"),
    (cells.AGE_BAND, "130+"), (cells_time.DAY, "2026-02-29"), (cells_time.DAY, "5.1.2026"), (cells_time.DAY, "46022"), (cells_time.DAY, "0026-01-01"),
    (cells_time.MONTH, "1948-13"), (cells_time.MONTH, "48-3"), (cells_time.MONTH, "19480"), (CHINA, "2026-01-02"), (CHINA, "2026-01-02 25:00"),
    (CHINA, "2026-01-02 24:01"), (CHINA, "上午八点"), (PHONE, "1.39E+10"), (PHONE, "1.39123e10"), (PHONE, "见备注"), (PHONE, "12"),
    (cells.whole(0, 10), "1.5"), (cells.whole(0, 10), "nan"), (cells.whole(0, 10), "11"), (cells.whole(0, 10), "1e400"),
    (cells.decimal(0, 1), "inf"), (cells.RESIDENT_ID, "13912345678"), (cells.RESIDENT_ID, "110101199001011234"), (cells.RESIDENT_ID, "R 1"),
    (cells.STAFF_ID, "Doctor"), (cells.words(5), "123456"), (cells.words(40), "电话13912345678"), (cells.NAME, "a\nb"), (cells.NAME, "字" * 61),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "text"), UNREADABLE)
def test_a_cell_that_cannot_be_read_says_what_was_expected_and_not_what_stood_there(
    cell: Cell, text: str
) -> None:
    with pytest.raises(Unreadable) as error:
        cell.read(text)
    assert error.value.zh
    assert error.value.en
    assert text not in str(error.value) or len(text) < 3


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("13912345678", "mobile"), ("19912345678", "mobile"), ("051588881234", "landline"), ("01088881234", "landline"),
        ("+85251234567", "abroad"), ("12345678901", "doubtful"), ("1391234567", "doubtful"), ("139123456789", "doubtful"),
        ("13900000000", "doubtful"), ("120", "doubtful"), ("88881234", "doubtful"), ("+8613912345678", "doubtful"),
    ],
)  # fmt: skip
def test_what_a_number_is(number: str, kind: str) -> None:
    assert phone_kind(number) == kind


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_any_text_is_read_or_refused_and_reads_the_same_again(text: str) -> None:
    text = trimmed(text)
    for table in tables():
        for column in table.columns:
            if not text:
                continue
            try:
                value = column.cell.read(text)
            except Unreadable:
                continue
            shown = column.cell.show(value, "zh")
            assert column.cell.read(trimmed(unguarded(guarded(shown)))) == value, column


@pytest.mark.parametrize("text", ["=1+1", "+85251234567", "@x", "-x", "=\n"])
def test_what_a_spreadsheet_would_take_for_a_formula_is_a_text_in_an_export(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["-5", "-33.5", "张三", "'", "R-1", ""])
def test_other_texts_are_exported_as_they_are(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"id,name,phone\n", b"id,birth\nR-1,1948-01\n", b"\xff\xfei\x00d\x00\n\x00"]),
)
@settings(max_examples=200)
def test_any_file_is_read_or_its_problems_told(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, start: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "residents.csv"
    path.write_bytes(start + junk)
    table = table_called("residents")
    assert table is not None
    problems = Problems()
    lines = list(CsvFile(path, table, problems))
    assert all(line.number > 1 and line.record["id"] for line in lines)
    assert lines or problems.count or start.count(b"\n") or not junk.strip()


def test_every_header_and_file_name_is_one_tables_or_columns() -> None:
    names = [name for table in tables() for name in (table.name, table.zh, *table.also)]
    assert len(names) == len(set(names))
    for table in tables():
        headers = [
            name.casefold() for column in table.columns for name in (column.name, column.zh, *column.also)
        ]
        assert len(headers) == len(set(headers)), table.name


def test_the_example_has_a_file_for_every_table() -> None:
    folder = Path(__file__).resolve().parents[4] / "docs" / "registry-example"
    assert {path.stem for path in folder.iterdir()} == {table.zh for table in tables()}
