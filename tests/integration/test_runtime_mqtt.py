"""The MQTT session and the intake against a real broker: restarts, dead threads, stale acknowledgements."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from functools import partial

import pytest

from cunmai_runtime.clock import system_clock
from cunmai_runtime.intake import Delivery, Intake
from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings, Will
from support.broker import Mosquitto
from support.servers import wait_until

pytestmark = pytest.mark.server


class Consumer:
    """An intake whose commits the test decides."""

    def __init__(self, broker: Mosquitto, client_id: str = "consumer") -> None:
        self.intake = Intake(MqttSettings(port=broker.port), client_id, ["t/#"], system_clock)
        self.intake.start()
        wait_until(lambda: self.intake.up, what="the consumer is up")

    def take(self, count: int, timeout_s: float = 10) -> list[Delivery]:
        taken: list[Delivery] = []
        deadline = time.monotonic() + timeout_s
        while len(taken) < count and time.monotonic() < deadline:
            taken += self.intake.take(1000, 0.05)
        return taken

    def vanish(self) -> None:
        """As after a kill: the connection goes without a word, nothing more is acknowledged."""
        self.intake.stop()


def _published(session: MqttSession, payload: bytes) -> bool:
    return session.publish("t/x", payload) is not None


def _up(session: MqttSession) -> bool:
    return session.up


def publish(session: MqttSession, *payloads: bytes) -> None:
    for payload in payloads:
        wait_until(partial(_published, session, payload), what="published")


def test_what_was_not_acknowledged_comes_again_in_order(mosquitto: Mosquitto, publisher: MqttSession) -> None:
    first = Consumer(mosquitto)
    publish(publisher, b"1", b"2", b"3", b"4")
    batch = first.take(4)
    assert [delivery.payload for delivery in batch] == [b"1", b"2", b"3", b"4"]
    first.intake.ack(batch[:2])
    time.sleep(0.3)
    first.vanish()
    again = Consumer(mosquitto)
    assert [delivery.payload for delivery in again.take(2)] == [b"3", b"4"]
    again.vanish()


def test_messages_wait_for_a_consumer_that_is_away(mosquitto: Mosquitto, publisher: MqttSession) -> None:
    Consumer(mosquitto).vanish()
    publish(publisher, *[b"%d" % n for n in range(1500)])  # more than a broker keeps by default
    back = Consumer(mosquitto)
    batch = back.take(1000)
    back.intake.ack(batch)
    batch += back.take(1500 - len(batch))
    assert [delivery.payload for delivery in batch] == [b"%d" % n for n in range(1500)]
    back.vanish()


def test_an_acknowledgement_of_an_earlier_connection_is_dropped(
    mosquitto: Mosquitto, publisher: MqttSession
) -> None:
    """Message ids are counted anew: acknowledging an old one could acknowledge a message never seen."""
    consumer = Consumer(mosquitto)
    publish(publisher, b"old")
    stale = consumer.take(1)
    mosquitto.kill()
    wait_until(lambda: not consumer.intake.up, what="the consumer notices")
    mosquitto.start()
    wait_until(lambda: consumer.intake.up and publisher.up, what="both are back")
    publish(publisher, b"new")
    fresh = [delivery for delivery in consumer.take(2, timeout_s=2) if delivery.payload == b"new"]
    assert fresh
    consumer.intake.ack(stale)
    time.sleep(0.3)
    consumer.vanish()
    again = Consumer(mosquitto)
    assert b"new" in [delivery.payload for delivery in again.take(2, timeout_s=2)]
    again.vanish()


def test_a_callback_that_raises_does_not_leave_a_deaf_session(
    mosquitto: Mosquitto, publisher: MqttSession
) -> None:
    """paho's thread dies of it while is_connected() stays true: the session must be rebuilt."""
    seen: list[bytes] = []

    def hear(message: object, _epoch: int) -> None:
        payload: bytes = message.payload  # type: ignore[attr-defined]
        seen.append(payload)
        if seen == [b"boom"]:
            raise RuntimeError("a fault of ours")

    session = MqttSession(MqttSettings(port=mosquitto.port), "fragile", ["t/#"], Handlers(on_message=hear))
    session.start()
    wait_until(lambda: session.up, what="the session is up")
    publish(publisher, b"boom")
    wait_until(lambda: seen.count(b"boom") == 2, what="rebuilt, and the message came again")
    publish(publisher, b"after")
    wait_until(lambda: b"after" in seen, what="it hears again")
    session.stop()


def test_a_broker_that_accepts_and_then_falls_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers CONNECT and nothing more, as a broker does whose handler has died."""
    monkeypatch.setattr("cunmai_runtime.mqtt._CONFIRM_WITHIN_S", 0.5)
    accepted: list[socket.socket] = []

    def answer(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = server.accept()
                link.recv(1000)
                link.sendall(b"\x20\x03\x00\x00\x00")  # CONNACK, MQTT 5: success, no properties
                accepted.append(link)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        settings = MqttSettings(port=server.getsockname()[1])
        session = MqttSession(settings, "patient", ["t/#"], Handlers(on_message=lambda *_: None))
        session.start()
        wait_until(lambda: len(accepted) >= 2, what="it hung up and tried again")
        assert not session.up
        session.stop()
    for link in accepted:
        link.close()


def test_nothing_is_queued_while_the_link_is_down(mosquitto: Mosquitto, publisher: MqttSession) -> None:
    mosquitto.kill()
    wait_until(lambda: not publisher.up, what="the publisher notices")
    assert publisher.publish("t/x", b"lost?") is None


def test_a_last_will_is_made_at_every_connection(mosquitto: Mosquitto) -> None:
    heard: list[bytes] = []
    wills = iter([b"first", b"second"])
    listener = MqttSession(
        MqttSettings(port=mosquitto.port), "listener", ["will"],
        Handlers(on_message=lambda message, _epoch: heard.append(bytes(message.payload))),
    )  # fmt: skip
    listener.start()
    wait_until(lambda: listener.up, what="the listener is up")
    for expected in (b"first", b"second"):
        session = MqttSession(
            MqttSettings(port=mosquitto.port), "mortal", [], Handlers(on_message=lambda *_: None),
            will=lambda: Will("will", next(wills)),
        )  # fmt: skip
        session.start()
        wait_until(partial(_up, session), what="the session is up")
        client = session._link.client
        assert client is not None
        link = client.socket()
        assert link is not None
        link.close()  # it dies without a good-bye
        wait_until(partial(heard.__contains__, expected), what="the broker published the will")
        session._stopping.set()
        client.disconnect()
    listener.stop()
    assert heard[:2] == [b"first", b"second"]
