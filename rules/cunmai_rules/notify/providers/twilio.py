"""Twilio: the `Messages` resource of 2010-04-01 with basic authentication and a status callback. Pure.

Documented at twilio.com/docs/messaging/api/message-resource. It knows no idempotency key; the status
callback's address carries our id, so that a receipt is known even where the answer was lost.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlencode

from cunmai_rules.notify.providers.base import (
    Accepted,
    Answer,
    Fault,
    HttpRequest,
    Message,
    Outcome,
    Refused,
    by_status,
    code_of,
    read_json,
)
from cunmai_rules.notify.providers.numbers import canonical
from cunmai_rules.notify.providers.settings import TwilioProvider

_NOT_THE_MESSAGE = frozenset({20003, 20404, 20429, 21408, 21603, 21606, 21608, 21659, 21660})
"""Keys, limits and senders: mended in the account, not by another message."""


def request(message: Message, settings: TwilioProvider, callback_url: str) -> HttpRequest:
    """One message to one number. `callback_url` is where its receipts go, with our id in the query."""
    sender = (
        {"MessagingServiceSid": settings.sender}
        if settings.sender.startswith("MG")
        else {"From": settings.sender}
    )
    form = {"To": canonical(message.to), "Body": message.text, "StatusCallback": callback_url, **sender}
    key = f"{settings.account_sid}:{settings.auth_token.get_secret_value()}"
    headers = {
        "authorization": f"Basic {b64encode(key.encode()).decode()}",
        "content-type": "application/x-www-form-urlencoded",
    }
    url = f"{settings.endpoint}/2010-04-01/Accounts/{settings.account_sid}/Messages.json"
    return HttpRequest("POST", url, headers, urlencode(form).encode())


def outcome(answer: Answer) -> Outcome:
    """What an answer means. Codes: twilio.com/docs/api/errors."""
    body = read_json(answer)
    if body is None or not ("sid" in body or "code" in body):
        return by_status(answer.status, "twilio")
    if 200 <= answer.status < 300 and body.get("sid"):
        return Accepted(str(body["sid"]))
    reason = f"twilio {code_of(body.get('code'))}"
    if answer.status == 400 and body.get("code") not in _NOT_THE_MESSAGE:
        return Refused(Fault.PERMANENT, reason)
    return Refused(by_status(answer.status, "twilio").fault, reason)
