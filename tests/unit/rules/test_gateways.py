"""Gateways' state messages as readings: a last will leads to a review, through the engine as it runs."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from cunmai_rules.gateways import KEPT_MS, status_of
from cunmai_rules.slots import Slot
from cunmai_runtime.intake import Delivery
from cunmai_wire.state import GatewayState
from cunmai_wire.topics import Channel, gateway_topic
from support.rules import T0_MS
from support.rules_bench import GATEWAY, Bench

PACK = """\
pack: gateways
version: 1
title: {zh: 网关, en: Gateways}
rules:
  - id: gateway-offline
    title: {zh: 网关离线, en: Gateway offline}
    grade: yellow
    when: {reads: gateway_status.online, is: false}
    clear: {for_s: 0}
    lane: review
    stale_after_s: 86400
    source: a test
  - id: gateway-silent
    title: {zh: 网关失联, en: Gateway silent}
    grade: yellow
    when: {nothing_heard: gateway_status, for_s: 600}
    lane: review
    source: a test
  - id: clock-untrusted
    title: {zh: 时钟不可信, en: Clock not trusted}
    grade: yellow
    when: {reads: gateway_status.clock, is: [untrusted, unknown], for_s: 120}
    clear: {for_s: 0}
    lane: review
    source: a test
  - id: readings-lost
    title: {zh: 测量值丢失, en: Readings lost}
    grade: red
    when: {reads: gateway_status.lost_count, unit: "{reading}", rises_by: 1, within_s: 3600}
    clear: {for_s: 0}
    lane: page
    source: a test
"""
STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"
TOPIC = gateway_topic(GATEWAY, Channel.STATE)


@pytest.fixture
def gateways(bench: Bench) -> Bench:
    """The bench, with rules about gateways."""
    (bench.folder / "packs" / "oximetry.yaml").write_text(PACK)
    assert bench.in_force.poll()
    bench.engine.rules = bench.in_force.rules
    return bench


def message(at_ms: int, presence: str = "online", **more: Any) -> dict[str, Any]:
    return {
        "v": 1, "gateway": GATEWAY, "presence": presence, "at": at_ms, "clock": "trusted", "stream": STREAM,
        "measured": 7, "software": "0.1",
    } | more  # fmt: skip


def says(bench: Bench, presence: str = "online", **more: Any) -> dict[str, Any]:
    """A state message of this moment."""
    state = message(bench.now_ms, presence, **more)
    arrives(bench, state)
    return state


def arrives(bench: Bench, state: dict[str, Any]) -> None:
    bench.deliver_raw(TOPIC, json.dumps(state).encode())


def minutes(bench: Bench, count: int, **more: Any) -> None:
    """A gateway that is well: a message each minute."""
    for _ in range(count):
        says(bench, **more)
        bench.passes(60)


def reviews(bench: Bench) -> list[tuple[str, str, str | None, str]]:
    """Rule, lane, resident and what it is about, of each escalation; the oldest first."""
    newest = bench.desk.escalations.newest(10)
    return [(one.rule, one.lane.value, one.resident, one.subject) for one in reversed(newest)]


# -- through the engine ---------------------------------------------------------------------------------------


def test_a_last_will_leads_to_a_review_and_nobody_is_paged(gateways: Bench) -> None:
    minutes(gateways, 3)
    will = message(T0_MS, "offline")  # written when the connection began
    arrives(gateways, will)
    assert reviews(gateways) == [("gateway-offline", "review", None, f"?{GATEWAY}")]
    gateways.passes(60)
    assert gateways.told == []
    says(gateways)
    (offline,) = gateways.desk.escalations.newest(10)
    assert offline.raised == ()  # it has come back
    assert offline.reading_t_ms == T0_MS + 180_000


def test_the_grade_of_a_gateway_is_told_as_an_event(gateways: Bench) -> None:
    minutes(gateways, 1)
    arrives(gateways, message(T0_MS, "offline"))
    told = [json.loads(body) for (body,) in gateways.rows("SELECT body FROM event ORDER BY n")]
    offline = [one for one in told if one.get("rule") == "gateway-offline" and "grade" in one]
    assert [(one["type"], one["grade"], one["device"], one.get("resident")) for one in offline] == [
        ("grade_changed", "green", GATEWAY, None),
        ("grade_changed", "grey", GATEWAY, None),  # it has begun
        ("grade_changed", "yellow", GATEWAY, None),  # and lasts for as long as the rule asks: 0 s
        ("escalation_opened", "yellow", GATEWAY, None),
    ]
    assert offline[3]["priority"] == "medium"


def test_nothing_is_receipted_for_it(gateways: Bench) -> None:
    minutes(gateways, 2)
    assert gateways.receipts == []


def test_what_the_broker_has_kept_changes_nothing_when_it_comes_again(gateways: Bench) -> None:
    """After each reconnection, and also where we did not acknowledge the last hour's messages in time."""
    sent = [says(gateways)]
    for _ in range(3):
        gateways.passes(60)
        sent.append(says(gateways))
    query = "SELECT seq, t_ms, digest, decisions FROM observation ORDER BY seq"
    subjects = "SELECT id, state, due_ms FROM subject ORDER BY id"
    before = gateways.rows(query), gateways.rows(subjects)
    gateways.now_ms += 300_000
    gateways.restart()
    gateways.engine.rules = gateways.in_force.rules
    for state in [*sent, *sent]:
        arrives(gateways, state)
    assert (gateways.rows(query), gateways.rows(subjects)) == before
    assert len(before[0]) == 4


def test_what_the_broker_has_kept_of_a_silent_gateway_does_not_end_the_silence(gateways: Bench) -> None:
    last = says(gateways)
    gateways.passes(601)
    assert reviews(gateways) == [("gateway-silent", "review", None, f"?{GATEWAY}")]
    for days in range(1, 9):
        gateways.passes(days * 86_400)
        arrives(gateways, last)
    (silent,) = gateways.desk.escalations.newest(10)
    assert silent.raised == ()  # a review: raised only says what pages
    assert gateways.rows("SELECT count(*) FROM observation") == [(1,)]
    grades = [json.loads(body) for (body,) in gateways.rows("SELECT body FROM event ORDER BY n")]
    silence = [one["grade"] for one in grades if one.get("rule") == "gateway-silent" and "previous" in one]
    assert silence == ["green", "yellow"]


def test_the_silence_of_a_gateway_is_counted_from_its_last_message(gateways: Bench) -> None:
    minutes(gateways, 5)
    gateways.passes(600 - 60)
    assert reviews(gateways) == []
    gateways.passes(1)
    assert [rule for rule, *_ in reviews(gateways)] == ["gateway-silent"]


def test_a_message_that_the_broker_kept_since_before_we_began_is_as_old_as_it_says(gateways: Bench) -> None:
    kept = message(gateways.now_ms - 86_400_000)
    arrives(gateways, kept)
    gateways.passes(1)
    assert [rule for rule, *_ in reviews(gateways)] == ["gateway-silent"]
    arrives(gateways, kept)
    assert gateways.rows("SELECT seq, t_ms FROM observation") == [(1, kept["at"])]


def test_a_clock_that_is_not_trusted_for_two_minutes(gateways: Bench) -> None:
    minutes(gateways, 2, clock="untrusted")
    assert reviews(gateways) == []
    says(gateways, clock="unknown")
    assert [rule for rule, *_ in reviews(gateways)] == ["clock-untrusted"]


def test_readings_that_a_gateway_has_lost_page(gateways: Bench) -> None:
    minutes(gateways, 2, lost_total=3)
    assert reviews(gateways) == []
    says(gateways, lost_total=4)
    assert [(rule, lane) for rule, lane, *_ in reviews(gateways)] == [("readings-lost", "page")]
    gateways.notifier.send_due()
    (text,) = gateways.sink.texts
    assert text.startswith(f"【村脉】红色预警: 网关 {GATEWAY} 丢失的测量值 4")


def test_old_messages_are_dropped_and_the_newest_stays(gateways: Bench) -> None:
    minutes(gateways, 3)
    gateways.now_ms += KEPT_MS
    says(gateways)
    assert gateways.rows("SELECT seq FROM observation ORDER BY seq") == [(4,)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (TOPIC, b""),
        (TOPIC, b"{"),
        (TOPIC, b'{"v": 1}'),
        (gateway_topic("cz-02", Channel.STATE), json.dumps(message(T0_MS, measured=8)).encode()),
        ("cunmai/v1/99/cz-01/state", json.dumps(message(T0_MS, measured=8)).encode()),
        ("x/state", json.dumps(message(T0_MS, measured=8)).encode()),
    ],
)
def test_what_is_no_state_of_its_gateway_is_passed_over(gateways: Bench, topic: str, payload: bytes) -> None:
    gateways.deliver_raw(topic, payload)
    says(gateways)
    assert gateways.rows("SELECT count(*) FROM observation") == [(1,)]


def test_a_reading_in_the_same_batch_is_judged_all_the_same(gateways: Bench) -> None:
    gateways.deliver_raw(TOPIC, b"\x00")
    gateways.deliver(gateways.reading(97))
    assert [receipt["ranges"] for receipt in gateways.receipts] == [[[1, 1]]]


@pytest.mark.parametrize(
    ("number", "workers", "heard"),
    [(0, 1, {"cunmai/v1/+/+/readings", "cunmai/v1/+/+/state"}),
     (40, 64, {"cunmai/v1/40/+/readings", "cunmai/v1/40/+/state"})],
)  # fmt: skip
def test_the_service_listens_to_readings_and_states(number: int, workers: int, heard: set[str]) -> None:
    common: Any = SimpleNamespace(settings=SimpleNamespace(workers=workers, id="rules"))
    own = {gateway_topic("rules", Channel.RECEIPTS)} if number == 0 else set()
    assert set(Slot(number, common, lambda _error: None).filters) == heard | own


# -- what a message says ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "arrived_ms", "values"),
    [
        (
            message(T0_MS, lost_total=2),
            T0_MS + 1500,
            {"online": True, "clock": "trusted", "lost_count": 2, "configuration_refused": False,
             "clock_ahead_s": -1.5},
        ),
        (
            message(T0_MS + 400_000, clock="untrusted"),
            T0_MS,
            {"online": True, "clock": "untrusted", "lost_count": 0, "configuration_refused": False,
             "clock_ahead_s": 400.0},
        ),
        (  # it may have waited in the broker
            message(T0_MS - 121_000),
            T0_MS,
            {"online": True, "clock": "trusted", "lost_count": 0, "configuration_refused": False},
        ),
        (
            message(T0_MS, "offline", configuration_refused={
                "id": "c1", "version": 3, "reason": "invalid", "detail": "no such device"}),
            T0_MS,
            {"online": False, "clock": "trusted", "lost_count": 0, "configuration_refused": True},
        ),
    ],
)  # fmt: skip
def test_the_values_of_a_message(state: dict[str, Any], arrived_ms: int, values: dict[str, object]) -> None:
    assert status_of(GatewayState.model_validate_json(json.dumps(state)), arrived_ms) == values


def test_two_state_messages_in_one_batch_have_two_numbers(gateways: Bench) -> None:
    """A gateway that connects and goes while we were away: the broker sends both at once."""
    batch = [
        Delivery(TOPIC, json.dumps(message(gateways.now_ms + n, presence)).encode(), gateways.now_ms, mid=n, epoch=1)
        for n, presence in enumerate(("online", "offline", "online"), 1)
    ]  # fmt: skip
    gateways.engine.take(batch)
    assert gateways.rows("SELECT seq FROM observation WHERE kind = 'gateway_status' ORDER BY seq") == [
        (1,), (2,), (3,)
    ]  # fmt: skip
    gateways.engine.take(batch[2:])  # and what is sent again is known
    assert gateways.rows("SELECT count(*) FROM observation WHERE kind = 'gateway_status'") == [(3,)]
