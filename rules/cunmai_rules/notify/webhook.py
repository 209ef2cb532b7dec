"""The SMS webhook: signed requests, several at a time, and what their answers mean.

Nothing of an answer but its status is used, so nothing of it is decoded, followed or believed: bodies are
read up to a small bound, and every request has one deadline for all of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook as Signer

from cunmai_rules.settings import Webhook
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Permanent, Retryable

_BODY_BYTES = 4096
_BODY_S = 1.0
_CLOSE_S = 5.0

# The message itself is wrong, and will be wrong again. Any other answer can be mended at the server or in
# the settings (a changed key, a moved address, a captive portal), and the page must still be there then.
_PERMANENT_STATUS = {400, 410, 413, 422}
_BUSY_STATUS = {408, 425, 429}


class Misdirected(Retryable):
    """The address or the key seems to be wrong: it goes on being tried, and somebody must look."""


@dataclass(frozen=True, slots=True)
class Message:
    """What to send. `id` is the idempotency key: a receiver that has seen it sends nothing again."""

    id: str
    to: str
    text: str
    escalation: str
    created_ms: int
    """When the notice was made: the same at every attempt, because the body must be."""


class WebhookSender:
    """Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`, and `Idempotency-Key`."""

    def __init__(self, settings: Webhook, wall_clock: Clock) -> None:
        """`wall_clock` is real time even in a replay: receivers refuse old signatures."""
        self._settings = settings
        self._wall_clock = wall_clock
        self._signer = Signer(settings.secret.get_secret_value())
        # The transport itself: a client would follow its environment's proxies, cookies and redirects.
        limits = httpx.Limits(max_connections=settings.at_once, max_keepalive_connections=settings.at_once)
        self._transport = httpx.AsyncHTTPTransport(trust_env=False, retries=0, limits=limits)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhook", daemon=True)
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

    def submit(self, message: Message) -> Future[None]:
        """Begin to send; the future fails with Retryable or Permanent, whose text is for the history."""
        return asyncio.run_coroutine_threadsafe(self._send(message), self._loop)

    def send(self, message: Message) -> None:
        """Have the carrier accept one message. Raises Retryable, Permanent."""
        self.submit(message).result()

    # -- on the loop's thread ---------------------------------------------------------------------------

    async def _send(self, message: Message) -> None:
        request = self._request(message)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                response = await self._transport.handle_async_request(request)
        except TimeoutError:
            raise Retryable(f"no answer within {self._settings.timeout_s:g} s") from None
        except httpx.HTTPError as error:
            raise Retryable(f"unreachable: {type(error).__name__}") from error
        await _let_go(response)
        _judge(response.status_code)

    def _request(self, message: Message) -> httpx.Request:
        created = datetime.fromtimestamp(message.created_ms / 1000, UTC)
        data = {
            "id": message.id,
            "to": message.to,
            "text": message.text,
            "escalation": message.escalation,
        }
        body = json.dumps(
            {"type": "sms.send", "timestamp": created.isoformat(), "data": data}, ensure_ascii=False
        )
        now = datetime.fromtimestamp(self._wall_clock() / 1000, UTC)
        headers = {
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "cunmai",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message.id, now, body),
            "idempotency-key": message.id,
        }
        return httpx.Request("POST", self._settings.url, headers=headers, content=body.encode())

    async def _give_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._transport.aclose()


async def _let_go(response: httpx.Response) -> None:
    """Read a short body to its end, so that the connection can be used again; hang up on any other."""
    taken = 0
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_BODY_S):
            async for piece in response.aiter_raw():
                taken += len(piece)
                if taken > _BODY_BYTES:
                    break
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_BODY_S):
            await response.aclose()


def _judge(status: int) -> None:
    """Raises Retryable, Misdirected, Permanent; returns where the message was accepted."""
    text = f"HTTP {status}"
    if 200 <= status < 300:
        return
    if status in _PERMANENT_STATUS:
        raise Permanent(text)
    if status >= 500 or status in _BUSY_STATUS:
        raise Retryable(text)
    raise Misdirected(text)
