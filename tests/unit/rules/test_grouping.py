"""Several findings about one resident, at the edges: what belongs together, and what a clock set back must not hide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_rules.escalation.grouping import belongs
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.thresholds.events import Escalate, Reason
from cunmai_wire.events import Answer, Grade, Lane
from support.rules_bench import Bench
from support.sms_sink import SmsSink

# A red that takes 15 s, and one that takes one reading.
REDS = b"""\
pack: oximetry
version: 7
title: {zh: test, en: test}
rules:
  - id: spo2-low
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15}
    clear: {at_or_above: 95, for_s: 30}
    lane: page
    source: a test
  - id: spo2-deep
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", below: 85}
    clear: {at_or_above: 90, for_s: 30}
    lane: page
    source: a test
"""


@pytest.fixture
def reds(tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    with closing(Bench(tmp_path, sink, packs=REDS)) as bench:
        yield bench


def lives(bench: Bench, seconds: int, spo2_pct: float) -> None:
    """Readings every second, with messages going out as they come due."""
    for _ in range(seconds):
        bench.desaturate(1, spo2_pct)
        bench.engine.tick()
        bench.notifier.send_due()


def findings(bench: Bench) -> list[str]:
    return [rule for (rule,) in bench.rows("SELECT rule FROM finding ORDER BY found_ms")]


def test_flapping_for_a_quarter_of_an_hour_is_one_escalation(reds: Bench) -> None:
    for _ in range(20):
        lives(reds, 16, 93)
        lives(reds, 31, 95)
    assert reds.escalation().status is Status.OPEN
    assert reds.told == ["V", "T", "V", "T"]  # nobody has answered, so the rounds go on
    assert len(findings(reds)) == 20


def test_what_another_rule_finds_first_pages_in_the_quiet_time(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.CONTACTED)
    lives(reds, 40, 98)
    lives(reds, 1, 80)
    assert reds.told == ["V", "V"]


def test_a_clock_set_back_suppresses_nothing(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.CONTACTED)
    lives(reds, 40, 98)
    closed_ms = reds.escalation().closed_ms
    assert closed_ms is not None
    reds.rows(f"UPDATE escalation SET body = json_set(body, '$.closed_ms', {closed_ms + 10**7})")
    lives(reds, 20, 90)
    assert reds.told == ["V", "V"]


@pytest.mark.parametrize(
    ("resident", "rule", "after_s", "joins"),
    [
        ("R-1", "spo2-low", 86_400, True),
        (None, "spo2-deep", 60, True),
        (None, "spo2-deep", 601, False),
        (None, "spo2-low", 60, False),  # found anew without a recovery: the evidence had ended between
    ],
)
def test_what_belongs_together(resident: str | None, rule: str, after_s: int, joins: bool) -> None:
    escalation = Escalation(
        id="e1", subject="s", gateway="g", device="d", resident=resident, rule="spo2-low", version="1-0",
        grade=Grade.RED, lane=Lane.PAGE, reason="limit_met", stream="s", seq=1, reading_t_ms=0, opened_ms=0,
        contacts=("village",), rules=("spo2-low",), raised=("spo2-low",), found_ms=0,
    )  # fmt: skip
    found = Escalate("k", rule, "1-0", Grade.RED, Lane.PAGE, Reason.LIMIT_MET, after_s * 1000, None)
    assert belongs(escalation, found, after_s * 1000) is joins
