"""What `cunmai rules escalations` prints, as a terminal shows it: nothing is cut, at 80 columns or 120."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from cunmai_rules.commands.open_lines import print_open
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_wire.events import Grade, Lane


def shown(width: int, escalation: Escalation) -> list[str]:
    out = io.StringIO()
    print_open(Console(file=out, width=width), escalation, 480)
    return out.getvalue().splitlines()


def escalation(*, resident: str | None, gateway: str, rules: tuple[str, ...]) -> Escalation:
    return Escalation(
        id="e0123456789abcdef0123", subject="s", gateway=gateway, device="d", resident=resident, rule=rules[0],
        version="oximetry/1-abc", grade=Grade.RED, lane=Lane.PAGE, reason="limit_met", stream=None, seq=None,
        reading_t_ms=0, opened_ms=1_800_000_000_000, contacts=("village",), status=Status.SEEN, rules=rules,
    )  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
def test_who_what_and_where_stand_in_four_lines(width: int) -> None:
    one = escalation(resident="R-7F3K", gateway="village-01", rules=("spo2-severe", "news2-high"))
    assert shown(width, one) == [
        "01-15 16:00:00  红 red  通知 page  已看待结果 seen  e0123456789abcdef0123",
        "    居民 resident R-7F3K",
        "    规则 rule spo2-severe, news2-high",
        "    网关 gateway village-01",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_the_longest_ids_are_whole(width: int) -> None:
    resident, gateway, rules = "R" * 64, "g" * 63, ("r" * 40, "s" * 40, "t" * 40)
    lines = shown(width, escalation(resident=resident, gateway=gateway, rules=rules))
    for word in (resident, gateway, *rules):
        assert any(word in line for line in lines), word
    assert max(map(cell_len, lines)) <= width
