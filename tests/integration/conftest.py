"""Peers at a real broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cunmai_runtime.mqtt import Handlers, MqttSession, MqttSettings
from support.broker import Mosquitto
from support.servers import wait_until


@pytest.fixture
def publisher(mosquitto: Mosquitto) -> Iterator[MqttSession]:
    session = MqttSession(
        MqttSettings(port=mosquitto.port), "publisher", [], Handlers(on_message=lambda *_: None)
    )
    session.start()
    wait_until(lambda: session.up, what="the publisher is up")
    yield session
    session.stop()
