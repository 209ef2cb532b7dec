"""The doctor's phone: an SMS webhook that verifies, keeps and shows the messages it accepts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from standardwebhooks import Webhook, WebhookVerificationError

from cunmai.demo.narrator import clinic_time
from cunmai_runtime.clock import Clock

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

    def __init__(self, secret: str, contacts: dict[str, str], clock: Clock) -> None:
        """`contacts` turns an address into the role that the inbox shows; `clock` is the clinic's."""
        self._clock = clock
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
        role = self._contacts.get(message["to"], "?")
        sms = Sms(message["id"], role, text, link, clinic_time(self._clock()))
        with self._lock:
            if sms.id not in self._messages and len(self._messages) >= MAX_MESSAGES:
                self._messages.pop(next(iter(self._messages)))
            self._messages.setdefault(sms.id, sms)
        return JSONResponse({"accepted": sms.id})


@contextlib.contextmanager
def taken_port(preferred: int) -> Iterator[socket.socket]:
    """A listening socket of loopback at the preferred port, or at another one where that is taken.

    It is held from the beginning, so that no other demo's phone can answer at the address that is shown.
    """
    try:
        taken = socket.create_server(("127.0.0.1", preferred))
    except OSError:
        taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        yield taken


@contextlib.contextmanager
def serving(app: FastAPI, listening: socket.socket) -> Iterator[None]:
    """Serve an application on a socket from a thread of its own."""
    config = uvicorn.Config(app, access_log=False, log_config=None, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="phone", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
