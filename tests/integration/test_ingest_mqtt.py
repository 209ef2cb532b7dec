"""Ingest with a real broker: messages in, receipts out, bad input aside, outages held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cunmai_ingest.book import Book
from cunmai_ingest.ledger.counts import StreamCount
from cunmai_ingest.service import Ingest
from cunmai_ingest.settings import IngestSettings, SqliteSettings, StoreSettings
from cunmai_runtime.mqtt import MqttSettings
from support.broker import Mosquitto
from support.gateway_peer import GatewayPeer
from support.influx import Influxd, influx_settings, shared_influxd
from support.influx_front import InfluxFront
from support.ingest_thread import running
from support.messages import (
    EVENT_STREAM,
    EVENTS_TOPIC,
    READINGS_TOPIC,
    STATE_TOPIC,
    STREAM,
    T0_MS,
    envelope,
    events,
    opened,
    oximetry,
    state,
)
from support.servers import wait_until

pytestmark = pytest.mark.server

ARRIVED_MS = T0_MS + 3_600_000


def clock() -> int:
    return ARRIVED_MS


def settings_for(folder: Path, port: int, store: StoreSettings | None = None) -> IngestSettings:
    return IngestSettings(
        mqtt=MqttSettings(port=port),
        data_dir=folder,
        store=store or SqliteSettings(kind="sqlite", path=folder / "store.sqlite"),
    )


@pytest.fixture
def peer(mosquitto: Mosquitto) -> Iterator[GatewayPeer]:
    gateway = GatewayPeer(mosquitto.port)
    yield gateway
    gateway.close()


@pytest.fixture
def front() -> Iterator[InfluxFront]:
    made = shared_influxd().front()
    yield made
    made.cut()


def _count(ingest: Ingest, stream: str = STREAM) -> StreamCount:
    return next(count for count in ingest.counts() if count.stream == stream)


def _metric(ingest: Ingest, name: str, **labels: str) -> float | None:
    return ingest.metrics.registry.get_sample_value(f"cunmai_ingest_{name}_total", labels)


def test_bad_input_between_good_is_set_aside_and_everything_else_stored(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer
) -> None:
    with running(settings_for(tmp_path, mosquitto.port), clock) as ingest:
        peer.publish(
            READINGS_TOPIC,
            envelope([oximetry(1), oximetry(2)]),
            b'{"v": 1, "gateway": ',
            envelope([oximetry(3), oximetry(4, kind="aura"), oximetry(5)]),
            envelope([oximetry(6, 0), oximetry(7, 3_786_912_000_000), oximetry(8)]),
            envelope([oximetry(9)]),
        )
        wait_until(lambda: peer.receipted == set(range(1, 10)), what="all nine numbers are receipted")
        wait_until(lambda: _metric(ingest, "messages") == 5, what="five messages are counted")
        count = _count(ingest)
    assert peer.quarantined == {4, 6, 7}
    assert list(count.stored.seqs) == [(1, 3), (5, 5), (8, 9)]
    assert (count.stored.total, count.stored.doubled) == (6, 0)
    assert list(count.quarantined) == [(4, 4), (6, 7)]
    reasons = {"not_json": 1, "unknown_kind": 1, "implausible_time": 2}
    assert {reason: _metric(ingest, "quarantined", reason=reason) for reason in reasons} == reasons
    book = Book(ingest.settings.book_path)
    entries = {(entry.reason, entry.seq, entry.sender) for entry in book.quarantine_entries()}
    book.close()
    assert entries == {
        ("not_json", None, None),
        ("unknown_kind", 4, "clinic-01"),
        ("implausible_time", 6, "clinic-01"),
        ("implausible_time", 7, "clinic-01"),
    }


def test_events_and_state_arrive_too(tmp_path: Path, mosquitto: Mosquitto) -> None:
    rules = GatewayPeer(mosquitto.port, stream=EVENT_STREAM, receipts_topic="cunmai/v1/60/rules/receipts")
    with running(settings_for(tmp_path, mosquitto.port), clock) as ingest:
        rules.publish(STATE_TOPIC, state(12))
        rules.publish(EVENTS_TOPIC, events([opened(1), opened(2)]))
        wait_until(lambda: rules.receipted == {1, 2}, what="both events are receipted")
        wait_until(lambda: _metric(ingest, "messages") == 2, what="both messages are counted")
        readings, decisions = (_count(ingest, stream) for stream in (STREAM, EVENT_STREAM))
    rules.close()
    assert (readings.sender, readings.measured, readings.stored.total) == ("clinic-01", 12, 0)
    assert (decisions.sender, list(decisions.stored.seqs), decisions.stored.total) == ("rules", [(1, 2)], 2)


def test_what_was_published_while_ingest_was_away_is_there_when_it_comes_back(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer
) -> None:
    settings = settings_for(tmp_path, mosquitto.port)
    with running(settings, clock):
        peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(1, 11)])
        wait_until(lambda: len(peer.receipted) == 10, what="the first ten are receipted")
    peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(11, 31)])
    with running(settings, clock) as ingest:
        wait_until(lambda: peer.receipted == set(range(1, 31)), what="the rest is receipted")
        assert (list(_count(ingest).stored.seqs), _count(ingest).stored.total) == ([(1, 30)], 30)


def test_readings_sent_again_are_receipted_again_and_not_doubled(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer, front: InfluxFront
) -> None:
    database = shared_influxd().new_database()
    with running(settings_for(tmp_path, mosquitto.port, influx_settings(front, database)), clock) as ingest:
        for _ in range(3):
            peer.forget_receipts()
            peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(1, 21)])
            wait_until(lambda: len(peer.receipted) == 20, what="all are receipted, each time")
        wait_until(lambda: _metric(ingest, "messages") == 12, what="all twelve messages are counted")
        assert (_count(ingest).stored.total, _metric(ingest, "duplicates")) == (20, 40)


def _through_an_outage(
    ingest: Ingest, peer: GatewayPeer, break_down: Callable[[], None], recover: Callable[[], None]
) -> None:
    """Readings before, during and after: all stored once, and none receipted while the store is away."""
    peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(1, 51)])
    wait_until(lambda: len(peer.receipted) == 50, what="the readings before the outage are receipted")
    break_down()
    peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(51, 101)])
    wait_until(lambda: (_metric(ingest, "retries") or 0) >= 2, what="ingest has tried again twice")
    assert len(peer.receipted) == 50
    recover()
    peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(101, 151)])
    wait_until(lambda: len(peer.receipted) == 150, what="everything is receipted", timeout_s=60)
    stored = _count(ingest).stored
    assert (list(stored.seqs), stored.total) == ([(1, 150)], 150)


def test_an_unreachable_database_is_waited_for(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer, front: InfluxFront
) -> None:
    database = shared_influxd().new_database()
    with running(settings_for(tmp_path, mosquitto.port, influx_settings(front, database)), clock) as ingest:
        _through_an_outage(ingest, peer, front.cut, front.start)


def test_a_database_that_answers_503_is_waited_for(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer, front: InfluxFront
) -> None:
    def weather(status: int | None) -> None:
        front.weather.fail_writes_with = status

    database = shared_influxd().new_database()
    with running(settings_for(tmp_path, mosquitto.port, influx_settings(front, database)), clock) as ingest:
        _through_an_outage(ingest, peer, lambda: weather(503), lambda: weather(None))


def test_a_database_that_is_killed_is_waited_for(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer
) -> None:
    server = Influxd(tmp_path / "influxd")
    server.start()
    front = server.front()
    try:
        database = server.new_database()
        with running(
            settings_for(tmp_path, mosquitto.port, influx_settings(front, database)), clock
        ) as ingest:
            _through_an_outage(ingest, peer, server.kill, server.start)
    finally:
        front.cut()
        server.stop()


def test_ingest_stops_in_good_order_while_the_database_is_down(
    tmp_path: Path, mosquitto: Mosquitto, peer: GatewayPeer, front: InfluxFront
) -> None:
    database = shared_influxd().new_database()
    settings = settings_for(tmp_path, mosquitto.port, influx_settings(front, database))
    front.cut()
    with running(settings, clock) as ingest:
        peer.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(1, 21)])
        wait_until(lambda: (_metric(ingest, "retries") or 0) >= 1, what="ingest is held")
    assert peer.receipted == set()
    front.start()
    with running(settings, clock) as ingest:
        wait_until(lambda: len(peer.receipted) == 20, what="what was held came again")
        assert _count(ingest).stored.total == 20


def test_a_broker_that_is_killed_costs_nothing_that_the_gateway_still_has(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    with running(settings_for(tmp_path, mosquitto.port), clock) as ingest:
        before = GatewayPeer(mosquitto.port)
        before.publish_readings(READINGS_TOPIC, [oximetry(seq) for seq in range(1, 101)])
        mosquitto.kill()
        mosquitto.start()
        held = before.receipted
        before.close()
        after = GatewayPeer(mosquitto.port)
        missing = [oximetry(seq) for seq in range(1, 101) if seq not in held]
        wait_until(lambda: ingest.up, what="ingest is subscribed again")
        after.publish_readings(READINGS_TOPIC, missing)
        wait_until(lambda: len(held | after.receipted) == 100, what="everything is receipted")
        stored = _count(ingest).stored
        after.close()
    assert (list(stored.seqs), stored.total) == ([(1, 100)], 100)
