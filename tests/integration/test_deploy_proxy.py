"""The proxy in front of the pages, on a real nginx: what is for outside passes alone, and no log names a link."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from support.certificates import make_certificate
from support.servers import end, free_port, listening, need_program, wait_until
from support.web import serving

PROXY = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "cunmai.conf"


class Behind:
    """In the place of the rules: it says who called for what."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.app = FastAPI(openapi_url=None)

        @self.app.get("/w/{token}/live")
        def live(token: str) -> StreamingResponse:
            return StreamingResponse(self._parts(), media_type="text/event-stream")

        @self.app.api_route("/{path:path}", methods=["GET", "POST"])
        async def echo(request: Request) -> dict[str, Any]:
            client = request.client.host if request.client else ""
            return {"path": request.url.path, "client": client, "bytes": len(await request.body())}

    def _parts(self) -> Iterator[bytes]:
        yield b"data: first\n\n"
        self.go_on.wait(20)
        yield b"data: last\n\n"


def configuration(folder: Path, upstream: str, plain: int, tls: int) -> str:
    """The sample on free ports of loopback, with its files in this folder."""
    sample = re.sub(r"^ *listen \[::\].*\n", "", PROXY.read_text(), flags=re.MULTILINE)
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls} ssl http2;",
        "server 127.0.0.1:8087;": f"server {upstream};",
        "/etc/cunmai/tls/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
    }
    for before, after in changes.items():
        assert before in sample
        sample = sample.replace(before, after)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    main = f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/main.log;\n"
    return f"{main}events {{}}\nhttp {{\n{temporary}{sample}}}\n"


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[httpx.Client, Behind, int]]:
    """A client of a real nginx that runs the sample; what is behind it; and the port without TLS."""
    program, behind = need_program("nginx"), Behind()
    plain, tls = free_port(), free_port()
    make_certificate(tmp_path)
    with serving(behind.app) as address:
        upstream = urlsplit(address).netloc
        (tmp_path / "nginx.conf").write_text(configuration(tmp_path, upstream, plain, tls))
        nginx = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
        try:
            wait_until(lambda: listening(tls) or nginx.poll() is not None, what="nginx is up")
            assert nginx.poll() is None, (tmp_path / "main.log").read_text()
            headers = {"host": "cunmai.county.example"}
            with httpx.Client(
                base_url=f"https://127.0.0.1:{tls}", headers=headers, verify=False, trust_env=False
            ) as client:
                yield client, behind, plain
        finally:
            behind.go_on.set()
            end(nginx)


@pytest.mark.server
def test_the_proxy_passes_what_is_for_outside_and_nothing_else(
    proxied: tuple[httpx.Client, Behind, int], tmp_path: Path
) -> None:
    client, _, plain = proxied
    for path in ("/e/SecretToken123456", "/s/SecretToken123456", "/w/SecretToken123456", "/static/page.css"):
        assert client.get(path).json()["path"] == path
    for path in ("/health", "/metrics", "/registry/residents", "/", "/e", "/eh/x", "/.git/config"):
        assert client.get(path).status_code == 404, path
    forged = client.post(
        "/sms/aliyun/receipts/SecretToken123456",
        content=b"x" * 262_144,
        headers={"x-forwarded-for": "203.0.113.9"},
    )
    assert forged.json() == {
        "path": "/sms/aliyun/receipts/SecretToken123456", "client": "127.0.0.1", "bytes": 262_144
    }  # fmt: skip
    assert client.post("/e/SecretToken123456", content=b"x" * 400_000).status_code == 413
    typed = httpx.get(
        f"http://127.0.0.1:{plain}/e/SecretToken123456", headers=client.headers, trust_env=False
    )
    assert (typed.status_code, typed.headers["location"]) == (
        301, "https://cunmai.county.example/e/SecretToken123456"
    )  # fmt: skip
    assert "max-age" in client.get("/e/x").headers["strict-transport-security"]
    logs = {path.name: path.read_text() for path in tmp_path.glob("*.log")}
    assert logs["cunmai.log"].count("\n") >= 4
    assert not [name for name, text in logs.items() if "SecretToken" in text]


@pytest.mark.server
def test_a_worklist_hears_of_a_change_while_its_answer_goes_on(
    proxied: tuple[httpx.Client, Behind, int],
) -> None:
    client, behind, _ = proxied
    with client.stream("GET", "/w/SecretToken123456/live", timeout=10) as answer:
        parts = answer.iter_lines()
        assert next(parts) == "data: first"
        behind.go_on.set()
        assert "data: last" in list(parts)


@pytest.mark.server
def test_a_flood_of_one_address_is_slowed_down_and_its_log_names_no_link(
    proxied: tuple[httpx.Client, Behind, int], tmp_path: Path
) -> None:
    client, _, _ = proxied
    found: list[int] = []
    while 429 not in found and len(found) < 2000:
        found.append(client.get("/e/SecretToken123456").status_code)
    assert found[:40] == [200] * 40
    assert found[-1] == 429
    assert "SecretToken" not in (tmp_path / "cunmai-error.log").read_text()
