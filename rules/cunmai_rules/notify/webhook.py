"""The SMS webhook: one signed request, and what its answer means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook as Signer

from cunmai_rules.settings import Webhook
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Permanent, Retryable

_RETRYABLE_STATUS = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Message:
    """What to send. `id` is the idempotency key: a receiver that has seen it sends nothing again."""

    id: str
    to: str
    text: str
    escalation: str


class WebhookSender:
    """Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`, and `Idempotency-Key`."""

    def __init__(self, settings: Webhook, wall_clock: Clock) -> None:
        """`wall_clock` is real time even in a replay: receivers refuse old signatures."""
        self._settings = settings
        self._wall_clock = wall_clock
        self._signer = Signer(settings.secret.get_secret_value())
        self._client = httpx.Client(timeout=settings.timeout_s, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def send(self, message: Message) -> None:
        """Have the carrier accept one message. Raises Retryable, Permanent; their text is for the history."""
        now = datetime.fromtimestamp(self._wall_clock() / 1000, UTC)
        body = json.dumps(
            {
                "type": "sms.send",
                "timestamp": now.isoformat(),
                "data": {
                    "id": message.id,
                    "to": message.to,
                    "text": message.text,
                    "escalation": message.escalation,
                },
            },
            ensure_ascii=False,
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message.id, now, body),
            "idempotency-key": message.id,
        }
        try:
            response = self._client.post(self._settings.url, content=body.encode(), headers=headers)
        except httpx.TransportError as error:
            raise Retryable(f"unreachable: {type(error).__name__}") from error
        if response.is_success:
            return
        text = f"HTTP {response.status_code}"
        if response.status_code >= 500 or response.status_code in _RETRYABLE_STATUS:
            raise Retryable(text)
        raise Permanent(text)
