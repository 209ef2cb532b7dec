"""The doctor: every look finds what is wrong, says what to do in both languages, and nothing otherwise."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from cunmai_gateway.configuration import Configuration
from cunmai_gateway.doctor import disk as disk_checks
from cunmai_gateway.doctor.bluetooth import BlueZ, check_bluetooth
from cunmai_gateway.doctor.broker import check_broker
from cunmai_gateway.doctor.certificates import ends_of
from cunmai_gateway.doctor.disk import check_disk
from cunmai_gateway.doctor.examination import check_clock, check_configuration, examine
from cunmai_gateway.doctor.finding import Finding
from cunmai_gateway.doctor.page import check_page
from cunmai_gateway.doctor.streams import check_streams
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.settings import GatewaySettings, SpoolSettings
from cunmai_gateway.spool import Spool
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import ClockTrust
from cunmai_wire.commands import Configure
from cunmai_wire.topics import Channel, gateway_topic
from support.broker import Mosquitto
from support.kiosk import kiosk_bench
from support.servers import free_port, listening, wait_until

NOW_MS = 1_790_000_000_000
OWN, OTHER = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001", "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c002"


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    return GatewaySettings(gateway="cz-01", data_dir=tmp_path / "data", spool=SpoolSettings(max_mb=64))


def found(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def check_words(finding: Finding) -> None:
    """Chinese and English, and what to do, in both."""
    for text in (finding.zh, finding.todo_zh):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text), text
    assert finding.en.isascii() or "/" in finding.en
    assert finding.todo_en


# -- disk -------------------------------------------------------------------------------------------------


def test_a_good_disk(settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_checks, "_filesystem", lambda _folder: "ext4")
    monkeypatch.setattr(disk_checks, "_NOT_WAITING_S", 0.0)
    monkeypatch.setattr(disk_checks, "_SLOW_S", 60.0)
    findings = found(check_disk(settings))
    assert list(findings) == ["data_dir", "disk_kind", "disk_room", "disk_speed", "spool"]
    assert [finding for finding in findings.values() if not finding.ok] == []
    assert list(settings.data_dir.iterdir()) == [], "nothing is left behind"


def test_a_data_directory_that_cannot_be_made(settings: GatewaySettings) -> None:
    settings.data_dir.write_text("a file is in the way")
    (finding,) = check_disk(settings)
    assert (finding.check, finding.ok) == ("data_dir", False)
    check_words(finding)


def test_a_ram_disk(settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_checks, "_filesystem", lambda _folder: "tmpfs")
    finding = found(check_disk(settings))["disk_kind"]
    assert not finding.ok
    check_words(finding)


def test_the_file_system_is_that_of_the_longest_mount_point() -> None:
    assert disk_checks._filesystem(Path("/proc/self")) == "proc"


def test_too_little_room(settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=319 << 20))
    finding = found(check_disk(settings))["disk_room"]
    assert "320 MB" in finding.todo_en  # 64 for the spool, and a margin of 256
    check_words(finding)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=320 << 20))
    assert found(check_disk(settings))["disk_room"].ok


@pytest.mark.parametrize(("each_s", "words"), [(0.3, "too slow"), (0.000_001, "does not wait")])
def test_a_disk_that_is_too_slow_or_does_not_wait(
    settings: GatewaySettings, monkeypatch: pytest.MonkeyPatch, each_s: float, words: str
) -> None:
    readings = iter([n * each_s for n in range(1000)])
    monkeypatch.setattr("cunmai_gateway.doctor.disk.time.perf_counter", lambda: next(readings))
    finding = found(check_disk(settings))["disk_speed"]
    assert words in finding.en + finding.todo_en
    check_words(finding)


def test_a_damaged_spool(settings: GatewaySettings) -> None:
    Spool(settings.spool_path, created_ms=1).close()
    assert found(check_disk(settings))["spool"].ok
    with settings.spool_path.open("r+b") as file:
        file.write(b"\xff" * 100)
    finding = found(check_disk(settings))["spool"]
    assert "not a database" in finding.en
    check_words(finding)


# -- clock, configuration, radio --------------------------------------------------------------------------


def test_the_clock() -> None:
    assert check_clock(lambda: NOW_MS, lambda: ClockTrust.TRUSTED).ok
    for clock_ms, trust in (
        (NOW_MS, ClockTrust.UNTRUSTED),
        (NOW_MS, ClockTrust.UNKNOWN),
        (5, ClockTrust.TRUSTED),
    ):
        finding = check_clock(lambda now_ms=clock_ms: now_ms, lambda trust=trust: trust)  # type: ignore[misc]
        assert not finding.ok
        check_words(finding)


def test_a_configuration_that_no_longer_fits(settings: GatewaySettings) -> None:
    assert check_configuration(Configuration(settings)).ok
    Configuration(settings).path.parent.mkdir()
    Configuration(settings).path.write_text("{")
    finding = check_configuration(Configuration(settings))
    assert not finding.ok
    Configuration(settings).take(
        Configure(v=1, id="c", at=1, command="configure", version=4, configuration={"devices": []})
    )
    finding = check_configuration(Configuration(settings))
    assert (finding.ok, "版本 4" in finding.zh) == (True, True)


def radio(system: Path, *, adapter: bool = True, soft: str = "0") -> Path:
    if adapter:
        (system / "bluetooth" / "hci0").mkdir(parents=True)
    switch = system / "rfkill" / "rfkill0"
    switch.mkdir(parents=True)
    for name, value in (("type", "bluetooth"), ("soft", soft), ("hard", "0")):
        (switch / name).write_text(value + "\n")
    return system


@pytest.mark.parametrize(
    ("adapter", "soft", "bluez", "faulty", "todo"),
    [
        (True, "0", BlueZ({"hci0": True}), None, ""),
        (False, "0", BlueZ({"hci0": True}), "adapter", "USB"),
        (True, "1", BlueZ({"hci0": True}), "adapter_blocked", "rfkill unblock"),
        (True, "0", BlueZ({"hci0": False}), "bluez", "power on"),
        (True, "0", BlueZ({}, "org.freedesktop.DBus.Error.AccessDenied"), "bluez", "usermod -aG bluetooth"),
        (True, "0", BlueZ({}, "org.freedesktop.DBus.Error.ServiceUnknown"), "bluez", "apt install bluez"),
    ],
)
def test_the_radio(
    tmp_path: Path, adapter: bool, soft: str, bluez: BlueZ, faulty: str | None, todo: str
) -> None:
    findings = found(check_bluetooth(radio(tmp_path, adapter=adapter, soft=soft), bluez))
    faults = [finding for finding in findings.values() if not finding.ok]
    assert [finding.check for finding in faults] == ([faulty] if faulty else [])
    for finding in faults:
        assert todo in finding.todo_en
        check_words(finding)


# -- certificates and broker ------------------------------------------------------------------------------


# Made with openssl, which says that they end at 2027-12-27 02:37:19 (a UTCTime)
# and 2059-09-30 02:37:19 UTC (a GeneralizedTime).
NEAR_END = datetime(2027, 12, 27, 2, 37, 19, tzinfo=UTC)
NEAR = """\
-----BEGIN CERTIFICATE-----
MIIBgjCCASegAwIBAgIUcLEF9m2sR+EGrgZ8t/n+m906VOIwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLY3VubWFpIHRlc3QwHhcNMjYxMTIyMDIzNzE5WhcNMjcxMjI3
MDIzNzE5WjAWMRQwEgYDVQQDDAtjdW5tYWkgdGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABK/1/8SkmQ/qqd/9XEFzw7wsqbXv/Kd0UCMaxFSNNl0BFQp0Hb65
d7z3j8LnpLuX/IaPOrAEbMKvkEuS9J7eeHKjUzBRMB0GA1UdDgQWBBQtPMYIy6P+
HZEar3lU3+QixHrq/DAfBgNVHSMEGDAWgBQtPMYIy6P+HZEar3lU3+QixHrq/DAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDzUrqysPCzgFPl4o27
QYRbPdxD3u+TC7fA0v9s65wcowIhAL7QdbGCzKBn0bm9MEkVo7H7G+uabdZhlnf7
HV2YhphE
-----END CERTIFICATE-----
"""
FAR_END = datetime(2059, 9, 30, 2, 37, 19, tzinfo=UTC)
FAR = """\
-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUMy9a+CFsnofaXqrfrB2qqdr0mnUwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLY3VubWFpIHRlc3QwIBcNMjYxMTIyMDIzNzE5WhgPMjA1OTA5
MzAwMjM3MTlaMBYxFDASBgNVBAMMC2N1bm1haSB0ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEv/nNfRlt5p1xBODFSiHEIR1onuNcFcNJrFFvzX3Q+8A8bcMC
jM33geRGPAsEODLc8Tl6SOyZ04wPFG+F2RK1naNTMFEwHQYDVR0OBBYEFKyWY+Dv
uczf1isINCP2FJO8sp/FMB8GA1UdIwQYMBaAFKyWY+Dvuczf1isINCP2FJO8sp/F
MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAL83QZRo2ELAyJm7
NwiMPOpx4A4VHidjL1TnxzTfayFpAiAMX+bpOEFB4uE/TqCRskqwY6Uz5jC7Zggw
C3Uu2TfZqA==
-----END CERTIFICATE-----
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(NEAR)
    return path


def test_the_ends_are_what_openssl_says() -> None:
    assert ends_of((NEAR + FAR).encode()) == [NEAR_END, FAR_END]


@pytest.mark.parametrize("cut", [5, 60, 300])
def test_a_spoilt_certificate_is_refused(certificate: Path, cut: int) -> None:
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())[:cut]
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="cut short"):
        ends_of(pem)


def test_certificates_that_end_soon_or_are_not_there(settings: GatewaySettings, certificate: Path) -> None:
    def look(path: Path, now: datetime) -> Finding:
        mqtt = MqttSettings(port=free_port(), ca_file=path)
        return found(check_broker(settings.model_copy(update={"mqtt": mqtt}), now))["certificate_ca_file"]

    early = NEAR_END - timedelta(days=31)
    assert look(certificate, early).ok
    for path, at in (
        (certificate, NEAR_END - timedelta(days=29)),
        (certificate, NEAR_END + timedelta(days=1)),
        (certificate.with_name("none.pem"), early),
    ):
        finding = look(path, at)
        assert not finding.ok
        check_words(finding)


def test_nobody_listens(settings: GatewaySettings) -> None:
    mqtt = MqttSettings(port=free_port())
    (finding,) = check_broker(settings.model_copy(update={"mqtt": mqtt}))
    assert "Connection refused" in finding.en
    check_words(finding)


@pytest.mark.server
def test_the_broker_lets_us_in_or_not(settings: GatewaySettings, mosquitto: Mosquitto) -> None:
    known = settings.model_copy(update={"mqtt": MqttSettings(port=mosquitto.port)})
    (finding,) = check_broker(known, listen_s=0.2)
    assert finding.ok
    mosquitto.stop()
    with (mosquitto.folder / "mosquitto.conf").open("a") as config:
        config.write("allow_anonymous false\n")
    process = subprocess.Popen([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", config.name])
    try:
        wait_until(lambda: listening(mosquitto.port), what="mosquitto listens again")
        (finding,) = check_broker(known)
    finally:
        process.terminate()
        process.wait(5)
    assert "Not authorized" in finding.en
    check_words(finding)


def state(stream: str, measured: int, presence: str = "online") -> bytes:
    fields = {"v": 1, "gateway": "cz-01", "presence": presence, "at": NOW_MS, "clock": "trusted",
              "stream": stream, "measured": measured, "software": "cunmai-1"}  # fmt: skip
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("own", "states", "words"),
    [
        ((OWN, 5), [state(OWN, 5)], None),
        ((OWN, 5), [state(OWN, 4, "offline")], None),
        ((OWN, 5), [state(OTHER, 9, "offline")], None),
        ((OWN, 5), [state(OWN, 5), state(OTHER, 9)], "another gateway is online"),
        (None, [state(OTHER, 9)], "another gateway is online"),
        ((OWN, 5), [state(OWN, 6, "offline")], "has seen reading 6, the spool only knows 5"),
    ],
)
def test_whether_somebody_else_has_our_id_or_our_spool_is_a_copy(
    own: tuple[str, int] | None, states: list[bytes], words: str | None
) -> None:
    finding = check_streams(own, [b"{", *states])
    assert finding is not None
    assert finding.ok is (words is None)
    if words is not None:
        assert words in finding.en
        check_words(finding)


def test_where_nothing_was_heard_nothing_is_said() -> None:
    assert check_streams((OWN, 5), []) is None


@pytest.mark.server
def test_the_doctor_hears_the_state_on_the_broker(settings: GatewaySettings, mosquitto: Mosquitto) -> None:
    settings.data_dir.mkdir()
    Spool(settings.spool_path, created_ms=NOW_MS).close()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    topic = gateway_topic("cz-01", Channel.STATE)
    client.publish(topic, state(OTHER, 9), qos=1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    known = settings.model_copy(update={"mqtt": MqttSettings(port=mosquitto.port)})
    broker, stream = check_broker(known, listen_s=1.0)
    assert broker.ok
    assert OTHER in stream.en
    check_words(stream)


# -- the page ---------------------------------------------------------------------------------------------


def test_the_port_of_the_page(tmp_path: Path) -> None:
    assert list(check_page(None)) == []
    page = KioskSettings(port=free_port())
    (free,) = check_page(page)
    assert free.ok
    with socket.create_server((page.host, page.port)):
        (taken,) = check_page(page)
    assert f"{page.host}:{page.port}: Address already in use" in taken.en
    check_words(taken)
    with kiosk_bench(tmp_path) as bench:
        bench.serve()
        (ours,) = check_page(bench.settings)
    assert ours.ok
    assert "answers" in ours.en
    (elsewhere,) = check_page(page.model_copy(update={"host": "192.0.2.1"}))
    check_words(elsewhere)


# -- the whole --------------------------------------------------------------------------------------------


def test_a_wrong_configuration_file_ends_the_examination(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("gateway: CZ 01\n")
    (finding,) = examine(config)
    assert f"{config}:1:" in finding.zh
    check_words(finding)


def test_the_command_prints_lines_or_json_and_tells_by_its_exit_code(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"gateway: cz-01\ndata_dir: {tmp_path}/data\nmqtt: {{port: {free_port()}}}\n")
    command = [shutil.which("cunmai") or "cunmai", "gateway", "doctor", "--config", str(config)]
    environment = os.environ | {"NO_COLOR": "1"}
    lines = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert lines.returncode == 1
    assert "✓ 配置正确 (本机文件), 0 台设备 / configuration is right" in lines.stdout
    assert "✗ 连不上消息服务器" in lines.stdout
    assert lines.stderr == ""
    as_json = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, env=environment, check=False
    )
    assert as_json.returncode == 1
    findings = {finding["check"]: finding for finding in json.loads(as_json.stdout)}
    assert findings["configuration"]["ok"] is True
    assert findings["broker"]["ok"] is False
