"""The figures as they are told: each once, and taken back where somebody changes their mind."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from cunmai_rules.escalation.receipts import CarrierReceipt
from cunmai_rules.journal.escalations import Entry
from cunmai_rules.quality import counting
from cunmai_rules.quality.episodes import Episode, Message, Verdict, episode_of
from cunmai_rules.selftest.names import DEVICE
from cunmai_wire.events import Answer, Lane
from support.rules_bench import Bench


def told(bench: Bench, type_: str) -> list[dict[str, Any]]:
    """The events of one type, oldest first."""
    bodies = [json.loads(body) for (body,) in bench.rows("SELECT body FROM event ORDER BY n")]
    return [body for body in bodies if body["type"] == type_]


def sums(bench: Bench, type_: str) -> dict[str, int]:
    """What a panel would make of them: every count that is not nought."""
    total: Counter[str] = Counter()
    for event in told(bench, type_):
        total.update({name: value for name, value in event.items() if isinstance(value, int)})
    return {name: count for name, count in total.items() if name != "t" and count}


def answers(bench: Bench, given: Answer) -> None:
    with bench.db.transaction():
        bench.answers(given)


def test_each_step_is_counted_once_and_at_the_opening(bench: Bench) -> None:
    bench.desaturate()
    bench.passes(2)
    for given in (Answer.SEEN, Answer.SEEN, Answer.CONTACTED, Answer.CONTACTED):
        bench.now_ms += 10_000
        answers(bench, given)
    assert sums(bench, "alarm_counted") == {
        "pages": 1,
        "accepted": 1,
        "answered": 1,
        "outcomes": 1,
        "acted": 1,
    }
    events = told(bench, "alarm_counted")
    assert {one["t"] for one in events} == {bench.escalation().opened_ms}
    waits = {name: one[name] for one in events for name in one if name.endswith("_s")}
    assert waits == {"acceptance_s": 7.0, "answer_s": 17.0, "outcome_s": 37.0}


def test_a_changed_answer_takes_back_what_it_had_counted(bench: Bench) -> None:
    bench.desaturate()
    bench.passes(2)
    sent_ms = bench.now_ms
    answers(bench, Answer.FALSE_ALARM)
    assert sums(bench, "message_counted") == {"messages": 1, "nuisance": 1}
    bench.now_ms += 60_000
    answers(bench, Answer.REFERRED)
    assert sums(bench, "alarm_counted") == {
        "pages": 1,
        "accepted": 1,
        "answered": 1,
        "outcomes": 1,
        "acted": 1,
    }
    assert sums(bench, "message_counted") == {"messages": 1}
    assert {(one["t"], one["person"]) for one in told(bench, "message_counted")} == {(sent_ms, "village")}


def test_no_figure_is_about_anybody(bench: Bench) -> None:
    bench.desaturate()
    bench.passes(2)
    answers(bench, Answer.CONTACTED)
    for event in (*told(bench, "alarm_counted"), *told(bench, "message_counted")):
        assert not {"resident", "device"} & set(event)
        assert "R-7F3K" not in json.dumps(event)


def test_a_self_test_is_no_figure(bench: Bench) -> None:
    own = {"gateway": bench.settings.id, "stream": "1c8fa063-7a3f-4f1f-8e54-4b9b42a3d112"}
    for _ in range(20):
        bench.deliver(bench.reading(90, device=DEVICE, resident="SELF-TEST"), **own)
        bench.now_ms += 1000
    bench.passes(2)
    assert told(bench, "escalation_opened")
    assert told(bench, "alarm_counted") == told(bench, "message_counted") == []


def test_a_receipt_that_is_faster_than_the_carriers_word_counts_the_message_once(bench: Bench) -> None:
    """The phone has it before the request that sent it has come back."""
    bench.desaturate()
    (notice,) = bench.desk.escalations.notices(bench.escalation().id)
    with bench.db.transaction():
        given = bench.desk.notices.sending(notice, "webhook", "mark", bench.now_ms)
        assert given is not None
        receipt = CarrierReceipt(provider="webhook", delivered=True, reason="ok", notice=notice.id)
        bench.desk.notices.receipt(receipt, bench.now_ms)
        bench.desk.notices.accepted(given, "its-id", None, bench.now_ms + 500)
    assert sums(bench, "message_counted") == {"messages": 1}
    assert sums(bench, "alarm_counted") == {"pages": 1, "accepted": 1, "delivered": 1}
    told_of = episode_of(bench.escalation(), bench.desk.escalations.history(bench.escalation().id))
    assert told_of.messages == (Message("village", bench.now_ms),)


@pytest.fixture
def task() -> Episode:
    return Episode("bp", "cz-01", Lane.REVIEW, 1000, (), None, None, None, None, Verdict.OPEN, team="team-a")


def test_a_task_that_becomes_a_page_is_one_page_and_no_task(task: Episode) -> None:
    first = counting.opened(task)
    page = Episode("bp", "cz-01", Lane.PAGE, 1000, (), None, None, None, None, Verdict.OPEN, team="team-a")
    then = counting.moved(Lane.REVIEW, page)
    assert (first.fields["reviews"], then.fields["reviews"], then.fields["pages"]) == (1, -1, 1)
    assert {first.t_ms, then.t_ms} == {1000}
    assert {first.fields["team"], then.fields["team"]} == {"team-a"}


def test_a_message_about_many_counts_for_the_one_that_carried_it(bench: Bench) -> None:
    """The others were told all the same: their wait for the carrier is over."""
    bench.desaturate()
    opened, at_ms = bench.escalation(), bench.now_ms
    part = Entry(at_ms, "notice_accepted", "carrier", {"contact": "village", "summary": "n0"})
    told_of = episode_of(opened, [part])
    assert (told_of.messages, told_of.accepted_ms) == ((), at_ms)
    carrier = Entry(at_ms, "notice_accepted", "carrier", {"contact": "village"})
    assert episode_of(opened, [carrier]).messages == (Message("village", at_ms),)
