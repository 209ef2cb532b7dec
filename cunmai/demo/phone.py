"""The doctor's phone: an SMS webhook that verifies, keeps and shows the messages it accepts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from standardwebhooks import Webhook, WebhookVerificationError

MAX_MESSAGES = 500


@dataclass(frozen=True, slots=True)
class Sms:
    """One accepted message."""

    id: str
    to: str
    text: str
    link: str
    at: str


class Phone:
    """Accepts each message once: a repeated id is acknowledged and not shown again."""

    def __init__(self, secret: str, contacts: dict[str, str]) -> None:
        """`contacts` turns an address into the role that the inbox shows."""
        self._verifier = Webhook(secret)
        self._contacts = contacts
        self._messages: dict[str, Sms] = {}
        self._lock = threading.Lock()
        templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
        )
        self._inbox = templates.get_template("inbox.html")

    def app(self) -> FastAPI:
        """POST /sms is the webhook; GET / the inbox."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        @app.post("/sms")
        async def take(request: Request) -> Response:
            body = await request.body()
            return self._take(dict(request.headers), body)

        @app.get("/")
        def inbox() -> HTMLResponse:
            with self._lock:
                messages = list(reversed(self._messages.values()))
            return HTMLResponse(self._inbox.render(messages=messages))

        return app

    def _take(self, headers: dict[str, str], body: bytes) -> Response:
        try:
            message: dict[str, Any] = self._verifier.verify(body, headers)["data"]
        except WebhookVerificationError as error:
            return JSONResponse({"error": str(error)}, status_code=401)
        text, _, link = message["text"].rpartition(" ")
        now = datetime.now(UTC).astimezone()
        sms = Sms(message["id"], self._contacts.get(message["to"], "?"), text, link, f"{now:%H:%M:%S}")
        with self._lock:
            if sms.id not in self._messages and len(self._messages) >= MAX_MESSAGES:
                self._messages.pop(next(iter(self._messages)))
            self._messages.setdefault(sms.id, sms)
        return JSONResponse({"accepted": sms.id})


@contextlib.contextmanager
def serving(app: FastAPI, port: int) -> Iterator[None]:
    """Serve an application on loopback from a thread of its own."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, access_log=False, log_level="error")
    )
    thread = threading.Thread(target=server.run, name="phone", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
