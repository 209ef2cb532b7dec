"""One MQTT session over paho: persistent, watched, rebuilt if its thread dies.

Facts behind this (docs/decisions/0002): a callback that raises kills paho's thread while
`is_connected()` stays true; a PUBACK from a broker is not durable; acknowledgements carry no
connection epoch, so an acknowledgement of an earlier connection must be dropped, not sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cunmai_runtime.logs import OnChange
from cunmai_runtime.mqtt_client import WatchedClient, build_client, connect
from cunmai_runtime.mqtt_settings import MqttSettings, Protocol

__all__ = ["Handlers", "MqttSession", "MqttSettings", "Protocol", "Will"]

_REBUILD_DELAY_S = 1.0
_STOP_TIMEOUT_S = 5.0
_WATCH_EVERY_S = 1.0
_CONFIRM_WITHIN_S = 10.0
_SHORT_LIFE_S = 10.0
_SHORT_LIVES = 3


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the link dies."""

    topic: str
    payload: bytes


@dataclass(frozen=True)
class Handlers:
    """What a session calls, from its own network thread. None of them may block for long."""

    on_message: Callable[[paho.MQTTMessage, int], None]
    """A message, and the epoch of the connection it came by."""
    on_up: Callable[[int], None] = lambda _epoch: None
    """Connected *and* subscribed."""
    on_down: Callable[[], None] = lambda: None
    on_published: Callable[[int], None] = lambda _mid: None
    """The broker has acknowledged the publication with this message id."""


@dataclass
class _Link:
    """State shared with the network thread, under `lock`."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    client: WatchedClient | None = None
    epoch: int = 0
    up: bool = False
    up_s: float | None = None
    """Since when, until the end of this connection was looked at."""
    accepted_s: float | None = None
    """Since when the connection stands without our subscriptions being confirmed."""


class MqttSession:
    """A persistent session with a fixed client id. Thread-safe."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        subscriptions: Sequence[str],
        handlers: Handlers,
        *,
        will: Callable[[], Will] | None = None,
        window: int = 1000,
        not_own: Sequence[str] = (),
        optional: Sequence[str] = (),
    ) -> None:
        """`window`: how many unacknowledged messages may be in flight, each way.

        `not_own`: those of the subscriptions by which our own publications are not to come back. On
        MQTT 3.1.1 they come all the same. `optional`: those that a broker may refuse without harm.

        `will` is called at every (re)connection, so that it can say how things stand then.
        """
        self._settings = settings
        self._client_id = client_id
        self._subscriptions = list(subscriptions)
        self._not_own = frozenset(not_own)
        self._optional = frozenset(optional)
        self._handlers = handlers
        self._will = will
        self._window = window
        self._link = _Link()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger("mqtt").bind(client=client_id)
        self._changed = OnChange()
        self._connected_before = False
        self._short_lives = 0

    # -- life ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin connecting; returns at once."""
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{self._client_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Disconnect in good order (no last will) and wait for the thread, but not for ever."""
        self._stopping.set()
        client = self._link.client
        if client is not None:
            client.disconnect()
            client.ended.wait(_STOP_TIMEOUT_S)
            client.loop_stop()
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT_S)

    @property
    def up(self) -> bool:
        """Connected and subscribed, with a living network thread behind it."""
        return self._link.up and self._thread is not None and self._thread.is_alive()

    # -- use ----------------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Publish at QoS 1; the message id, or None where it was not taken: link down, or too much in flight.

        Nothing is queued here while the link is down: durable queues are the spool's and the outbox's.
        """
        with self._link.lock:
            client = self._link.client
            if not self._link.up or client is None:
                return None
            info = client.publish(topic, payload, qos=1, retain=retain)
            return info.mid if info.rc is MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def ack(self, mid: int, epoch: int) -> None:
        """Acknowledge a received message, unless its connection has gone: then it will come again."""
        with self._link.lock:
            if epoch == self._link.epoch and self._link.client is not None:
                self._link.client.ack(mid, qos=1)

    # -- network threads ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            client = self._build()
            with self._link.lock:
                self._link.client = client
            client.loop_start()
            while not client.ended.wait(_WATCH_EVERY_S):
                if self._half_open():
                    self._log.warning("mqtt.half_open", todo="reconnecting: the broker never confirmed")
                    client.disconnect()
            if client.failure is not None:
                self._log.error("mqtt.session_died", error=repr(client.failure))
                client.let_go()
            self._mark_down()
            self._stopping.wait(_REBUILD_DELAY_S)

    def _half_open(self) -> bool:
        """Accepted by a broker that then fell silent: it may hold the connection for ever."""
        with self._link.lock:
            since_s = self._link.accepted_s
        return since_s is not None and time.monotonic() - since_s > _CONFIRM_WITHIN_S

    def _build(self) -> WatchedClient:
        client = build_client(self._settings, self._client_id, self._window)
        client.on_pre_connect = self._set_will
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        connect(client, self._settings, self._window)
        return client

    def _set_will(self, client: paho.Client, _userdata: object) -> None:
        if self._will is not None:
            will = self._will()
            client.will_set(will.topic, will.payload, qos=1, retain=True)

    def _on_connect(
        self,
        client: paho.Client,
        _userdata: object,
        flags: paho.ConnectFlags,
        code: ReasonCode,
        _properties: object,
    ) -> None:
        if code.is_failure:
            if self._changed("connect", str(code)):
                self._log.warning("mqtt.refused", reason=str(code))
            return
        if self._connected_before and not flags.session_present:
            # Nothing is lost by it: what the broker had for us is not receipted, and comes again.
            self._log.warning("mqtt.session_lost", why="the broker does not know our session any more")
        self._connected_before = True
        with self._link.lock:
            self._link.epoch += 1
            self._link.accepted_s = time.monotonic()
        if self._subscriptions:
            client.subscribe(self._requests())
        else:
            self._mark_up()

    def _requests(self) -> list[tuple[str, Any]]:
        if self._settings.protocol is not Protocol.V5:
            return [(topic, 1) for topic in self._subscriptions]
        return [
            (topic, SubscribeOptions(qos=1, noLocal=topic in self._not_own)) for topic in self._subscriptions
        ]

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _mid: int,
        codes: Sequence[ReasonCode],
        _properties: object,
    ) -> None:
        refused = [topic for topic, code in zip(self._subscriptions, codes, strict=False) if code.is_failure]
        if refused:
            self._log.error("mqtt.subscription_refused", topics=refused, todo="check the broker's ACL")
        if not self._optional.issuperset(refused):
            return
        self._mark_up()

    def _on_connect_fail(self, _client: paho.Client, _userdata: object) -> None:
        if self._changed("connect", "unreachable"):
            self._log.warning("mqtt.unreachable", host=self._settings.host, port=self._settings.port)

    def _on_disconnect(
        self, _client: paho.Client, _userdata: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if not self._stopping.is_set():
            self._log.warning("mqtt.down", reason=str(code))
            self._look_for_a_rival()
        self._mark_down()

    def _look_for_a_rival(self) -> None:
        """Two sessions with one client id end one another for ever, and not every broker says why."""
        since_s = self._link.up_s
        if since_s is None:
            return
        short = time.monotonic() - since_s < _SHORT_LIFE_S
        self._short_lives = self._short_lives + 1 if short else 0
        self._link.up_s = None
        if self._short_lives == _SHORT_LIVES:
            self._log.error(
                "mqtt.unsteady", todo="does another process use this client id? Give each process its own"
            )

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._handlers.on_message(message, self._link.epoch)

    def _on_publish(
        self, _client: paho.Client, _userdata: object, mid: int, _code: object, _properties: object
    ) -> None:
        self._handlers.on_published(mid)

    def _mark_up(self) -> None:
        self._changed.clear("connect")
        with self._link.lock:
            self._link.up = True
            self._link.up_s = time.monotonic()
            self._link.accepted_s = None
            epoch = self._link.epoch
        self._log.info("mqtt.up")
        self._handlers.on_up(epoch)

    def _mark_down(self) -> None:
        with self._link.lock:
            was_up, self._link.up = self._link.up, False
            self._link.accepted_s = None
            self._link.epoch += 1
        if was_up:
            self._handlers.on_down()
