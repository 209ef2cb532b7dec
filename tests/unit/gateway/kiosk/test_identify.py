"""Cards, codes and typed ids; and what must never become a resident."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.kiosk.cards import Cards, read_cards
from cunmai_gateway.kiosk.identify import DEFAULT_RESIDENT_IDS, Known, Refusal, identify, looks_personal
from cunmai_runtime.errors import UserError

IDS = re.compile(DEFAULT_RESIDENT_IDS)
CARDS = {"0004915632": "R-7F3K", "04A2B6C1": "R-2M9D"}


@pytest.mark.parametrize(
    ("text", "resident"),
    [
        ("0004915632", "R-7F3K"),
        (" 0004915632\r", "R-7F3K"),
        ("０００４９１５６３２", "R-7F3K"),
        ("04a2b6c1", "R-2M9D"),
        ("R-7F3K", "R-7F3K"),
        ("r-7f3k", "R-7F3K"),
        ("Ｒ－７Ｆ３Ｋ", "R-7F3K"),
        ("cunmai:R-7F3K", "R-7F3K"),
        ("CUNMAI:r-7f3k", "R-7F3K"),
    ],
)
def test_who_it_is(text: str, resident: str) -> None:
    assert identify(text, CARDS, IDS) == Known(resident)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", Refusal.EMPTY),
        (" \t\r\n", Refusal.EMPTY),
        ("R" * 300, Refusal.TOO_LONG),
        ("0009999999", Refusal.UNKNOWN_CARD),
        ("DEADBEEF", Refusal.UNKNOWN_CARD),
        ("13800000001", Refusal.PERSONAL_NUMBER),
        ("+86 138-0000-0001", Refusal.PERSONAL_NUMBER),
        ("１３８００００００01", Refusal.PERSONAL_NUMBER),
        ("R-13800000001", Refusal.PERSONAL_NUMBER),
        ("110101194910010014", Refusal.PERSONAL_NUMBER),
        ("11010119491001001X", Refusal.PERSONAL_NUMBER),
        ("11010119491001001x", Refusal.PERSONAL_NUMBER),
        ("110101 19491001 001X", Refusal.PERSONAL_NUMBER),
        ("110101491001001", Refusal.PERSONAL_NUMBER),
        ("https://example.org/?id=110101194910010014", Refusal.PERSONAL_NUMBER),
        ("王秀英", Refusal.NOT_AN_ID),
        ("wangxiuying", Refusal.NOT_AN_ID),
        ("R-", Refusal.NOT_AN_ID),
        ("R-7F3K; R-2M9D", Refusal.NOT_AN_ID),
        ("https://example.org/R-7F3K", Refusal.NOT_AN_ID),
    ],
)
def test_who_it_is_not(text: str, refusal: Refusal) -> None:
    assert identify(text, CARDS, IDS) is refusal


def test_a_personal_number_is_refused_even_where_the_table_knows_it() -> None:
    assert identify("13800000001", {"13800000001": "R-1"}, IDS) is Refusal.PERSONAL_NUMBER


def test_ids_of_another_form_where_the_clinic_says_so() -> None:
    form = re.compile("[a-z]{2}[0-9]{6}")
    assert identify("cz000123", {}, form) == Known("cz000123")
    assert identify("R-7F3K", {}, form) is Refusal.NOT_AN_ID


digits = st.text("0123456789", min_size=8, max_size=8)


@given(st.sampled_from("3456789"), digits, st.sampled_from(["", " ", "-", ".", "/", "_"]))
def test_every_mobile_number_is_personal_however_it_is_written(second: str, rest: str, between: str) -> None:
    number = f"1{second}{rest[0]}{between}{rest[1:5]}{between}{rest[5:]}0"
    assert looks_personal(number)
    assert identify(number, CARDS, IDS) is Refusal.PERSONAL_NUMBER


@given(st.text(max_size=300))
def test_any_text_has_an_answer_and_a_resident_is_always_of_the_form(text: str) -> None:
    who = identify(text, CARDS, IDS)
    assert isinstance(who, Refusal) or IDS.fullmatch(who.resident)


# -- the table of cards --------------------------------------------------------------------------------


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_table_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "cards.csv", "﻿Card,Resident\n0004915632,R-7F3K\n\n 04a2b6c1 ,R-2M9D\n")
    assert read_cards(path, IDS) == CARDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cards.csv:1: 第一行应为 card,resident"),
        ("name,phone\n", "cards.csv:1: 第一行应为 card,resident"),
        ("card,resident\n1,2,3\n", "cards.csv:2: 应为两列"),
        ("card,resident\n0001,R-1\n110101194910010014,R-2\n", "cards.csv:3: 空的, 或像身份证号"),
        ("card,resident\n,R-2\n", "cards.csv:2: 空的"),
        ("card,resident\n0001,wang\n", "cards.csv:2: 居民编号不合格式"),
        ("card,resident\n0001,R-1\n0001,R-2\n", "cards.csv:3: 同一张卡写了两次"),
    ],
)
def test_a_faulty_table_is_named_by_line_and_never_by_number(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path / "cards.csv", text)
    with pytest.raises(UserError) as error:
        read_cards(path, IDS)
    assert words in str(error.value)
    assert "110101194910010014" not in str(error.value)


def test_a_missing_table_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="读不到卡片表"):
        read_cards(tmp_path / "none.csv", IDS)
    (tmp_path / "cards.csv").write_bytes(b"card,resident\n\xff\xfe,R-1\n")
    with pytest.raises(UserError, match="UTF-8"):
        read_cards(tmp_path / "cards.csv", IDS)


def test_a_change_is_taken_up_and_a_fault_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "cards.csv", "card,resident\n0001,R-1\n")
    cards = Cards(path, IDS)
    assert cards.table() == {"0001": "R-1"}
    write(path, "card,resident\n0001,R-1\n0002,R-2\n")
    assert cards.table() == {"0001": "R-1", "0002": "R-2"}
    write(path, "card,resident\n0001,R-1\nbroken\n")
    assert cards.table() == {"0001": "R-1", "0002": "R-2"}
    assert cards.problem is not None
    path.unlink()
    assert cards.table() == {"0001": "R-1", "0002": "R-2"}
    write(path, "card,resident\n0003,R-3\n")
    assert cards.table() == {"0003": "R-3"}
    assert cards.problem is None


def test_without_a_table_there_are_no_cards() -> None:
    assert Cards(None, IDS).table() == {}
