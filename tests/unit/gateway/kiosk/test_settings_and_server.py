"""The section of the configuration, and the server behind it."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
import structlog

from cunmai_gateway.kiosk import server
from cunmai_gateway.settings import GatewaySettings
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import parse_document, validate
from support.kiosk import Bench
from support.servers import wait_until

FILE = """\
gateway: cz-01
data_dir: /var/lib/cunmai
devices:
  - {{id: oxi-1, driver: plx, name: A}}
  - {{id: oxi-2, driver: plx, name: B, resident: R-1}}
{kiosk}
"""


def load(kiosk: str) -> GatewaySettings:
    return validate(parse_document(FILE.format(kiosk=kiosk).encode(), "gateway.yaml"), GatewaySettings)


def test_without_the_section_there_is_no_page() -> None:
    assert load("").kiosk is None


def test_the_section_alone_serves_on_loopback() -> None:
    kiosk = load("kiosk: {}").kiosk
    assert kiosk is not None
    assert (kiosk.host, kiosk.port, kiosk.altitude_m) == ("127.0.0.1", 8090, None)


@pytest.mark.parametrize(
    ("kiosk", "words"),
    [
        ("kiosk: {prot: 8090}", "gateway.yaml:6: kiosk.prot: 不认识的键"),
        ("kiosk: {port: 0}", "不能小于 1"),
        ("kiosk: {host: kiosk.local}", "请填写 IP 地址"),
        ("kiosk: {resident_ids: '['}", "不是正则表达式"),
        ("kiosk: {devices: [oxi-9]}", "kiosk.devices 里的 oxi-9 不在设备中"),
        ("kiosk: {devices: [oxi-2]}", "或已指定居民"),
        ("kiosk: {medicines: ['13800000001']}", "药品名里不能有证件号或手机号"),
    ],
)
def test_faults_are_said_with_their_line(kiosk: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        load(kiosk)
    assert words in str(error.value)


def test_a_port_that_is_taken_costs_the_page_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RETRY_S", 0.05)
    taken = socket.create_server(("127.0.0.1", 0))
    bench = Bench(tmp_path, port=taken.getsockname()[1])
    try:
        with structlog.testing.capture_logs() as logs:
            address = bench.serve()
            wait_until(lambda: any(one["event"] == "kiosk.port" for one in logs), what="it is said")
            bench.series(97)
            assert len(bench.readings()) == 1
            taken.close()

            def answers() -> bool:
                try:
                    return httpx.get(f"{address}/api/state", timeout=2).status_code == 200
                except httpx.HTTPError:
                    return False

            wait_until(answers, what="the page is there once the port is free")
        assert [one["event"] for one in logs].count("kiosk.port") == 1
    finally:
        bench.end()


def test_listening_pages_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    address = bench.serve()
    with httpx.stream("GET", f"{address}/api/live", timeout=5) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("data: ")
        bench.end()
        assert all(line == "" or line.startswith("data: ") for line in lines)
