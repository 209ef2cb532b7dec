"""The SMS makers' doors, on loopback: they check a request as the makers' documents say, from its raw bytes.

Nothing here is the product's: the signatures are worked out again from what came over the wire, so that a
header that the client rewrote, a query that it encoded in another way or a body that it changed shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Came:
    """One request as it came: `target` is path and query, not decoded; headers by small letters."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Door:
    """Answers each request with the next of `answers` (status, JSON), and keeps what came."""

    url: str
    answers: list[tuple[int, Any]] = field(default_factory=list)
    came: list[Came] = field(default_factory=list)


@contextmanager
def door() -> Iterator[Door]:
    """A maker's address, for as long as the block lasts."""
    here = Door("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            here.came.append(Came(self.command, self.path, headers, body))
            status, answer = here.answers.pop(0)
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def signed_for_aliyun(came: Came, key_id: str, secret: str) -> bool:
    """Whether Aliyun would take the signature: ACS3-HMAC-SHA256, over the headers that it names itself."""
    algorithm, _, parts = came.headers["authorization"].partition(" ")
    told = dict(part.split("=", 1) for part in parts.split(","))
    names = told["SignedHeaders"].split(";")
    path, _, query = came.target.partition("?")
    canonical = [came.method, path, "&".join(sorted(query.split("&")))]
    canonical += [f"{name}:{came.headers[name]}" for name in names]
    canonical += ["", ";".join(names), hashlib.sha256(came.body).hexdigest()]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    wanted = hmac.new(secret.encode(), f"{algorithm}\n{digest}".encode(), "sha256").hexdigest()
    must = {
        "host",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-version",
    }
    return (
        algorithm == "ACS3-HMAC-SHA256"
        and told["Credential"] == key_id
        and told["Signature"] == wanted
        and must <= set(names)
        and came.headers["x-acs-content-sha256"] == hashlib.sha256(came.body).hexdigest()
    )


def signed_for_tencent(came: Came, key_id: str, secret: str) -> bool:
    """Whether Tencent Cloud would take the signature: TC3-HMAC-SHA256, over the headers that it names itself."""
    found = re.fullmatch(
        r"TC3-HMAC-SHA256 Credential=([^/]+)/(\d{4}-\d\d-\d\d)/sms/tc3_request, "
        r"SignedHeaders=([a-z;-]+), Signature=([0-9a-f]{64})",
        came.headers["authorization"],
    )
    assert found, came.headers["authorization"]
    who, date, names, signature = found.groups()
    lines = "".join(f"{name}:{came.headers[name].lower()}\n" for name in names.split(";"))
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(came.body).hexdigest()}"
    to_sign = (
        f"TC3-HMAC-SHA256\n{came.headers['x-tc-timestamp']}\n{date}/sms/tc3_request\n"
        f"{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    key = f"TC3{secret}".encode()
    for word in (date, "sms", "tc3_request"):
        key = hmac.new(key, word.encode(), "sha256").digest()
    wanted = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    return who == key_id and signature == wanted and {"content-type", "host"} <= set(names.split(";"))
