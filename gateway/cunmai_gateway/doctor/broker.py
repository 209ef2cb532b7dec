"""The broker: certificates, whether anyone listens, and whether we are let in."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from cunmai_gateway.doctor.certificates import ends_of
from cunmai_gateway.doctor.finding import Finding
from cunmai_gateway.doctor.streams import check_streams
from cunmai_gateway.settings import GatewaySettings
from cunmai_gateway.spool import measured_in
from cunmai_runtime.mqtt import MqttSettings, Protocol
from cunmai_wire.topics import Channel, gateway_topic

_CONNECT_S = 5.0
_LOGIN_S = 10.0
_LISTEN_S = 3.0
"""Two gateways with one id throw one another out every second or two, and say so each time."""
_SOON = timedelta(days=30)


def check_broker(
    settings: GatewaySettings, now: datetime | None = None, *, listen_s: float = _LISTEN_S
) -> Iterator[Finding]:
    """`now`: for the certificates. `listen_s`: how long to look for another gateway under our id."""
    mqtt = settings.mqtt
    for name, path in (("ca_file", mqtt.ca_file), ("cert_file", mqtt.cert_file)):
        if path is not None:
            yield _certificate(name, path, now or datetime.now(UTC))
    unreachable = _unreachable(mqtt)
    if unreachable is not None:
        yield unreachable
        return
    heard: list[bytes] = []
    yield _login(mqtt, settings.gateway, heard, listen_s)
    streams = check_streams(measured_in(settings.spool_path), heard)
    if streams is not None:
        yield streams


def _certificate(name: str, path: Path, now: datetime) -> Finding:
    check = f"certificate_{name}"
    todo = f"请向县里索取新证书, 放到 {path}", f"ask the county for a new certificate, and put it at {path}"
    try:
        ends = ends_of(path.read_bytes())
        if not ends:
            raise ValueError("there is no certificate in it")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Finding(
            check, f"证书 {path} 读不出: {why}", f"certificate {path} cannot be read: {why}", *todo
        )
    end = min(ends)
    zh, en = (
        f"证书 {path.name} 有效期至 {end:%Y-%m-%d}",
        f"certificate {path.name} is valid until {end:%Y-%m-%d}",
    )
    return Finding(check, zh, en) if end - now > _SOON else Finding(check, zh, en, *todo)


def _unreachable(mqtt: MqttSettings) -> Finding | None:
    where = f"{mqtt.host}:{mqtt.port}"
    try:
        socket.create_connection((mqtt.host, mqtt.port), _CONNECT_S).close()
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        return Finding(
            "broker",
            f"连不上消息服务器 {where}: {why}",
            f"the broker {where} cannot be reached: {why}",
            "检查网络和 mqtt.host, mqtt.port; 在此之前测量值保存在本机",
            "check the network, mqtt.host and mqtt.port; until then readings are kept here",
        )
    return None


def _login(mqtt: MqttSettings, gateway: str, heard: list[bytes], listen_s: float) -> Finding:
    """Log in under an id of our own, so that a running gateway is not thrown out; hear the gateway's states."""
    answer: list[str] = []
    answered = threading.Event()

    def on_connect(_c: paho.Client, _u: object, _f: object, code: ReasonCode, _p: object) -> None:
        if code.is_failure:
            answer.append(str(code))
        else:
            _c.subscribe(gateway_topic(gateway, Channel.STATE), qos=1)
        answered.set()

    v5 = mqtt.protocol is Protocol.V5
    client = paho.Client(
        CallbackAPIVersion.VERSION2, f"doctor-{gateway}", protocol=paho.MQTTv5 if v5 else paho.MQTTv311
    )
    client.on_connect = on_connect
    client.on_message = lambda _c, _u, message: heard.append(bytes(message.payload))
    if mqtt.username:
        client.username_pw_set(mqtt.username, mqtt.password.get_secret_value() if mqtt.password else None)
    try:
        if mqtt.ca_file:
            context = ssl.create_default_context(cafile=str(mqtt.ca_file))
            if mqtt.cert_file:
                context.load_cert_chain(mqtt.cert_file, mqtt.key_file)
            client.tls_set_context(context)
        client.connect(mqtt.host, mqtt.port)
    except (OSError, ValueError) as error:
        return _refused(mqtt, str(error))
    client.loop_start()
    try:
        if not answered.wait(_LOGIN_S):
            return _refused(mqtt, "no answer")
        if not answer:
            time.sleep(listen_s)
    finally:
        client.disconnect()
        client.loop_stop()
        left_open = client.socket()
        if left_open is not None:  # paho may end its thread before it has closed
            left_open.close()
    return _refused(mqtt, answer[0]) if answer else _accepted(mqtt)


def _accepted(mqtt: MqttSettings) -> Finding:
    tls = "TLS" if mqtt.ca_file else "不加密 not encrypted"
    where = f"{mqtt.host}:{mqtt.port}, {tls}"
    return Finding("broker", f"消息服务器登录成功 ({where})", f"the broker let us in ({where})")


def _refused(mqtt: MqttSettings, why: str) -> Finding:
    return Finding(
        "broker",
        f"消息服务器 {mqtt.host}:{mqtt.port} 不让登录: {why}",
        f"the broker {mqtt.host}:{mqtt.port} does not let us in: {why}",
        "检查 mqtt.username, mqtt.password, 证书, 以及本机时钟 (时钟错误会使证书失效)",
        "check mqtt.username, mqtt.password, the certificates, and this machine's clock (certificates need it)",
    )
