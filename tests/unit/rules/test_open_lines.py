"""What `cunmai rules escalations` prints, as a terminal shows it: nothing is cut, at 80 columns or 120."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.commands.open_lines import print_open
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.database import PostgresAt
from cunmai_wire.events import Grade, Lane
from support.rules_bench import Bench
from support.sms_sink import SECRET


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


def test_the_command_names_the_resident_and_the_rule(bench: Bench, tmp_path: Path) -> None:
    config = tmp_path / "rules.yaml"
    config.write_text(
        f"data_dir: {tmp_path}\n"
        "contacts: [{id: village, role: 村医, to: '1'}]\n"
        "fallback_contacts: [village]\n"
        f"webhook: {{url: 'http://127.0.0.1:1/', secret: {SECRET}}}\n"
        "public_url: http://127.0.0.1:8087\n"
    )
    if isinstance(bench.at, PostgresAt):
        config.write_text(f'{config.read_text()}database: "{bench.at.dsn}"\n')
    command = ["escalations", "--config", str(config)]
    assert "没有未结束的预警" in CliRunner().invoke(app, command).stdout
    bench.desaturate()
    told = CliRunner().invoke(app, command, env={"COLUMNS": "80"}).stdout
    assert bench.escalation().id in told
    assert "居民 resident R-7F3K" in told
    assert f"规则 rule {bench.escalation().rule}" in told
