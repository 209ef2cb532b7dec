"""paho's client as this project uses it: persistent session, manual acknowledgement, a watched thread."""

from __future__ import annotations

import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cunmai_runtime.mqtt_settings import MqttSettings, Protocol, tls_context

SESSION_EXPIRY_S = 7 * 24 * 3600
_RECONNECT_MIN_S = 1
_RECONNECT_MAX_S = 15
_FORGET_WITHIN_S = 5.0


class WatchedClient(paho.Client):
    """paho's client, whose network thread cannot die unnoticed.

    The thread must be paho's own (`loop_start`): with any other, paho writes to the socket from every
    thread that publishes, and packets interleave.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ended = threading.Event()
        self.failure: Exception | None = None

    def let_go(self) -> None:
        """Close what a thread that died has left open. The broker sees the link end, not just fall silent."""
        self._reset_sockets()  # type: ignore[no-untyped-call, unused-ignore]

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception as error:  # noqa: BLE001 - outermost loop of the thread: reported, then rebuilt
            self.failure = error
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self.ended.set()


def build_client(
    settings: MqttSettings, client_id: str, window: int, *, fresh: bool = False
) -> WatchedClient:
    """A client that has not connected yet; the caller sets its callbacks, then calls `connect`.

    `fresh`: without the session that the broker may have kept for this id.
    """
    v5 = settings.protocol is Protocol.V5
    client = WatchedClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5 if v5 else paho.MQTTv311,
        manual_ack=True,
        clean_session=None if v5 else fresh,
    )
    if settings.username:
        password = settings.password.get_secret_value() if settings.password else None
        client.username_pw_set(settings.username, password)
    if settings.ca_file:
        client.tls_set_context(tls_context(settings))
    client.max_inflight_messages_set(window)
    client.max_queued_messages_set(10 * window)
    client.reconnect_delay_set(_RECONNECT_MIN_S, _RECONNECT_MAX_S)
    return client


def connect(client: WatchedClient, settings: MqttSettings, window: int) -> None:
    """Begin to connect, to a session that outlives the connection."""
    arguments: dict[str, Any] = {}
    if settings.protocol is Protocol.V5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = window
        arguments = {"clean_start": False, "properties": properties}
    client.connect_async(settings.host, settings.port, settings.keepalive_s, **arguments)


def forget_session(settings: MqttSettings, client_id: str) -> bool:
    """Let the broker forget a session that nobody uses any more, with all it keeps for it; whether it did.

    What it kept is not lost: nothing of it was receipted, and the gateways send it again.
    """
    v5 = settings.protocol is Protocol.V5
    client = build_client(settings, client_id, 1, fresh=True)
    connected = threading.Event()

    def on_connect(
        _client: object, _userdata: object, _flags: object, code: ReasonCode, _more: object
    ) -> None:
        if not code.is_failure:
            connected.set()

    client.on_connect = on_connect
    # On MQTT 5 a session without an expiry ends with its connection.
    arguments: dict[str, Any] = {"clean_start": True} if v5 else {}
    client.connect_async(settings.host, settings.port, settings.keepalive_s, **arguments)
    client.loop_start()
    done = connected.wait(_FORGET_WITHIN_S)
    client.disconnect()
    client.loop_stop()
    return done
