"""/metrics for Prometheus and /health, on loopback, from a thread that outlives a stuck event loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from cunmai_gateway.vitals import VitalsCollector
from cunmai_runtime.errors import UserError

_HOST = "127.0.0.1"
_TIMEOUT_S = 10.0


@contextmanager
def observed(port: int | None, vitals: VitalsCollector) -> Iterator[None]:
    """Serve while the block runs. Raises UserError where the port is taken."""
    if port is None:
        yield
        return
    own = CollectorRegistry()
    own.register(vitals)
    try:
        server = _Server((_HOST, port), _handler(vitals, own))
    except OSError as error:
        raise UserError(f"指标端口 {port} 打不开 / cannot serve metrics on port {port}: {error}") from None
    threading.Thread(target=server.serve_forever, name="observed", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def _handler(vitals: VitalsCollector, own: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT_S

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(
                    HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(own) + generate_latest(REGISTRY)
                )
            elif self.path == "/health":
                self._health()
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"/metrics, /health\n")

        def _health(self) -> None:
            now_s, newest = time.monotonic(), vitals.newest
            healthy = newest is not None and newest.healthy(now_s)
            body = newest.json(now_s) if newest is not None else b'{"healthy": false, "fault": "starting"}\n'
            status = HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "application/json; charset=utf-8", body)

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """A scrape every few seconds is no news."""

    return Handler
