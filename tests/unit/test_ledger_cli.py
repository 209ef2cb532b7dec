"""`cunmai ledger`, `cunmai ingest token` and `looks` as a person meets them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cunmai.ledger_cli import _by_journal
from cunmai.ledger_cli import app as ledger_app
from cunmai_ingest.api.tokens import Right, Tokens
from cunmai_ingest.cli import app as ingest_app
from cunmai_ingest.ledger.view import LedgerView
from cunmai_ingest.query.sites import Sites
from cunmai_rules.journal.judgements import JUDGED, REFUSED
from cunmai_rules.journal.opening import open_journal
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.held import add_range
from support.ledger_bench import ledger_bench
from support.messages import STREAM, T0_MS, oximetry

DAY = "2023-11-15"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ingest.yaml"
    path.write_text(f"data_dir: {tmp_path}\nstore:\n  kind: sqlite\n  path: {tmp_path}/store.sqlite\n")
    return path


def run(app: object, *arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in arguments])  # type: ignore[arg-type]
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


def fill(config: Path, *, lost: int = 0) -> None:
    with ledger_bench(config.parent) as bench:
        losses = [{"stream": STREAM, "day": DAY, "reason": "dropped", "count": lost}] if lost else []
        bench.state(4, losses=losses)
        bench.readings(oximetry(1, T0_MS), oximetry(2, T0_MS))
        bench.judged((1, 2))
        bench.sweep()


def test_the_ledger_as_json(config: Path) -> None:
    fill(config)
    result = run(ledger_app, "--config", config, "--day", DAY, "--json")
    document = json.loads(result.output)
    assert result.exit_code == 0
    assert document["utc_offset"] == "UTC+08:00"
    (day,) = document["days"]
    assert {name: day[name] for name in ("gateway", "day", "measured", "stored", "judged", "missing", "verdict")} == {
        "gateway": "clinic-01", "day": DAY, "measured": 4, "stored": 2, "judged": 2, "missing": 2,
        "verdict": "waiting",
    }  # fmt: skip
    assert [(gap["kind"], gap["first"], gap["last"]) for gap in document["gaps"]] == [("missing", 3, 4)]


def test_what_the_rules_journal_knows_is_no_gap(config: Path) -> None:
    with ledger_bench(config.parent) as bench:
        bench.readings(*[oximetry(seq, T0_MS) for seq in range(1, 7)])
        bench.judged((1, 1))
        bench.sweep()
    with closing(open_journal(config.parent / "rules-journal.sqlite")) as db, db.transaction():
        add_range(db, STREAM, JUDGED, 2, 3)
        add_range(db, STREAM, REFUSED, 5, 5)
    gaps = json.loads(run(ledger_app, "--config", config, "--day", DAY, "--json").output)["gaps"]
    assert [(gap["first"], gap["last"]) for gap in gaps] == [(2, 6)]
    left = _by_journal(LedgerView(config.parent / "ingest-book.sqlite").gaps(lambda _: True),
                       config.parent / "rules-journal.sqlite")  # fmt: skip
    assert [(gap.first, gap.last) for gap in left] == [(4, 4), (6, 6)]


def test_a_loss_is_loud_and_the_status_says_so(config: Path) -> None:
    fill(config, lost=1)
    result = run(ledger_app, "--config", config, "--day", DAY)
    assert result.exit_code == 1
    for words in ("有丢失", "网关报告已丢弃", "they are gone"):
        assert words in result.output


def test_another_gateway_or_day_is_silence_not_health(config: Path) -> None:
    fill(config)
    for choice in (("--gateway", "clinic-02"), ()):
        day = DAY if choice else "2023-11-14"
        result = run(ledger_app, "--config", config, "--day", day, *choice)
        assert (result.exit_code, "silence is not health" in result.output) == (0, True), result.output


def test_mistakes_are_said_in_one_sentence(config: Path) -> None:
    with pytest.raises(UserError, match="run ingest first"):
        run(ledger_app, "--config", config)
    fill(config)
    with pytest.raises(UserError, match=r"not '15\.11\.2023'"):
        run(ledger_app, "--config", config, "--day", "15.11.2023")


def test_a_token_is_made_listed_used_and_revoked(config: Path) -> None:
    made = run(ingest_app, "token", "new", "--config", config, "--name", "县信息科", "--site", "clinic-*",
               "--may", "ledger", "--days", 30)  # fmt: skip
    token = made.output.strip()
    tokens = Tokens(config.parent / "ingest-api.sqlite", system_clock)
    admitted = tokens.admit(token)
    assert admitted is not None
    assert (admitted.rights, admitted.sites.patterns) == (frozenset({Right.LEDGER}), ("clinic-*",))
    listed = run(ingest_app, "token", "list", "--config", config)
    assert (admitted.id in listed.output, token.split("_", 2)[2] in listed.output) == (True, False)
    run(ingest_app, "token", "revoke", admitted.id, "--config", config)
    assert tokens.admit(token) is None
    assert "revoked" in run(ingest_app, "token", "list", "--config", config).output


def test_a_site_that_is_none_is_refused(config: Path) -> None:
    with pytest.raises(UserError, match=r"clinic-01、clinic-\*"):
        run(
            ingest_app,
            "token",
            "new",
            "--config",
            config,
            "--name",
            "x",
            "--site",
            "Clinic",
            "--may",
            "ledger",
        )


def test_looks_can_be_looked_at(config: Path) -> None:
    tokens = Tokens(config.parent / "ingest-api.sqlite", system_clock)
    token = tokens.admit(tokens.make("a clerk", Sites(("*",)), [Right.RESIDENTS]))
    assert token is not None
    tokens.note(token, ["r-1", "r-2"], "latest")
    shown = run(ingest_app, "looks", "--config", config, "--resident", "r-2").output
    assert ("r-2" in shown, "r-1" in shown, "latest" in shown) == (True, False, True)
