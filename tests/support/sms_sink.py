"""A webhook receiver for tests: verifies signatures, answers as told, remembers what it took."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class SmsSink:
    """`statuses` are answered in turn, then 200. Messages are taken (once per id) only with 2xx."""

    statuses: list[int] = field(default_factory=list)
    requests: int = 0
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    """Ids under which two different messages were accepted."""

    def __enter__(self) -> SmsSink:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(sink.receive(dict(self.headers.items()), body))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/sms"

    @property
    def texts(self) -> list[str]:
        return [message["data"]["text"] for message in self.taken.values()]

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        """One request; the status to answer. An unsigned one is 401."""
        self.requests += 1
        self.bodies.append(body)
        message = Webhook(SECRET).verify(body, headers)
        status = self.statuses.pop(0) if self.statuses else 200
        if status < 300:
            id_ = headers.get("idempotency-key", headers.get("Idempotency-Key", ""))
            assert id_ == message["data"]["id"]
            if id_ in self.taken:
                self.repeated.append(id_)
                if self.taken[id_] != json.loads(body):
                    self.contradictions.append(id_)
            self.taken[id_] = json.loads(body)
        return status
