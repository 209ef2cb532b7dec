"""A gateway that never stops: publishes at a steady rate, keeps what is not receipted, and sends it again."""

from __future__ import annotations

import json
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_runtime.clock import system_clock
from support.messages import RECEIPTS_TOPIC, STREAM, envelope, oximetry

TOPIC = "cunmai/v1/12/clinic-01/readings"
_MOST_RESENT_AT_ONCE = 200


def value_of(seq: int) -> float:
    """What reading `seq` measured: a value that says whose it is."""
    return 80.0 + seq % 200 / 10


class Load:
    """Messages of `size` readings. Message `n` (from 0) holds numbers `n * size + 1` to `(n + 1) * size`."""

    def __init__(self, port: int, *, rate_per_s: float, size: int = 10, resend_after_s: float = 5.0) -> None:
        self.size = size
        self.sent = 0
        """Messages made so far: what there is to be stored is `sent * size` readings."""
        self.receipts = 0
        self._start_ms = system_clock()
        self._period_s = 1 / rate_per_s
        self._resend_after_s = resend_after_s
        self._owed: dict[int, set[int]] = {}
        self._last_sent: dict[int, float] = {}
        self._lock = threading.Lock()
        self._making = threading.Event()
        self._stop = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="load", protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(500)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(RECEIPTS_TOPIC, 1)
        self._client.on_message = self._on_receipt
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._make, self._resend)]

    def start(self) -> None:
        self._making.set()
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Make no more readings; what is not receipted is still sent again."""
        self._making.clear()

    def close(self) -> None:
        self._stop.set()
        self._making.clear()
        for thread in self._threads:
            thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def owed(self) -> int:
        """Messages that are not receipted yet."""
        with self._lock:
            return len(self._owed)

    def payload(self, number: int) -> bytes:
        first = number * self.size + 1
        readings = [
            oximetry(seq, self._start_ms + seq, spo2_pct=value_of(seq))
            for seq in range(first, first + self.size)
        ]
        return envelope(readings, sent=self._start_ms + first)

    def _make(self) -> None:
        due = time.monotonic()
        while self._making.is_set() and not self._stop.is_set():
            self._publish(self.sent, new=True)
            self.sent += 1
            due += self._period_s
            time.sleep(max(0.0, due - time.monotonic()))

    def _resend(self) -> None:
        while not self._stop.wait(0.5):
            late = time.monotonic() - self._resend_after_s
            with self._lock:
                numbers = [number for number in self._owed if self._last_sent[number] < late]
            for number in numbers[:_MOST_RESENT_AT_ONCE]:
                self._publish(number)

    def _publish(self, number: int, *, new: bool = False) -> None:
        with self._lock:
            if new:
                first = number * self.size + 1
                self._owed[number] = set(range(first, first + self.size))
            if number not in self._owed:
                return
            self._last_sent[number] = time.monotonic()
        if self._client.is_connected():
            self._client.publish(TOPIC, self.payload(number), qos=1)

    def _on_receipt(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        receipt = json.loads(message.payload)
        assert receipt["stream"] == STREAM
        self.receipts += 1
        with self._lock:
            for first, last in receipt["ranges"]:
                for seq in range(first, last + 1):
                    number = (seq - 1) // self.size
                    owed = self._owed.get(number)
                    if owed is not None:
                        owed.discard(seq)
                        if not owed:
                            del self._owed[number], self._last_sent[number]
