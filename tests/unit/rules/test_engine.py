"""From a message to an escalation, an accepted SMS, events and receipts."""

from __future__ import annotations

import json

import pytest

from cunmai_rules.journal.database import StatementRefused
from cunmai_wire.events import Answer, parse_events
from cunmai_wire.topics import Channel, gateway_topic
from support.rules_bench import GATEWAY, STREAM, Bench
from support.servers import wait_until


def covered(bench: Bench) -> set[int]:
    """Every sequence number that a receipt has named."""
    return {
        seq
        for receipt in bench.receipts
        for first, last in receipt["ranges"]
        for seq in range(first, last + 1)
    }


def test_a_desaturation_ends_in_one_accepted_sms(bench: Bench) -> None:
    bench.desaturate(40)
    bench.notifier.send_due()
    (text,) = bench.sink.texts
    assert text == (
        "【村脉】红色预警: 居民 R-7F3K 血氧 90%→, 脉率 112, 11:04 上村卫生室. 规则 spo2-low "
        f"{bench.in_force.rules.versions['oximetry']}. 请点开答复 http://127.0.0.1:8087/e/"
        f"{bench.desk.token(next(iter(bench.sink.taken)))}"
    )
    assert bench.notifier.send_due() == 0
    assert bench.sink.repeated == []


def test_a_falling_value_carries_a_falling_arrow(bench: Bench) -> None:
    for spo2_pct in (98, 98, 97, 95):
        bench.desaturate(1, spo2_pct)
    bench.desaturate(20, 89)
    bench.notifier.send_due()
    assert "89%↓" in bench.sink.texts[0]


def test_a_message_carries_no_phone_number_and_goes_to_the_roster_as_it_is(bench: Bench) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    (message,) = bench.sink.taken.values()
    assert message["data"]["to"] == "13800000001"
    assert "13800000001" not in message["data"]["text"]
    assert all("138000" not in str(row) for row in bench.rows("SELECT * FROM notice"))


def test_every_reading_is_receipted_by_rules(bench: Bench) -> None:
    bench.desaturate(5)
    assert covered(bench) == {1, 2, 3, 4, 5}
    assert {receipt["consumer"] for receipt in bench.receipts} == {"rules"}


def test_a_reading_sent_twice_changes_nothing_and_is_receipted_again(bench: Bench) -> None:
    readings = [bench.reading(90, t=bench.now_ms + 1000 * second) for second in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    before = bench.rows("SELECT * FROM escalation"), bench.rows("SELECT count(*) FROM observation")
    bench.receipts.clear()
    bench.deliver(*readings)
    bench.restart()
    bench.deliver(*readings)
    assert (bench.rows("SELECT * FROM escalation"), bench.rows("SELECT count(*) FROM observation")) == before
    assert covered(bench) == set(range(1, 21))
    assert len(before[0]) == 1


def test_an_unattributed_reading_pages_too(bench: Bench) -> None:
    for _ in range(20):
        bench.deliver(bench.reading(90, resident=None))
        bench.now_ms += 1000
    bench.notifier.send_due()
    assert "未登记居民(设备 oxi-1)" in bench.sink.texts[0]


def test_a_gateway_that_no_site_lists_still_pages_somebody(bench: Bench) -> None:
    for _ in range(20):
        bench.deliver(bench.reading(90), gateway="cz-99")
        bench.now_ms += 1000
    bench.notifier.send_due()
    (message,) = bench.sink.taken.values()
    assert message["data"]["to"] == "13800000002"
    assert "cz-99" in message["data"]["text"]


def test_two_residents_at_one_device_are_two_subjects(bench: Bench) -> None:
    for _ in range(8):
        bench.deliver(bench.reading(90), bench.reading(90, resident="R-OTHER"))
        bench.now_ms += 1000
    assert bench.rows("SELECT id FROM subject ORDER BY id") == [("R-7F3K",), ("R-OTHER",)]
    assert bench.rows("SELECT * FROM escalation") == []


def test_bad_input_is_refused_with_a_reason_and_the_rest_is_judged(bench: Bench) -> None:
    bench.deliver(
        bench.reading(98),
        bench.reading(98, kind="ecg"),
        bench.reading(98, t=86_400_000),
        bench.reading(98, t=3_786_912_000_000),
        bench.reading("98"),  # type: ignore[arg-type]  # on purpose
        bench.reading(98),
    )
    assert covered(bench) == {1, 2, 3, 4, 5, 6}
    (receipt,) = bench.receipts
    assert receipt["quarantined"] == [[2, 5]]
    assert bench.rows("SELECT seq FROM observation ORDER BY seq") == [(1,), (6,)]
    assert bench.rows("SELECT what, first, last FROM held ORDER BY first") == [
        ("judged", 1, 1),
        ("refused", 2, 5),
        ("judged", 6, 6),
    ]


def test_an_unreadable_message_is_counted_and_harms_nothing(bench: Bench) -> None:
    bench.deliver_raw(gateway_topic(GATEWAY, Channel.READINGS), b"\xff not json")
    bench.deliver(bench.reading(98))
    assert covered(bench) == {1}


def test_late_readings_go_to_review_and_no_sms_is_sent(bench: Bench) -> None:
    six_hours_ms = 6 * 3_600_000
    start = bench.now_ms - six_hours_ms
    bench.deliver(*[bench.reading(88, t=start + 1000 * second) for second in range(60)])
    bench.notifier.send_due()
    assert bench.sink.taken == {}
    assert [json.loads(body)["lane"] for (body,) in bench.rows("SELECT body FROM escalation")] == ["review"]


def test_without_an_answer_the_next_contact_is_told(bench: Bench) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    bench.passes(299)  # the carrier took it just now
    assert len(bench.sink.taken) == 1
    bench.passes(2)
    assert [message["data"]["to"] for message in bench.sink.taken.values()] == ["13800000001", "13800000002"]


def test_an_outcome_ends_it(bench: Bench) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    ((id_,),) = bench.rows("SELECT id FROM escalation")
    bench.desk.answer(id_, "village", Answer.CONTACTED, bench.now_ms)
    bench.passes(100_000)
    assert len(bench.sink.taken) == 1
    assert bench.rows("SELECT status FROM escalation") == [("closed",)]


def test_a_webhook_that_answers_500_for_a_minute_gets_it_in_the_end_once(bench: Bench) -> None:
    bench.sink.statuses = [500] * 6
    bench.desaturate()
    for _ in range(90):
        bench.passes(1)
    assert len(bench.sink.taken) == 1
    assert bench.sink.requests == 7
    ((state, attempts, error),) = bench.rows("SELECT state, attempts, error FROM notice")
    assert (state, attempts, error) == ("accepted", 7, None)
    history = [type_ for (type_,) in bench.rows("SELECT type FROM history ORDER BY n")]
    assert history.count("notice_postponed") == 1  # the same failure is told once


def test_a_webhook_that_refuses_moves_to_the_next_contact_at_once(bench: Bench) -> None:
    bench.sink.statuses = [400]
    bench.desaturate()
    bench.notifier.send_due()
    bench.notifier.send_due()
    assert [message["data"]["to"] for message in bench.sink.taken.values()] == ["13800000002"]
    assert bench.rows("SELECT state, error FROM notice ORDER BY number") == [
        ("failed", "HTTP 400"),
        ("accepted", None),
    ]


def test_a_kill_between_acceptance_and_its_record_repeats_only_the_request(bench: Bench) -> None:
    bench.desaturate()
    assert bench.notifier.start_due() == 1
    wait_until(lambda: bench.sink.taken, what="it is accepted")  # and then the lights go out
    (notice,) = bench.sink.taken
    bench.restart()
    bench.notifier.send_due()
    assert bench.sink.repeated == [notice]  # the receiver knows it by its idempotency key
    assert len(bench.sink.taken) == 1


def test_events_wait_for_ingests_receipt(bench: Bench) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    (pending,) = bench.desk.events.pending(bench.now_ms, bench.now_ms)
    body = (
        f'{{"v":1,"source":"rules","stream":"{bench.desk.events.stream()}","sent":1,'
        f'"events":[{",".join(pending.bodies)}]}}'
    )
    parsed = parse_events(body.encode())
    assert [event.type for event in parsed.events] == [
        "grade_changed",
        "escalation_opened",
        "alarm_counted",
        "notice_changed",
        "notice_changed",
        "alarm_counted",
        "message_counted",
    ]
    bench.desk.events.sent(pending, bench.now_ms)
    assert bench.desk.events.pending(bench.now_ms, bench.now_ms) == []
    assert bench.desk.events.pending(bench.now_ms + 1, bench.now_ms + 1) == [pending]
    receipt = {"v": 1, "stream": bench.desk.events.stream(), "ranges": [[1, 2]]}
    topic = gateway_topic("rules", Channel.RECEIPTS)
    bench.deliver_raw(topic, json.dumps(receipt | {"consumer": "somebody"}).encode())
    bench.deliver_raw(topic, json.dumps(receipt | {"consumer": "ingest", "stream": STREAM}).encode())
    assert bench.desk.events.waiting() == 7
    bench.deliver_raw(topic, json.dumps(receipt | {"consumer": "ingest"}).encode())
    assert bench.desk.events.waiting() == 5


def test_history_cannot_be_changed(bench: Bench) -> None:
    bench.desaturate()
    with pytest.raises(StatementRefused, match="append-only"):
        bench.db.execute("UPDATE history SET actor = 'nobody'")
    with pytest.raises(StatementRefused, match="append-only"):
        bench.db.execute("DELETE FROM history")
    with pytest.raises(StatementRefused, match="cannot be removed"):
        bench.db.execute("DELETE FROM escalation")


def test_old_readings_are_forgotten_but_not_that_they_were_judged(bench: Bench) -> None:
    bench.desaturate(3, 98)
    bench.now_ms += 31 * 24 * 3_600_000
    assert bench.engine.forget_old() == 3
    bench.receipts.clear()
    bench._seq = 0
    bench.deliver(bench.reading(98))
    assert covered(bench) == {1}
    assert bench.rows("SELECT count(*) FROM observation") == [(0,)]
