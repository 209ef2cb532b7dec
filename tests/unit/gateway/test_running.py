"""Running it: systemd's notifications and watchdog, health, metrics, and the unit file."""

from __future__ import annotations

import asyncio
import configparser
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cunmai_gateway.clocktrust import ClockWatch
from cunmai_gateway.notify import notify, watchdog_period_s
from cunmai_gateway.observed import observed
from cunmai_gateway.pulse import Pulse
from cunmai_gateway.recorder import Recorder
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_gateway.stated import Identity, Stated
from cunmai_gateway.vitals import STALE_S, Vitals, VitalsCollector
from cunmai_runtime.errors import UserError
from cunmai_wire.base import ClockTrust
from support.servers import free_port

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "cunmai-gateway.service"


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as server:
        server.bind(str(path))
        server.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield server


def vitals(fault: str | None = None, taken_s: float = 100.0) -> Vitals:
    return Vitals(
        gateway="cz-01", stream="s", measured=1204, pending=12, waiting=0, not_kept=3, lost_total=5, spool_bytes=4096,
        up=False, clock=ClockTrust.UNTRUSTED, clock_jumps=1, configuration_version=None, fault=fault, taken_s=taken_s,
    )  # fmt: skip


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


# -- systemd ------------------------------------------------------------------------------------------


def test_systemd_is_told(systemd: socket.socket) -> None:
    assert notify("READY=1", "STATUS=待上传 3 条")
    assert systemd.recv(4096).decode() == "READY=1\nSTATUS=待上传 3 条"


def test_without_systemd_nothing_is_told(tmp_path: Path) -> None:
    assert not notify("READY=1", environment={})
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": "not-an-address"})


def test_an_abstract_socket_is_reached() -> None:
    name = f"cunmai-test-{free_port()}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as server:
        server.bind(f"\0{name}")
        server.settimeout(5)
        assert notify("READY=1", environment={"NOTIFY_SOCKET": f"@{name}"})
        assert server.recv(100) == b"READY=1"


@pytest.mark.parametrize(
    ("usec", "period_s"), [("9000000", 3.0), ("60000000", 5.0), ("0", 5.0), ("soon", 5.0)]
)
def test_the_watchdog_is_fed_three_times_as_often_as_asked(usec: str, period_s: float) -> None:
    assert watchdog_period_s({"WATCHDOG_USEC": usec}) == period_s
    assert watchdog_period_s({}) == 5.0


async def test_the_watchdog_starves_while_the_spool_is_stuck(
    systemd: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000")  # fed every 20 ms
    spool = SpoolThread(lambda: Spool(tmp_path / "spool.sqlite", created_ms=1))
    stream = await spool.open()
    recorder = Recorder(spool, lambda _heard, _trust: None, lambda _stream, _seq: None)
    watch = ClockWatch(lambda: 1_790_000_000_000, lambda: ClockTrust.TRUSTED, steady_ms=None)
    collector = VitalsCollector()
    pulse = Pulse(spool, recorder, Stated(Identity("cz-01", "cunmai-0"), watch, stream), collector)
    running = asyncio.create_task(pulse.run(lambda: True))

    def heard() -> str:
        return systemd.recv(4096).decode()

    assert await asyncio.to_thread(heard) == "READY=1"
    assert await asyncio.to_thread(heard) == "WATCHDOG=1\nSTATUS=已连接 online, 待上传 0 条 to send"
    release = threading.Event()
    stuck = asyncio.create_task(spool.use(lambda _spool: release.wait(20)))
    await asyncio.sleep(0.1)
    systemd.setblocking(False)
    while True:  # what was said before it got stuck
        try:
            systemd.recv(4096)
        except BlockingIOError:
            break
    await asyncio.sleep(0.3)
    with pytest.raises(BlockingIOError):
        systemd.recv(4096)
    release.set()
    await stuck
    systemd.settimeout(5)
    assert (await asyncio.to_thread(heard)).startswith("WATCHDOG=1")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await spool.close()
    assert collector.newest is not None
    assert collector.newest.stream == stream


def test_the_unit_restarts_for_ever_and_its_watchdog_is_longer_than_three_pulses() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert float(service["WatchdogSec"]) > 3 * watchdog_period_s(
        {"WATCHDOG_USEC": service["WatchdogSec"] + "000000"}
    )
    assert "gateway run --config" in service["ExecStart"]


def test_the_units_walls_leave_what_the_gateway_needs() -> None:
    """Without adjtimex no clock could be trusted; without AF_UNIX there is neither D-Bus nor watchdog."""
    text = UNIT.read_text()
    assert "SystemCallFilter=@system-service adjtimex clock_adjtime clock_adjtime64\n" in text
    assert "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n" in text
    assert "ProtectClock" not in text, "it would forbid asking, too"


# -- health and metrics -------------------------------------------------------------------------------


def test_health_and_metrics_are_served_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cunmai_gateway.observed.time.monotonic", lambda: 110.0)
    port, collector = free_port(), VitalsCollector()
    with observed(port, collector):
        assert get(port, "/health") == (503, '{"healthy": false, "fault": "starting"}\n')
        collector.newest = vitals()
        status, body = get(port, "/health")
        facts = json.loads(body)
        assert status == 200
        assert (facts["healthy"], facts["age_s"], facts["pending"], facts["up"]) == (True, 10.0, 12, False)
        status, metrics = get(port, "/metrics")
        assert status == 200
        for line in (
            'cunmai_gateway_pending{gateway="cz-01"} 12.0',
            'cunmai_gateway_measured_total{gateway="cz-01"} 1204.0',
            'cunmai_gateway_lost_total{gateway="cz-01"} 5.0',
            'cunmai_gateway_not_kept_total{gateway="cz-01"} 3.0',
            'cunmai_gateway_up{gateway="cz-01"} 0.0',
            'cunmai_gateway_clock_trusted{gateway="cz-01"} 0.0',
            'cunmai_gateway_stores{gateway="cz-01"} 1.0',
        ):
            assert line in metrics.splitlines()
        collector.newest = vitals(fault="磁盘已满 / the disk is full")
        status, body = get(port, "/health")
        assert (status, json.loads(body)["fault"]) == (503, "磁盘已满 / the disk is full")
        assert get(port, "/")[0] == 404
    with pytest.raises(urllib.error.URLError):
        get(port, "/health")


def test_vitals_that_grow_old_are_no_health() -> None:
    assert vitals().healthy(100 + STALE_S)
    assert not vitals().healthy(100 + STALE_S + 1)


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=f"指标端口 {port} 打不开"), observed(port, VitalsCollector()):
            pass


def test_without_a_port_nothing_is_served() -> None:
    with observed(None, VitalsCollector()):
        pass
