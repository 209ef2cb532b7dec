"""The broker's door for gateways, on a real mosquitto: TLS, a name for each, and its own topics alone."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cunmai_wire.topics import Channel, gateway_topic
from support.certificates import make_certificate, unchecked
from support.servers import end, free_port, listening, need_program, wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
GATEWAY, OTHER = "cz-shangcun-01", "cz-xiacun-01"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A real mosquitto with both shipped files: its port for gateways, and the one for this machine."""
    program, passwd = need_program("mosquitto"), need_program("mosquitto_passwd")
    inside, outside = free_port(), free_port()
    make_certificate(tmp_path)
    included = tmp_path / "conf.d"
    included.mkdir()
    for name in ("00-cunmai-outside.conf", "cunmai.conf"):
        text = (DEPLOY / "mosquitto" / name).read_text()
        text = text.replace("listener 8883", f"listener {outside} 127.0.0.1")
        text = text.replace("listener 1883", f"listener {inside}")
        text = text.replace("/etc/cunmai/tls/", f"{tmp_path}/").replace("/etc/mosquitto/", f"{tmp_path}/")
        (included / name).write_text(text)
    shutil.copy(DEPLOY / "mosquitto" / "cunmai.acl", tmp_path)
    (tmp_path / "cunmai.passwd").touch(0o600)
    for user in (GATEWAY, OTHER):
        subprocess.run([passwd, "-b", str(tmp_path / "cunmai.passwd"), user, "pass"], check=True, timeout=30)
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"persistence_location {tmp_path}/\ninclude_dir {included}\nuser root\n")
    with (tmp_path / "mosquitto.log").open("wb") as log:
        mosquitto = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        wait_until(lambda: listening(outside) or mosquitto.poll() is not None, what="mosquitto listens")
        assert mosquitto.poll() is None, (tmp_path / "mosquitto.log").read_text()
        yield outside, inside
    finally:
        end(mosquitto)


class Gateway:
    """A client that logs in by TLS as the kiosks do."""

    def __init__(self, port: int, user: str | None, password: str = "pass") -> None:
        self.refused: list[str] = []
        self.acknowledged: list[str] = []
        self.subscribed: list[str] = []
        self._client = client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if user is not None:
            client.username_pw_set(user, password)
        client.tls_set_context(unchecked())
        self.joined: list[str] = []
        client.on_connect = lambda *a: self.joined.append(str(a[3]))
        client.on_publish = lambda *a: self.acknowledged.append(str(a[3]))
        client.on_subscribe = lambda *a: self.subscribed.extend(map(str, a[3]))
        client.connect("127.0.0.1", port)
        client.loop_start()
        wait_until(lambda: self.joined, what="the broker has answered")

    def publishes(self, topic: str) -> str:
        """What the broker says to it."""
        self._client.publish(topic, b"{}", qos=1)
        wait_until(lambda: self.acknowledged, what="an acknowledgement")
        return self.acknowledged.pop()

    def hears(self, topic: str) -> str:
        self._client.subscribe(topic, qos=1)
        wait_until(lambda: self.subscribed, what="an answer to a subscription")
        return self.subscribed.pop()

    def close(self) -> None:
        self._client.loop_stop()
        self._client.disconnect()


@pytest.mark.server
def test_a_gateway_writes_and_reads_under_its_own_id_alone(broker: tuple[int, int]) -> None:
    outside, inside = broker
    heard: list[str] = []
    service = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    service.on_message = lambda *a: heard.append(a[2].topic)
    ready: list[object] = []
    service.on_subscribe = lambda *a: ready.append(a)
    service.connect("127.0.0.1", inside)
    service.loop_start()
    service.subscribe("cunmai/v1/#", qos=1)
    wait_until(lambda: ready, what="the services are subscribed")
    with closing(Gateway(outside, GATEWAY)) as gateway:
        own = [gateway_topic(GATEWAY, channel) for channel in (Channel.READINGS, Channel.STATE)]
        assert [gateway.publishes(topic) for topic in own] == ["Success", "Success"]
        foreign = [gateway_topic(OTHER, Channel.READINGS), gateway_topic(GATEWAY, Channel.COMMANDS),
                   "cunmai/v1/00/events"]  # fmt: skip
        assert [gateway.publishes(topic) for topic in foreign] == ["Not authorized"] * 3
        assert gateway.publishes(own[0]) == "Success"
        wait_until(lambda: len(heard) >= 3, what="what it may say is heard")
        # A subscription is taken; what it may not read does not come.
        got: list[str] = []
        gateway._client.on_message = lambda *a: got.append(a[2].topic)
        for topic in ("cunmai/v1/#", gateway_topic(GATEWAY, Channel.COMMANDS)):
            gateway.hears(topic)
        for to in (OTHER, GATEWAY):
            service.publish(gateway_topic(to, Channel.COMMANDS), b"{}", qos=1)
        wait_until(lambda: got, what="its own command is heard")
    service.loop_stop()
    service.disconnect()
    assert heard[:3] == [*own, own[0]]
    assert set(got) == {gateway_topic(GATEWAY, Channel.COMMANDS)}


@pytest.mark.server
@pytest.mark.parametrize(("user", "password"), [(None, ""), (GATEWAY, "wrong"), ("cz-unknown", "pass")])
def test_nobody_else_comes_in(broker: tuple[int, int], user: str | None, password: str) -> None:
    with closing(Gateway(broker[0], user, password)) as stranger:
        assert stranger.joined[0] == "Not authorized"
