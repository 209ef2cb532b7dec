"""A gateway that was taken down: a person ends its silence, and nothing else ends with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cunmai_rules.cli import app as commands
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.retiring import Retired, retire
from cunmai_wire.topics import Channel, gateway_topic
from support.rules_bench import GATEWAY, LINK_KEY, STREAM, Bench

PACK = """\
pack: gateways
version: 1
title: {zh: 网关, en: Gateways}
rules:
  - id: gateway-silent
    title: {zh: 网关失联, en: Gateway silent}
    grade: yellow
    when: {nothing_heard: gateway_status, for_s: 600}
    lane: review
    source: a test
  - id: spo2-low
    title: {zh: 血氧, en: Low oxygen}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", below: 85}
    clear: {at_or_above: 90}
    lane: page
    source: a test
"""
DAY_S = 86_400


@pytest.fixture
def silent(bench: Bench) -> Bench:
    """A gateway that has spoken once, and then no more."""
    (bench.folder / "packs" / "oximetry.yaml").write_text(PACK)
    assert bench.in_force.poll()
    bench.engine.rules = bench.in_force.rules
    speaks(bench)
    bench.passes(601)
    return bench


def speaks(bench: Bench, at_ms: int | None = None) -> None:
    state = {
        "v": 1, "gateway": GATEWAY, "presence": "offline", "at": at_ms or bench.now_ms, "clock": "trusted",
        "stream": STREAM, "measured": 7, "software": "0.1",
    }  # fmt: skip
    bench.deliver_raw(gateway_topic(GATEWAY, Channel.STATE), json.dumps(state).encode())


def retires(bench: Bench) -> Retired:
    with bench.db.transaction():
        return retire(bench.db, bench.desk, GATEWAY, "operator", bench.now_ms)


def grades(bench: Bench, rule: str) -> list[tuple[str, str]]:
    """Each grade that was told of a rule, and why."""
    events: list[dict[str, Any]] = [
        json.loads(body) for (body,) in bench.rows("SELECT body FROM event ORDER BY n")
    ]
    told = [one for one in events if one["type"] == "grade_changed" and one["rule"] == rule]
    return [(one["grade"], one["reason"]) for one in told]


def test_its_silence_is_over_and_it_is_grey(silent: Bench) -> None:
    assert [one.rule for one in silent.desk.escalations.open(9)] == ["gateway-silent"]
    retired = retires(silent)
    assert (retired.subjects, len(retired.closed), retired.open) == (1, 1, ())
    assert (silent.escalation().status, silent.escalation().closed_because) == ("closed", "retired")
    assert grades(silent, "gateway-silent")[-1] == ("grey", "gateway_retired")
    silent.passes(30 * DAY_S)
    assert silent.desk.escalations.open(9) == []


def test_what_the_broker_has_kept_of_it_does_not_bring_it_back(silent: Bench) -> None:
    began_ms = silent.now_ms - 601_000
    retires(silent)
    for _ in range(3):
        silent.passes(40 * DAY_S)
        silent.engine.forget_old()
        speaks(silent, began_ms)
    silent.passes(DAY_S)
    assert silent.desk.escalations.open(9) == []


def test_what_the_broker_has_kept_does_not_end_the_silence_of_one_that_was_not_retired(silent: Bench) -> None:
    began_ms = silent.now_ms - 601_000
    silent.passes(40 * DAY_S)
    silent.engine.forget_old()
    speaks(silent, began_ms)
    assert [grade for grade, _ in grades(silent, "gateway-silent")] == ["green", "yellow"]


def test_one_that_speaks_again_is_waited_for_again(silent: Bench) -> None:
    retires(silent)
    silent.passes(DAY_S)
    speaks(silent)
    silent.passes(601)
    assert [one.rule for one in silent.desk.escalations.open(9)] == ["gateway-silent"]


def test_alarms_about_people_stay(silent: Bench) -> None:
    silent.deliver(silent.reading(80), silent.reading(80, resident=None))
    retired = retires(silent)
    left = {one.id: one.resident for one in silent.desk.escalations.open(9)}
    assert sorted(str(one) for one in left.values()) == ["None", "R-7F3K"]
    assert [left[one] for one in retired.open] == [None]
    assert retired.subjects == 2
    assert [grade for grade, _ in grades(silent, "spo2-low")].count("grey") == 1, "the device's, not hers"


def retires_by_command(bench: Bench, gateway: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setattr("cunmai_rules.commands.desk.load_model", lambda *_: bench.settings)
    monkeypatch.setattr("cunmai_rules.commands.desk.existing_journal", lambda _: open_journal(bench.journal))
    monkeypatch.setattr("cunmai_rules.commands.desk.load_or_make_key", lambda _: LINK_KEY)
    return CliRunner().invoke(commands, ["retire-gateway", gateway, "--config", "rules.yaml"])


def test_the_command(silent: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = retires_by_command(silent, GATEWAY, monkeypatch)
    assert told.output.splitlines()[0] == f"{GATEWAY}: 已停用, 结束预警 1 条 / retired, 1 closed"
    assert told.output.endswith(f"mosquitto_pub -r -n -t {gateway_topic(GATEWAY, Channel.STATE)}\n")
    unknown = retires_by_command(silent, "cz-99", monkeypatch)
    assert "have never heard of cz-99" in str(unknown.exception)


def test_of_one_that_sent_readings_and_never_its_state_nothing_false_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.deliver(bench.reading(98))
    told = retires_by_command(bench, GATEWAY, monkeypatch)
    assert told.exit_code == 0
    assert "only readings of residents came from it" in told.output.splitlines()[0]
    assert "mosquitto_pub" in told.output
