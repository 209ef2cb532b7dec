"""Phone and identity numbers in what people type, however they are written; and figures that are none."""

from __future__ import annotations

import pytest

from cunmai_rules.pages.personal import carries_personal_number

# Region 110101 (Beijing), born 7 March 1990: made up, its check digit does not count.
NUMBERS = [
    "13800000001",
    "138,0000,0001",
    "138、0000、0001",
    "138 0000 0001",
    "138-0000-0001",
    "138 - 0000 - 0001",
    "138.0000.0001",
    "138/0000/0001",
    "(138)0000-0001",
    "138_0000_0001",
    "138—0000—0001",
    "1 3 8 0 0 0 0 0 0 0 1",
    "１３８００００００００",
    "１３８,００００,００００",
    "١٣٨٠٠٠٠٠٠٠١",
    "138\u200b0000\u200b0001",
    "+86 138 0000 0001",
    "0086-138-0000-0001",
    "体温 38.5, 138 0000 0001",
    "体温 38.5 13800000001",
    "血压 120/80 请打 138,0000,0001 谢谢",
    "电话13800000001转2",
    "110101199003070012",
    "11010119900307001X",
    "110101 19900307 001x",
    "110101-19900307-0012",
    "110101,1990,0307,0012",
    "１１０１０１１９９００３０７００１Ｘ",
    "110101 900307 001",
    "110101900307001",
    "999999999999999",
    "体温 36.5 110101 1990 0307 001X",
]
FIGURES = [
    "",
    "需要上门, 我在外村",
    "血压 150/90 145/85 138/80, 体温 36.5",
    "120/80, 130/85, 125/78",
    "160/95 150/90 8",
    "138/86 120/80 98 36.8",
    "血氧 93 94 95 96 97 98, 脉率 112",
    "2026-11-22 08:30 复测",
    "3 楼 12 床, 2 天后复查",
    "0571-88880000",
    "R-7F3K9QXW",
    "13800000",
    "1380000000012",
]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_found(text: str) -> None:
    assert carries_personal_number(text)


@pytest.mark.parametrize("text", FIGURES)
def test_figures_of_a_visit_are_none(text: str) -> None:
    assert not carries_personal_number(text)
