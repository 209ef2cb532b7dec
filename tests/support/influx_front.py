"""A front for tests only: the InfluxDB 2 write path, in front of a real InfluxDB 1.x.

InfluxDB 1.6, which Debian ships, has `/write` and `/query` but not `/api/v2/write`. The front maps
`/api/v2/write?bucket=..&org=..&precision=ns` onto `/write?db=..&precision=n`, checks the token, and answers
errors as InfluxDB 2 does; `/query` and `/ping` pass through. It stores nothing: every point goes to, and
every read comes from, the real server. A test may also make it answer an error, or cut it off.
"""

from __future__ import annotations

import http.client
import json
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

_UPSTREAM_TIMEOUT_S = 30
_CODES = {
    400: "invalid",
    401: "unauthorized",
    404: "not found",
    413: "request too large",
    422: "unprocessable entity",
    503: "unavailable",
}
_PRECISIONS = {"ns": "n", "us": "u", "ms": "ms", "s": "s"}
_PASSED_ON = frozenset({"content-encoding", "content-type", "accept"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    version: str = "?"


@dataclass
class Weather:
    """What a test makes of the front. Set before, or while, requests come."""

    token: str | None = None
    """Where set, any other token is refused with 401."""
    fail_writes_with: int | None = None
    """Answer every write with this status, and pass nothing on."""
    lose_answers: bool = False
    """Pass writes on, then break the connection instead of answering: stored, but nobody knows."""
    write_bodies: list[bytes] = field(default_factory=list)
    keep_bodies: bool = True
    """A long campaign does not look at them."""


class InfluxFront:
    """Serves on a loopback port that stays the same over `cut()` and `start()`."""

    def __init__(self, upstream_port: int) -> None:
        self.weather = Weather()
        self._upstream_port = upstream_port
        self._server: _Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._server = _Server(self.port, self._upstream_port, self.weather)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections and break the ones there are, as a killed server does."""
        if self._server is not None:
            self._server.shutdown()
            self._server.break_connections()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, upstream_port: int, weather: Weather) -> None:
        self.upstream_port = upstream_port
        self.weather = weather
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that a test has broken is no news."""

    def break_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    request: socket.socket

    def __init__(self, request: Any, client_address: Any, server: socketserver.BaseServer) -> None:
        super().__init__(request, client_address, server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        answer = self._answer(body)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("X-Influxdb-Version", answer.version)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(answer.body)

    def _answer(self, body: bytes) -> Answer | None:
        url = urlsplit(self.path)
        if url.path == "/ping":
            return self._upstream("GET", "/ping", b"")
        weather = self.server.weather
        if weather.token is not None and self.headers.get("Authorization") != f"Token {weather.token}":
            return _error(401, "unauthorized access")
        if url.path == "/query":
            return self._upstream(self.command, self.path, body)
        if url.path != "/api/v2/write":
            return _error(404, "path not found")
        if weather.fail_writes_with is not None:
            return _error(weather.fail_writes_with, "said the test")
        if weather.keep_bodies:
            weather.write_bodies.append(body)
        answer = self._write(url.query, body)
        return None if weather.lose_answers else answer

    def _write(self, query: str, body: bytes) -> Answer:
        given = {key: values[-1] for key, values in parse_qs(query).items()}
        database, _, policy = given.get("bucket", "").partition("/")
        parameters = {"db": database, "precision": _PRECISIONS[given.get("precision", "ns")]}
        if policy:
            parameters["rp"] = policy
        answer = self._upstream("POST", "/write?" + urlencode(parameters), body)
        if answer.status < 400:
            return answer
        message = str(json.loads(answer.body)["error"])
        # InfluxDB 2 answers a partial write (a type conflict) with 422, 1.x with 400.
        conflict = answer.status == 400 and message.startswith("partial write: field type conflict")
        return _error(422 if conflict else answer.status, message)

    def _upstream(self, method: str, path: str, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.upstream_port, timeout=_UPSTREAM_TIMEOUT_S
        )
        headers = {name: value for name, value in self.headers.items() if name.lower() in _PASSED_ON}
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            content_type = response.getheader("Content-Type", "application/json")
            version = response.getheader("X-Influxdb-Version", "?")
            return Answer(response.status, response.read(), content_type, version)
        except (OSError, http.client.HTTPException) as error:
            return _error(503, f"the server behind the front: {error}")
        finally:
            connection.close()


def _error(status: int, message: str) -> Answer:
    body = {"code": _CODES.get(status, "internal error"), "message": message}
    return Answer(status, json.dumps(body).encode())
