"""Sends requests to SMS providers, several at a time, and says what came of each.

Nothing of an answer is followed or believed beyond what its provider documents: bodies are read up to a
small bound, nothing is decompressed, and every request has one deadline for all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, Protocol

import httpx

from cunmai_rules.notify.providers import aliyun, tencent, twilio, webhook
from cunmai_rules.notify.providers.base import Answer, Fault, HttpRequest, Message, Outcome, Refused
from cunmai_rules.notify.providers.settings import AliyunProvider, Provider, TencentProvider, WebhookProvider
from cunmai_runtime.clock import Clock

_BODY_BYTES = 16_384
_BODY_S = 1.0
_CLOSE_S = 5.0


class Sends(Protocol):
    """What the notifier needs of a sender."""

    def submit(self, message: Message, provider: Provider) -> Future[Outcome]:
        """Begin to send; the future holds what came of it."""


class Sender:
    """Belongs to whoever made it; `submit` may be called from any thread."""

    def __init__(self, *, at_once: int, public_url: str, wall_clock: Clock) -> None:
        """`wall_clock` is real time even in a replay: providers refuse old signatures."""
        self._public_url = public_url
        self._wall_clock = wall_clock
        # The transport itself: a client would follow its environment's proxies, cookies and redirects.
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._transport = httpx.AsyncHTTPTransport(trust_env=False, retries=0, limits=limits)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sms", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give up what is under way, and end the thread."""
        closing = asyncio.run_coroutine_threadsafe(self._give_up(), self._loop)
        with contextlib.suppress(TimeoutError):
            closing.result(_CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()

    def submit(self, message: Message, provider: Provider) -> Future[Outcome]:
        """Begin to send; the future holds what came of it, and never fails for the network's sake."""
        return asyncio.run_coroutine_threadsafe(self._send(message, provider), self._loop)

    # -- on the loop's thread ---------------------------------------------------------------------------

    async def _send(self, message: Message, provider: Provider) -> Outcome:
        request = make_request(message, provider, self._wall_clock(), secrets.token_hex(16), self._public_url)
        sent = _Sent()
        try:
            async with asyncio.timeout(provider.timeout_s):
                response = await self._transport.handle_async_request(_http(request, sent))
        except TimeoutError:
            return Refused(sent.fault, f"no answer within {provider.timeout_s:g} s")
        except httpx.HTTPError as error:
            return Refused(sent.fault, f"unreachable: {type(error).__name__}")
        return read_outcome(Answer(response.status_code, await _body(response)), provider)

    async def _give_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._transport.aclose()


def make_request(
    message: Message, provider: Provider, now_ms: int, nonce: str, public_url: str
) -> HttpRequest:
    """The request that gives this message to this provider. Pure."""
    match provider:
        case WebhookProvider():
            return webhook.request(message, provider, now_ms)
        case AliyunProvider():
            return aliyun.request(message, provider, now_ms, nonce)
        case TencentProvider():
            return tencent.request(message, provider, now_ms)
        case _:
            callback = f"{public_url}/sms/{provider.name}/receipts?notice={message.id}"
            return twilio.request(message, provider, callback)


def read_outcome(answer: Answer, provider: Provider) -> Outcome:
    """What this provider's answer means. Pure."""
    match provider:
        case WebhookProvider():
            return webhook.outcome(answer)
        case AliyunProvider():
            return aliyun.outcome(answer)
        case TencentProvider():
            return tencent.outcome(answer)
        case _:
            return twilio.outcome(answer)


class _Sent:
    """Whether any of a request has left: then the provider may have the message, whatever went wrong."""

    def __init__(self) -> None:
        self._any = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:  # noqa: ARG002 - httpcore's form
        self._any = self._any or event.endswith("send_request_headers.started")

    @property
    def fault(self) -> Fault:
        return Fault.UNSURE if self._any else Fault.RETRYABLE


def _http(request: HttpRequest, sent: _Sent) -> httpx.Request:
    headers = {"accept-encoding": "identity", "user-agent": "cunmai", **request.headers}
    return httpx.Request(
        request.method, request.url, headers=headers, content=request.body, extensions={"trace": sent}
    )


async def _body(response: httpx.Response) -> bytes:
    """A short body, so that the connection can be used again; the beginning of any other, then hang up."""
    pieces: list[bytes] = []
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_BODY_S):
            async for piece in response.aiter_raw():
                pieces.append(piece)
                if sum(map(len, pieces)) > _BODY_BYTES:
                    break
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_BODY_S):
            await response.aclose()
    return b"".join(pieces)[:_BODY_BYTES]
