"""A gateway as the broker sees one, made by hand: publishes messages, remembers receipts, sends again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from support.messages import RECEIPTS_TOPIC, STREAM, envelope
from support.servers import wait_until

_RECEIPT_TIMEOUT_S = 2.0
_MOST_ROUNDS = 30


class GatewayPeer:
    """One MQTT client. `receipted` and `quarantined` are what receipts have named for `stream`."""

    def __init__(self, port: int, *, stream: str = STREAM, receipts_topic: str = RECEIPTS_TOPIC) -> None:
        self._stream = stream
        self._receipts_topic = receipts_topic
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._receipted: set[int] = set()
        self._quarantined: set[int] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(self._subscribed.is_set, what="the gateway's peer has subscribed")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, *payloads: bytes) -> None:
        """Publish at QoS 1 and wait for the broker's acknowledgement of each."""
        sent = [self._client.publish(topic, payload, qos=1) for payload in payloads]
        for info in sent:
            info.wait_for_publish(20)

    def publish_readings(self, topic: str, readings: Sequence[dict[str, Any]], size: int = 5) -> None:
        """In envelopes of `size`."""
        parts = [readings[start : start + size] for start in range(0, len(readings), size)]
        self.publish(topic, *[envelope(part) for part in parts])

    def deliver(self, topic: str, readings: Sequence[dict[str, Any]], *, size: int = 5) -> None:
        """What a gateway does: send, and send again what is not receipted, until all of it is."""
        for _ in range(_MOST_ROUNDS):
            receipted = self.receipted
            missing = [reading for reading in readings if reading["seq"] not in receipted]
            if not missing:
                return
            self.publish_readings(topic, missing, size)
            deadline = time.monotonic() + _RECEIPT_TIMEOUT_S
            while time.monotonic() < deadline and not self.receipted >= {one["seq"] for one in missing}:
                time.sleep(0.02)
        pytest.fail(f"not receipted after being sent {_MOST_ROUNDS} times")

    def forget_receipts(self) -> None:
        with self._lock:
            self._receipted.clear()
            self._quarantined.clear()

    @property
    def receipted(self) -> set[int]:
        with self._lock:
            return set(self._receipted)

    @property
    def quarantined(self) -> set[int]:
        with self._lock:
            return set(self._quarantined)

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self._receipts_topic, 1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed.set()

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        with self._lock:
            if receipt["stream"] == self._stream:
                self._receipted |= _numbers(receipt["ranges"])
                self._quarantined |= _numbers(receipt["quarantined"])


def _numbers(ranges: list[list[int]]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}
