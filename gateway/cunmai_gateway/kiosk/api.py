"""The kiosk's HTTP API and pages, for this machine's own browser."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from cunmai_gateway.kiosk.api_entries import EntriesApi
from cunmai_gateway.kiosk.episodes import Episode
from cunmai_gateway.kiosk.faults import Fault, body_of
from cunmai_gateway.kiosk.guard import Guard, refusal
from cunmai_gateway.kiosk.identify import Known, Refusal
from cunmai_gateway.kiosk.kiosk import Kiosk
from cunmai_gateway.kiosk.pages import Pages
from cunmai_gateway.kiosk.requests import Attribute, CheckIn, Nothing
from cunmai_runtime.errors import Retryable
from cunmai_wire.base import ResidentId

MOST_LISTENERS = 8
LOOK_EVERY_S = 0.2
SAY_EVERY_S = 1.5
"""The page takes a silence of four seconds for a lost gateway."""


@dataclass
class Listeners:
    """Who listens to the live state, and whether it is over."""

    count: int = 0
    closing: bool = False


def build_app(
    kiosk: Kiosk,
    hosts: frozenset[str],
    *,
    listeners: Listeners | None = None,
    now_s: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """`hosts`: the values of the Host header under which this machine's page is opened."""
    app = FastAPI(title="Cunmai kiosk", docs_url=None, redoc_url=None, openapi_url=None)
    here = Path(__file__).parent
    app.mount("/static", StaticFiles(directory=here / "static"), name="static")
    _answer_faults(app)
    Pages(kiosk, here / "templates").add_to(app)
    _Api(kiosk, listeners or Listeners()).add_to(app)
    EntriesApi(kiosk).add_to(app)
    app.add_middleware(Guard, hosts=hosts, now_s=now_s)
    return app


def _answer_faults(app: FastAPI) -> None:
    @app.exception_handler(Fault)
    async def fault(_request: Request, error: Fault) -> JSONResponse:
        return refusal(error.code, error.status)

    @app.exception_handler(Retryable)
    async def disk(_request: Request, _error: Retryable) -> JSONResponse:
        return refusal("disk", 507)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        return refusal("not_found", error.status_code)


class _Api:
    def __init__(self, kiosk: Kiosk, listeners: Listeners) -> None:
        self._kiosk = kiosk
        self._listeners = listeners

    def add_to(self, app: FastAPI) -> None:
        """Every path of the API, in one place."""
        get: list[tuple[str, Callable[..., Awaitable[Response]]]] = [
            ("/api/state", self.state),
            ("/api/live", self.live),
            ("/api/readings", self.readings),
        ]
        post = [
            ("/api/check-in", self.check_in),
            ("/api/check-out", self.check_out),
            ("/api/stay", self.stay),
            ("/api/attribute", self.attribute),
        ]
        for path, handler in get:
            app.add_api_route(path, handler, methods=["GET"])
        for path, handler in post:
            app.add_api_route(path, handler, methods=["POST"])

    # -- looking ------------------------------------------------------------------------------------

    async def state(self) -> Response:
        return JSONResponse(self._kiosk.state())

    async def live(self) -> Response:
        """The state as server-sent events: when it changes, and at least every two seconds."""
        if self._listeners.count >= MOST_LISTENERS:
            raise Fault("too_many_pages", 503)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncGenerator[str, None]:
        if self._listeners.count >= MOST_LISTENERS:
            return
        self._listeners.count += 1
        try:
            loop, said, said_s = asyncio.get_running_loop(), "", 0.0
            while not self._listeners.closing:
                state = json.dumps(self._kiosk.state(), ensure_ascii=False)
                if state != said or loop.time() - said_s >= SAY_EVERY_S:
                    said, said_s = state, loop.time()
                    yield f"data: {state}\n\n"
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._listeners.count -= 1

    async def readings(self) -> Response:
        recent = await self._kiosk.recent()
        return JSONResponse({"episodes": [episode.as_json() for episode in recent]})

    # -- changing -----------------------------------------------------------------------------------

    async def check_in(self, request: Request) -> Response:
        who = self._kiosk.check_in((await body_of(request, CheckIn)).text)
        if isinstance(who, Refusal):
            raise Fault(who.value, 422)
        return JSONResponse({"resident": who.resident})

    async def check_out(self, request: Request) -> Response:
        await body_of(request, Nothing)
        if not self._kiosk.check_out():
            raise Fault("nothing_to_end", 409)
        return JSONResponse({})

    async def stay(self, request: Request) -> Response:
        await body_of(request, Nothing)
        if not self._kiosk.stay():
            raise Fault("ended_meanwhile", 409)
        return JSONResponse({})

    async def attribute(self, request: Request) -> Response:
        asked = await body_of(request, Attribute)
        resident = self._resident(asked.text)
        episode = Episode(
            asked.stream, asked.device, asked.kind, asked.counts_for,
            asked.first_seq, asked.last_seq, 0, 0, 0, {},
        )  # fmt: skip
        outcome = await self._kiosk.attribute(episode, resident)
        if outcome.conflicting or outcome.lost:
            raise Fault("changed_meanwhile", 409)
        if not outcome.corrected and not outcome.already:
            raise Fault("no_such_episode", 404)
        return JSONResponse({"corrected": outcome.corrected, "resident": resident})

    def _resident(self, text: str | None) -> ResidentId | None:
        if text is None:
            return None
        who = self._kiosk.who(text)
        if isinstance(who, Known):
            return who.resident
        raise Fault(who.value, 422)
