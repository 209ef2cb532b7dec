"""What stands before every request: this machine's own page only, small bodies, a bounded rate.

The page has no password, so another web site open in the same browser must not be able to use it. It
cannot read answers (no CORS), the Host header gives away a name that was bent to loopback, and a request
that changes something needs a header that a foreign page may not set without asking.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cunmai_gateway.kiosk.words import ANSWERS, REFUSALS

HEADER = "x-cunmai-kiosk"
MAX_BODY_BYTES = 16 * 1024
CHANGES_PER_S = 4.0
BURST = 20.0

_STATUS = {
    "wrong_host": 421,
    "not_from_this_page": 403,
    "not_json": 415,
    "too_large": 413,
    "too_often": 429,
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Budget:
    """A token bucket: `per_s` in the long run, `burst` at once."""

    def __init__(self, per_s: float, burst: float, now_s: Callable[[], float]) -> None:
        self._per_s, self._burst, self._now_s = per_s, burst, now_s
        self._left, self._at_s = burst, now_s()

    def take(self) -> bool:
        """Whether one more fits."""
        now_s = self._now_s()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


def refusal(code: str, status: int) -> JSONResponse:
    """An error as the page shows it: a code and a sentence in both languages, never what was sent."""
    pair = REFUSALS.get(code) or ANSWERS[code]
    headers = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse({"error": code, "zh": pair[0], "en": pair[1]}, status, headers)


class Guard:
    """ASGI middleware. `hosts` are the allowed values of the Host header."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], now_s: Callable[[], float]) -> None:
        self._app = app
        self._hosts = hosts
        self._budget = Budget(CHANGES_PER_S, BURST, now_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        fault = self._fault(scope)
        if fault is not None:
            await refusal(fault, _STATUS[fault])(scope, receive, send_protected)
        elif scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send_protected)
        else:
            body = await _read(receive)
            if body is None:
                await refusal("too_large", 413)(scope, receive, send_protected)
            else:
                await self._app(scope, _replay(body, receive), send_protected)

    def _fault(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return "wrong_host"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and scope["path"].startswith(
            "/api/"
        ):
            return "not_from_this_page"
        return None if scope["method"] in ("GET", "HEAD") else self._fault_of_change(headers)

    def _fault_of_change(self, headers: Headers) -> str | None:
        if headers.get(HEADER) != "1" or not self._own_origin(headers.get("origin")):
            return "not_from_this_page"
        if headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return "not_json"
        if not _small(headers.get("content-length", "0")):
            return "too_large"
        return None if self._budget.take() else "too_often"

    def _own_origin(self, origin: str | None) -> bool:
        return origin is None or urlsplit(origin).netloc.lower() in self._hosts


def _small(length: str) -> bool:
    return length.isascii() and length.isdigit() and len(length) < 9 and int(length) <= MAX_BODY_BYTES


async def _read(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
