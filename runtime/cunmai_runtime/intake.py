"""A consumer's intake: messages arrive, are held in a bounded queue, and are acknowledged in order,
only after the consumer has committed them.

    for batch in intake: commit(batch); receipts; intake.ack(batch)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import paho.mqtt.client as paho

from cunmai_runtime.clock import Clock
from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings

WINDOW = 1000
"""Messages in flight. The window decides the throughput (20 -> 949/s, 1000 -> 5.8k/s on one core)."""

MOST_BYTES = 64 << 20
"""Payload that waits in memory. The largest message of the contract is 1 MiB."""

_FULL_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it arrived. `mid` and `epoch` are what acknowledging it needs."""

    topic: str
    payload: bytes
    arrived_ms: int
    mid: int
    epoch: int


class BoundedQueue:
    """Deliveries in order, bounded in number and in bytes. Thread-safe.

    A single delivery larger than the bound is let through alone: it must come out to be set aside.
    """

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._waiting: deque[Delivery] = deque()
        self._bytes = 0
        lock = threading.Lock()
        self._filled = threading.Condition(lock)
        self._drained = threading.Condition(lock)

    def put(self, delivery: Delivery, wait_s: float) -> bool:
        """Add it; False where there was no room within `wait_s`."""
        with self._drained:
            if not self._drained.wait_for(lambda: self._has_room(delivery), wait_s):
                return False
            self._waiting.append(delivery)
            self._bytes += len(delivery.payload)
            self._filled.notify()
            return True

    def _has_room(self, delivery: Delivery) -> bool:
        if not self._waiting:
            return True
        return (
            len(self._waiting) < self._most_messages
            and self._bytes + len(delivery.payload) <= self._most_bytes
        )

    def take(self, most_messages: int, most_bytes: int, wait_s: float) -> list[Delivery]:
        """Waits up to `wait_s` for a first delivery, then takes what else is there, within both bounds."""
        with self._filled:
            if not self._filled.wait_for(lambda: self._waiting, wait_s):
                return []
            batch = [self._waiting.popleft()]
            size = len(batch[0].payload)
            while (
                self._waiting
                and len(batch) < most_messages
                and size + len(self._waiting[0].payload) <= most_bytes
            ):
                batch.append(self._waiting.popleft())
                size += len(batch[-1].payload)
            self._bytes -= size
            self._drained.notify()
            return batch

    @property
    def held(self) -> tuple[int, int]:
        """Messages and bytes that wait now."""
        with self._filled:
            return len(self._waiting), self._bytes


class Intake:
    """A persistent subscription with commit-then-acknowledge. One consumer thread takes from it."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        filters: Sequence[str],
        clock: Clock,
        *,
        window: int = WINDOW,
        most_bytes: int = MOST_BYTES,
        not_own: Sequence[str] = (),
    ) -> None:
        """`most_bytes`: payload that may wait in memory, beside the bound of two windows of messages.

        `not_own`: filters by which our own publications are not to come back.
        """
        self._clock = clock
        self._most_bytes = most_bytes
        self._queue = BoundedQueue(2 * window, most_bytes)
        self._stopped = threading.Event()
        handlers = Handlers(on_message=self._enqueue)
        self._session = MqttSession(settings, client_id, filters, handlers, window=window, not_own=not_own)

    def start(self) -> None:
        self._session.start()

    def stop(self) -> None:
        self._stopped.set()
        self._session.stop()

    @property
    def up(self) -> bool:
        return self._session.up

    @property
    def held(self) -> tuple[int, int]:
        """Messages and bytes that have arrived and were not taken yet."""
        return self._queue.held

    def publish(self, topic: str, payload: bytes) -> bool:
        """Publish at QoS 1; False while the link is down."""
        return self._session.publish(topic, payload) is not None

    def take(self, max_messages: int, wait_s: float, max_bytes: int | None = None) -> list[Delivery]:
        """What has arrived: waits up to `wait_s` for a first message, then takes what else is there."""
        return self._queue.take(max_messages, max_bytes or self._most_bytes, wait_s)

    def ack(self, batch: Sequence[Delivery]) -> None:
        """Tell the broker that these are committed. Those of an earlier connection are passed over."""
        for delivery in batch:
            self._session.ack(delivery.mid, delivery.epoch)

    def _enqueue(self, message: paho.MQTTMessage, epoch: int) -> None:
        delivery = Delivery(message.topic, bytes(message.payload), self._clock(), message.mid, epoch)
        # A full queue blocks the network thread, which is the backpressure: the broker holds the rest.
        # Where that lasts, the broker ends the connection; the session stays, and what was not
        # acknowledged comes again.
        while not self._stopped.is_set():
            if self._queue.put(delivery, _FULL_WAIT_S):
                return
