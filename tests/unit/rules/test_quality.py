"""How good the alarms are: counted by hand, from histories of real stories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import app
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.quality.command import _episodes
from cunmai_rules.quality.episodes import Episode, Message, Verdict
from cunmai_rules.quality.measures import DAY_MS, Wait, measure, wilson
from cunmai_wire.events import Answer, Lane
from support.rules_bench import Bench

NEVER = dict.fromkeys(Verdict, 0)


def sent(*contacts: str) -> tuple[Message, ...]:
    return tuple(Message(contact, 1_002_000) for contact in contacts)


def episode(**changes: object) -> Episode:
    base = {
        "rule": "spo2-low", "gateway": "cz-01", "lane": Lane.PAGE, "opened_ms": 1_000_000, "messages": sent("village"),
        "accepted_ms": 1_002_000, "delivered_ms": None, "answered_ms": 1_100_000, "outcome_ms": 1_400_000,
        "verdict": Verdict.ACTED,
    }  # fmt: skip
    return Episode(**(base | changes))  # type: ignore[arg-type]


def unanswered(**changes: object) -> Episode:
    return episode(answered_ms=None, outcome_ms=None, verdict=Verdict.OPEN, **changes)


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    # By hand from the formula; 8 of 10 and 0 of 10 are the usual examples (0.490-0.943, 0-0.278).
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (0, 0, 0.0, 1.0)],
)
def test_the_interval_of_a_share(right: int, count: int, low: float, high: float) -> None:
    assert wilson(right, count) == pytest.approx((low, high), abs=5e-5)


def test_precision_counts_only_what_somebody_judged() -> None:
    episodes = [episode()] * 3 + [
        episode(verdict=Verdict.FALSE),
        unanswered(),
        episode(verdict=Verdict.OTHER),
    ]
    (rule,) = measure(episodes, DAY_MS).rules
    assert (rule.pages, rule.reviews, rule.judged, rule.precision) == (6, 0, 4, 0.75)
    assert rule.verdicts == NEVER | {
        Verdict.ACTED: 3, Verdict.FALSE: 1, Verdict.OPEN: 1, Verdict.OTHER: 1
    }  # fmt: skip


def test_a_rule_that_nobody_judged_has_no_precision() -> None:
    (rule,) = measure([unanswered()], DAY_MS).rules
    assert rule.precision is None
    assert rule.interval == (0.0, 1.0)


def test_load_is_counted_by_message_and_nuisance_by_what_came_of_it() -> None:
    asked_two = episode(messages=sent("village", "township"), verdict=Verdict.FALSE)
    quality = measure([episode(), asked_two, episode(verdict=Verdict.WITHDRAWN, gateway="cz-02")], 2 * DAY_MS)
    village, township = quality.contacts
    assert (village.who, village.messages, village.nuisance, village.per_day) == ("village", 3, 2, 1.5)
    assert (township.who, township.messages, township.nuisance, township.per_day) == ("township", 1, 1, 0.5)
    assert [(site.who, site.messages) for site in quality.sites] == [("cz-01", 3), ("cz-02", 1)]


def test_who_never_answers_is_not_counted_as_fast() -> None:
    slow = [episode(answered_ms=1_000_000 + n * 1000, outcome_ms=None) for n in range(1, 11)]
    waits = measure([*slow, unanswered(), unanswered(), episode(lane=Lane.REVIEW)], DAY_MS).waits
    # Of ten waits of 1..10 s, the nearest-rank median is the 5th and the 90th percentile the 9th.
    assert waits["answer"] == Wait(count=12, never=2, p50_s=5.0, p90_s=9.0)
    assert waits["outcome"] == Wait(count=12, never=12, p50_s=None, p90_s=None)
    assert waits["delivery"].never == 12


@pytest.fixture
def journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench's own, wherever it is."""
    monkeypatch.setattr(
        "cunmai_rules.quality.command.existing_journal", lambda _: open_journal(bench.journal)
    )


@pytest.mark.usefixtures("journal")
def test_a_story_from_the_journal(bench: Bench) -> None:
    """Found, sent after 2 s, seen, contacted; then another resident's false alarm that was first seen."""
    bench.desaturate()
    opened_ms = bench.escalation().opened_ms
    bench.passes(2)
    bench.passes(60)
    (first,) = [one.id for one in bench.desk.escalations.newest(5)]
    bench.desk.answer(first, "village", Answer.SEEN, bench.now_ms)
    bench.passes(30)
    bench.desk.answer(first, "village", Answer.CONTACTED, bench.now_ms)
    (told,) = _episodes(bench.settings, opened_ms, opened_ms + 1)
    assert told.verdict is Verdict.ACTED
    assert [one.contact for one in told.messages] == ["village"]
    assert (told.answered_ms, told.outcome_ms) == (bench.now_ms - 30_000, bench.now_ms)
    bench.desk.answer(first, "village", Answer.FALSE_ALARM, bench.now_ms)
    (changed,) = _episodes(bench.settings, opened_ms, opened_ms + 1)
    assert changed.verdict is Verdict.FALSE  # the last word counts
    assert list(_episodes(bench.settings, opened_ms + 1, opened_ms + DAY_MS)) == []


@pytest.mark.usefixtures("journal")
def test_the_command_prints_tables_and_json(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.desaturate()
    bench.passes(2)
    bench.desk.answer(bench.escalation().id, "village", Answer.REFERRED, bench.now_ms)
    monkeypatch.setattr("cunmai_rules.quality.command.system_clock", lambda: bench.now_ms)
    monkeypatch.setattr("cunmai_rules.quality.command.load_model", lambda *_: bench.settings)
    shown = CliRunner().invoke(app, ["quality", "--config", str(tmp_path / "rules.yaml"), "--json"])
    (rule,) = json.loads(shown.output)["rules"]
    assert (rule["rule"], rule["pages"], rule["precision"]) == ("spo2-low", 1, 1.0)
    shown = CliRunner().invoke(
        app, ["quality", "--config", str(tmp_path / "rules.yaml")], env={"COLUMNS": "140"}
    )
    assert shown.exit_code == 0
    assert "100% (21%-100%) 样本少 few" in shown.output
    assert "上村卫生室 cz-01" in shown.output


@pytest.mark.usefixtures("journal")
def test_load_is_by_the_days_that_there_is_data_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two messages in the half day since the service began are four a day, not a fifteenth of one."""
    site = bench.settings.sites[0].model_copy(update={"gateway": "cz-99"})
    object.__setattr__(bench.settings, "sites", (site,))
    with bench.db.transaction():
        bench.db.execute("INSERT INTO sites (id, name, tier) VALUES ('s-1', '登记簿里的村', 'village')")
        bench.db.execute("INSERT INTO gateways (gateway, site) VALUES ('cz-01', 's-1')")
    began_ms = bench.now_ms
    bench.desaturate()
    bench.passes(2)
    bench.passes(301)
    bench.now_ms = began_ms + DAY_MS // 2
    monkeypatch.setattr("cunmai_rules.quality.command.system_clock", lambda: bench.now_ms)
    monkeypatch.setattr("cunmai_rules.quality.command.load_model", lambda *_: bench.settings)
    shown = CliRunner().invoke(app, ["quality", "--config", "rules.yaml", "--json"])
    told = json.loads(shown.output)
    assert (told["days"], told["days_wanted"]) == (0.5, 30)
    assert sum(load["messages"] for load in told["contacts"]) == 2
    assert sum(load["per_day"] for load in told["contacts"]) == 4
    shown = CliRunner().invoke(app, ["quality", "--config", "rules.yaml"], env={"COLUMNS": "160"})
    assert "0.5 days with data (30 were asked for)" in shown.output
    assert "登记簿里的村 cz-01" in shown.output
