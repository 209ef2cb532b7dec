"""What a county's IT copies onto its server: units that systemd takes, settings that load, a proxy that is tight."""

from __future__ import annotations

import configparser
import datetime
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from cunmai_ingest.settings import IngestSettings
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.yamlfile import FileProblems, load_model, parse_document, validate
from support.servers import end, free_port, listening, need_program, wait_until
from support.sms_sink import SECRET
from support.web import serving

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SERVER_UNITS = [unit for unit in UNITS if "gateway" not in unit.name]
PROXY = DEPLOY / "nginx" / "cunmai.conf"


def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("there is no systemd here")
    return found


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.read_text())
    return parser


# -- units ----------------------------------------------------------------------------------------------


def test_there_is_a_unit_for_every_service() -> None:
    assert [unit.name for unit in UNITS] == [
        "cunmai-gateway.service", "cunmai-ingest-api.service", "cunmai-ingest.service", "cunmai-rules.service"
    ]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say_against_a_unit(unit: Path, tmp_path: Path) -> None:
    program = systemd_analyze()
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/cunmai/bin/cunmai", "/bin/true"))
    verified = subprocess.run(
        [program, "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_walled_in(unit: Path) -> None:
    """systemd's own figure: 10 is open to everything, below 5 is "OK"."""
    rated = subprocess.run(
        [systemd_analyze(), "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = re.search(r"exposure level for \S+: ([\d.]+)", rated.stdout)
    assert found, rated.stderr
    assert float(found[1]) < 2.5


@pytest.mark.parametrize("unit", SERVER_UNITS, ids=lambda unit: unit.stem)
def test_a_service_comes_back_for_ever_and_writes_where_it_may(unit: Path) -> None:
    told = read(unit)
    service = told["Service"]
    assert (service["Restart"], told["Unit"]["StartLimitIntervalSec"]) == ("always", "0")
    assert (service["User"], service["StateDirectory"]) == ("cunmai", "cunmai")
    found = re.fullmatch(
        r"/opt/cunmai/bin/cunmai (rules|ingest) (run|api) --config /etc/cunmai/(\S+)", service["ExecStart"]
    )
    assert found
    assert (DEPLOY / "settings" / found[3]).is_file()
    assert "MemoryDenyWriteExecute" in service


def test_the_rules_may_ask_whether_the_clock_is_synchronised() -> None:
    """By a call that systemd counts among those that set the clock: without it no release comes into force."""
    text = (DEPLOY / "systemd" / "cunmai-rules.service").read_text()
    assert "\nSystemCallFilter=@system-service adjtimex clock_adjtime clock_adjtime64\n" in text
    assert "ProtectClock" not in text


# -- settings -------------------------------------------------------------------------------------------


def rules_settings() -> RulesSettings:
    """The sample, with values of one's own in the places that ask for them."""
    text = (DEPLOY / "settings" / "rules.yaml").read_text()
    own = {"put-the-number-here": "13800000001", "put-the-secret-here": SECRET}
    own["put-the-address-of-your-watcher-here"] = "https://watcher.example/ping"
    for sample, value in own.items():
        text = text.replace(sample, value)
    return validate(parse_document(text.encode(), "rules.yaml"), RulesSettings)


def test_the_rules_settings_ask_for_what_is_ones_own_and_then_load() -> None:
    with pytest.raises(FileProblems) as refused:
        load_model(DEPLOY / "settings" / "rules.yaml", RulesSettings)
    asked = [problem.zh.split(":")[0] for problem in refused.value.problems]
    assert asked == ["contacts.0.to", "contacts.1.to", "webhook.secret", "heartbeat.url"]
    settings = rules_settings()
    assert settings.self_test is not None
    assert settings.heartbeat is not None
    assert settings.self_test.contact not in settings.fallback_contacts, "nobody on duty gets the tests"
    assert str(settings.data_dir) == "/var/lib/cunmai"


def test_the_ingest_settings_load() -> None:
    settings = load_model(DEPLOY / "settings" / "ingest.yaml", IngestSettings)
    assert str(settings.data_dir) == "/var/lib/cunmai"


def test_the_proxy_is_for_the_same_name_and_port_as_the_settings() -> None:
    settings, text = rules_settings(), PROXY.read_text()
    assert set(re.findall(r"server_name (\S+);", text)) == {urlsplit(settings.public_url).hostname}
    assert f"server {settings.listen.host}:{settings.listen.port};" in text


# -- the proxy ------------------------------------------------------------------------------------------


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


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cunmai.county.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


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
