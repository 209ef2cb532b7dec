"""Stories of several findings about one resident: one escalation, no second message for the same thing,
and never a first red that nobody is told of."""

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

# A red that takes 15 s, a red that takes one reading, and a yellow above both.
THREE = b"""\
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
  - id: spo2-watch
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", below: 95}
    clear: {at_or_above: 96, for_s: 30}
    lane: page
    source: a test
"""

RED_ONLY = THREE[: THREE.index(b"  - id: spo2-watch")]


@pytest.fixture
def reds(tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    with closing(Bench(tmp_path, sink, packs=RED_ONLY)) as bench:
        yield bench


@pytest.fixture
def three(tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    with closing(Bench(tmp_path, sink, packs=THREE)) as bench:
        yield bench


def lives(bench: Bench, seconds: int, spo2_pct: float) -> None:
    """Readings every second, with messages going out as they come due."""
    for _ in range(seconds):
        bench.desaturate(1, spo2_pct)
        bench.engine.tick()
        bench.notifier.send_due()


def findings(bench: Bench) -> list[str]:
    return [rule for (rule,) in bench.rows("SELECT rule FROM finding ORDER BY found_ms")]


def test_two_rules_of_one_fall_make_one_escalation_and_one_message(reds: Bench) -> None:
    lives(reds, 60, 82)
    assert reds.told == ["V"]
    assert reds.escalation().rules == ("spo2-deep", "spo2-low")
    assert findings(reds) == ["spo2-deep", "spo2-low"]
    assert "escalation_joined" in str(reds.rows("SELECT body FROM event"))


def test_something_graver_asks_again_at_once_from_the_nearest(three: Bench) -> None:
    lives(three, 5, 94)
    assert three.told == ["V"]
    three.answers(Answer.SEEN)
    lives(three, 20, 90)
    assert three.told == ["V", "V"]
    assert "再次提醒, 红色预警" in three.sink.texts[1]
    assert (three.escalation().grade, three.escalation().status) == (Grade.RED, Status.OPEN)
    three.passes(300)
    assert three.told == ["V", "V", "T"]  # the earlier `seen` was about the lesser finding


def test_another_rule_reminds_whoever_has_seen_it_soon(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.SEEN)
    lives(reds, 60, 90)
    lives(reds, 1, 80)
    assert reds.told == ["V"]
    reds.passes(300)
    assert reds.told == ["V", "V"]  # after five minutes, where the reminder alone would take thirty


def test_flapping_for_a_quarter_of_an_hour_is_one_escalation(reds: Bench) -> None:
    for _ in range(20):
        lives(reds, 16, 93)
        lives(reds, 31, 95)
    assert reds.escalation().status is Status.OPEN
    assert reds.told == ["V", "T", "V", "T"]  # nobody has answered, so the rounds go on
    assert len(findings(reds)) == 20


def test_flapping_that_somebody_has_seen_waits_for_the_reminder(reds: Bench) -> None:
    lives(reds, 20, 93)
    reds.answers(Answer.SEEN)
    for _ in range(18):
        lives(reds, 31, 95)
        lives(reds, 16, 93)
    assert reds.told == ["V"]


def test_what_comes_back_after_long_asks_anew_even_where_it_was_seen(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.SEEN)
    lives(reds, 40, 98)
    reds.now_ms += 1_000_000  # longer than the quiet time, shorter than the reminder
    lives(reds, 20, 90)
    assert reds.told == ["V", "V"]
    assert reds.escalation().status is Status.OPEN


def test_a_repeat_soon_after_an_outcome_waits_for_review(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.CONTACTED)
    lives(reds, 40, 98)
    lives(reds, 20, 90)
    lives(reds, 40, 98)
    reds.passes(2000)
    assert reds.told == ["V"]
    lanes = reds.rows("SELECT json_extract(body, '$.lane'), status FROM escalation ORDER BY opened_ms")
    assert lanes == [("page", "closed"), ("review", "open")]


def test_but_a_repeat_that_has_not_recovered_by_the_end_of_the_quiet_time_pages(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.FALSE_ALARM)
    lives(reds, 40, 98)
    lives(reds, 20, 90)
    assert reds.told == ["V"]
    reds.passes(700)
    assert reds.told == ["V"]
    reds.passes(200)
    assert reds.told == ["V", "V"]


def test_but_another_rule_pages_in_the_quiet_time(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.CONTACTED)
    lives(reds, 40, 98)
    lives(reds, 20, 90)
    lives(reds, 1, 80)
    assert reds.told == ["V", "V"]


def test_but_what_another_rule_finds_first_pages_in_the_quiet_time(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.CONTACTED)
    lives(reds, 40, 98)
    lives(reds, 1, 80)
    assert reds.told == ["V", "V"]


def test_but_after_the_quiet_time_a_repeat_pages(reds: Bench) -> None:
    lives(reds, 20, 90)
    reds.answers(Answer.CONTACTED)
    lives(reds, 40, 98)
    reds.now_ms += 900_000
    lives(reds, 20, 90)
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


def test_a_first_red_pages_while_a_review_is_open(reds: Bench) -> None:
    start = reds.now_ms - 6 * 3_600_000
    reds.deliver(*[reds.reading(90, t=start + 1000 * second) for second in range(60)])
    reds.deliver(*[reds.reading(98, t=start + 100_000 + 1000 * second) for second in range(60)])
    assert reds.told == []
    lives(reds, 20, 90)
    assert reds.told == ["V"]


def test_two_residents_are_two_escalations(reds: Bench) -> None:
    lives(reds, 20, 90)
    for _ in range(20):
        reds.deliver(reds.reading(90, resident="R-OTHER"))
        reds.now_ms += 1000
    reds.notifier.send_due()
    assert reds.told == ["V", "V"]


def test_the_next_person_at_a_device_without_check_in_is_not_taken_for_the_last(reds: Bench) -> None:
    def unknown(seconds: int, spo2_pct: float) -> None:
        for _ in range(seconds):
            reds.deliver(reds.reading(spo2_pct, resident=None))
            reds.now_ms += 1000
        reds.notifier.send_due()

    unknown(20, 82)  # two rules, one visit: one message
    assert reds.told == ["V"]
    unknown(40, 98)
    unknown(20, 90)  # well for a while, then low again: perhaps somebody else
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


def test_recovery_is_told_and_closes_nothing(reds: Bench) -> None:
    lives(reds, 20, 90)
    lives(reds, 40, 98)
    assert reds.history().count("recovered") == 1
    assert (reds.escalation().status, reds.escalation().raised) == (Status.OPEN, ())
