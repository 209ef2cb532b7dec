"""A session whose link is dead without a word, or whose thread has died: noticed, left, and rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
import structlog

from cunmai_runtime.clock import system_clock
from cunmai_runtime.intake import Intake
from cunmai_runtime.mqtt import MqttSession, MqttSettings
from support.broker import Mosquitto
from support.servers import wait_until
from support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.server


@pytest.fixture
def proxy(mosquitto: Mosquitto) -> Iterator[TcpProxy]:
    with closing(TcpProxy(mosquitto.port)) as made:
        yield made


def _taken(intake: Intake, heard: list[bytes]) -> list[bytes]:
    batch = intake.take(100, 0.05)
    heard += [delivery.payload for delivery in batch]
    intake.ack(batch)
    return heard


def _publish(session: MqttSession, payload: bytes) -> None:
    wait_until(lambda: session.publish("t/x", payload) is not None, what="published")


def _consumer(port: int) -> Intake:
    intake = Intake(MqttSettings(port=port, keepalive_s=5), "consumer", ["t/#"], system_clock)
    intake.start()
    wait_until(lambda: intake.up, what="the consumer is up")
    return intake


def test_a_link_that_dies_without_a_word_is_left_and_nothing_is_missed(
    proxy: TcpProxy, publisher: MqttSession
) -> None:
    """Both ends think that they are connected: only the unanswered ping tells."""
    intake = _consumer(proxy.port)
    heard: list[bytes] = []
    _publish(publisher, b"before")
    wait_until(lambda: b"before" in _taken(intake, heard), what="it hears")
    proxy.freeze()
    _publish(publisher, b"while it was dead")
    wait_until(lambda: proxy.connections >= 2, timeout_s=60, what="it hung up and tried again")
    wait_until(lambda: b"while it was dead" in _taken(intake, heard), what="it hears again")
    intake.stop()
    # The acknowledgement of the first may have died with the link: then it comes again.
    assert (set(heard), heard[-1]) == ({b"before", b"while it was dead"}, b"while it was dead")


def test_a_network_thread_that_dies_inside_paho_is_replaced(
    mosquitto: Mosquitto, publisher: MqttSession
) -> None:
    """`is_connected()` stays true for it: what counts is the thread."""
    intake = _consumer(mosquitto.port)
    client = intake._session._link.client
    assert client is not None

    def die(*_: object) -> None:
        raise MemoryError("inside paho")

    client._packet_handle = die  # type: ignore[method-assign,assignment]
    with structlog.testing.capture_logs() as logs:
        _publish(publisher, b"deadly")
        wait_until(lambda: intake._session._link.client is not client, what="the session is rebuilt")
        heard: list[bytes] = []
        wait_until(partial(lambda: b"deadly" in _taken(intake, heard)), what="the message came again")
    intake.stop()
    assert client.ended.is_set()
    (died,) = [entry for entry in logs if entry["event"] == "mqtt.session_died"]
    assert "inside paho" in died["error"]


def test_two_processes_with_one_id_are_told_so(mosquitto: Mosquitto) -> None:
    """They end one another's connection for ever; Debian's mosquitto does not say why."""
    with structlog.testing.capture_logs() as logs:
        first, second = (_consumer(mosquitto.port) for _ in range(2))
        wait_until(lambda: [entry for entry in logs if entry["event"] == "mqtt.unsteady"], what="it is told")
        second.stop()
        first.stop()
    told = next(entry for entry in logs if entry["event"] == "mqtt.unsteady")
    assert (told["client"], "client id" in told["todo"]) == ("consumer", True)


def test_a_session_that_the_broker_has_forgotten_is_told(mosquitto: Mosquitto) -> None:
    intake = _consumer(mosquitto.port)
    with structlog.testing.capture_logs() as logs:
        mosquitto.kill()
        for file in (mosquitto.folder / "store").iterdir():
            file.unlink()
        mosquitto.start()
        wait_until(
            lambda: [entry for entry in logs if entry["event"] == "mqtt.session_lost"], what="it is told"
        )
    intake.stop()
