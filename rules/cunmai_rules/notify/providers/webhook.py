"""The generic JSON webhook: signed after Standard Webhooks, with an idempotency key. Pure.

Nothing of an answer but its status is used. Specification: www.standardwebhooks.com.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

from cunmai_rules.notify.providers.base import Accepted, Answer, Fault, HttpRequest, Message, Outcome, Refused
from cunmai_rules.notify.providers.settings import WebhookProvider

# The message itself is wrong, and will be wrong again. Any other answer can be mended at the server or in
# the settings (a changed key, a moved address, a captive portal), and the page must still be there then.
_PERMANENT_STATUS = {400, 410, 413, 422}
_BUSY_STATUS = {408, 425, 429}


def request(message: Message, settings: WebhookProvider, now_ms: int) -> HttpRequest:
    """`webhook-id`, `webhook-timestamp`, `webhook-signature`, `Idempotency-Key`; the same body every time."""
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
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(settings.secret.get_secret_value()).sign(message.id, now, body),
        "idempotency-key": message.id,
    }
    return HttpRequest("POST", settings.url, headers, body.encode())


def outcome(answer: Answer) -> Outcome:
    """What an answer means."""
    status = answer.status
    reason = f"HTTP {status}"
    if 200 <= status < 300:
        return Accepted()
    if status in _PERMANENT_STATUS:
        return Refused(Fault.PERMANENT, reason)
    if status in (502, 504):
        return Refused(Fault.UNSURE, reason)
    if status >= 500 or status in _BUSY_STATUS:
        return Refused(Fault.RETRYABLE, reason)
    return Refused(Fault.MISDIRECTED, reason)
