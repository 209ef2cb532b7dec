"""The ledger with a real broker: what the rules say reaches it, and its askings and events go out."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_ingest.ledger.counts import open_reader
from cunmai_ingest.settings import IngestSettings, LedgerSettings, SqliteSettings
from cunmai_runtime.mqtt import MqttSettings
from support.broker import Mosquitto
from support.gateway_peer import GatewayPeer
from support.ingest_thread import running
from support.messages import (
    GATEWAY,
    READINGS_TOPIC,
    RECEIPTS_TOPIC,
    STATE_TOPIC,
    STREAM,
    T0_MS,
    envelope,
    oximetry,
    state,
)
from support.servers import wait_until

pytestmark = pytest.mark.server

COMMANDS_TOPIC = "cunmai/v1/12/clinic-01/commands"


class Listener:
    """Remembers what is published on one topic."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[dict[str, Any]] = []
        subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            json.loads(message.payload)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(subscribed.is_set, what="the listener has subscribed")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def test_a_gap_is_found_told_asked_for_and_filled(tmp_path: Path, mosquitto: Mosquitto) -> None:
    settings = IngestSettings(
        mqtt=MqttSettings(port=mosquitto.port),
        data_dir=tmp_path,
        store=SqliteSettings(kind="sqlite", path=tmp_path / "store.sqlite"),
        ledger=LedgerSettings(every_s=0.05),
    )
    clock = [T0_MS + 10_000]

    def figure(name: str) -> float | None:
        return ingest.metrics.registry.get_sample_value(f"cunmai_ledger_{name}", {"gateway": GATEWAY})

    def told() -> list[str]:
        with open_reader(settings) as store:
            query = "SELECT fields FROM points WHERE measurement = 'ledger_gap' ORDER BY seq"
            rows = store._db.execute(query).fetchall()  # type: ignore[attr-defined]
        return [json.loads(fields)["condition"] for (fields,) in rows]

    receipt = {"v": 1, "consumer": "rules", "stream": STREAM, "ranges": [[1, 3]], "quarantined": [[3, 3]]}
    with (
        closing(GatewayPeer(mosquitto.port)) as peer,
        closing(Listener(mosquitto.port, COMMANDS_TOPIC)) as gateway,
        running(settings, lambda: clock[0]) as ingest,
    ):
        peer.publish(STATE_TOPIC, state(3))
        peer.publish(READINGS_TOPIC, envelope([oximetry(1)]))
        peer.publish(RECEIPTS_TOPIC, json.dumps(receipt).encode())
        wait_until(
            lambda: (figure("missing"), figure("judged")) == (2, 2), what="two are missing, two judged"
        )
        assert (gateway.heard, told()) == ([], [])
        clock[0] += 900_000
        wait_until(lambda: gateway.heard, what="the gateway is asked")
        assert (gateway.heard[0]["command"], gateway.heard[0]["ranges"]) == ("resend", [[2, 3]])
        wait_until(lambda: told() == ["open"], what="the event is stored, by way of the broker")
        peer.publish(READINGS_TOPIC, envelope([oximetry(2), oximetry(3)]))
        wait_until(lambda: told() == ["open", "closed"], what="the gap is told as closed")
        assert (figure("missing"), figure("overdue"), figure("stored")) == (0, 0, 3)
    assert len(gateway.heard) == 1
