"""Whether a call comes from its provider. Pure.

The webhook and Twilio sign what they send. Aliyun and Tencent Cloud do not: for them there is a secret token
in the address and, where it is set, the list of addresses that may call. Whoever learns that token can
forge their receipts and replies; Twilio's signature has no time in it. So no call is ever taken twice, and
replies have an age.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_address

from standardwebhooks import Webhook as Signer

from cunmai_rules.notify.providers.callbacks import BadCallback, twilio_form
from cunmai_rules.notify.providers.settings import (
    AliyunProvider,
    Provider,
    TencentProvider,
    TwilioProvider,
    WebhookProvider,
)

TOLERANCE_S = 300
"""How old, or how far ahead, a signed time may be."""


class Doubt(StrEnum):
    """Why a call is not believed."""

    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad_signature"
    OLD = "old"
    BAD_TOKEN = "bad_token"  # noqa: S105 - the name of a reason
    BAD_ADDRESS = "bad_address"
    NOT_SET_UP = "not_set_up"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call as it came in. `url` is the whole address as the provider was told it."""

    url: str
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes
    token: str | None
    client: str | None
    """The address that it came from."""


def doubt(call: Call, provider: Provider, now_ms: int) -> Doubt | None:
    """Why the call is not believed; None where it is."""
    match provider:
        case WebhookProvider():
            return _webhook(call, provider, now_ms)
        case TwilioProvider():
            return _twilio(call, provider)
        case _:
            return _token(call, provider)


def _webhook(call: Call, provider: WebhookProvider, now_ms: int) -> Doubt | None:
    id_, stamp, given = (call.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not id_ or not given or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
        return Doubt.UNSIGNED
    try:
        body = call.body.decode()
    except UnicodeDecodeError:
        return Doubt.BAD_SIGNATURE
    signed = datetime.fromtimestamp(int(stamp), UTC) if int(stamp) < 1 << 34 else None
    if signed is None:
        return Doubt.OLD
    expected = Signer(provider.secret.get_secret_value()).sign(id_, signed, body)
    if not any(_equal(one, expected) for one in given.split(" ")):
        return Doubt.BAD_SIGNATURE
    return Doubt.OLD if abs(now_ms - int(stamp) * 1000) > TOLERANCE_S * 1000 else None


def _twilio(call: Call, provider: TwilioProvider) -> Doubt | None:
    given = call.headers.get("x-twilio-signature", "")
    if not given:
        return Doubt.UNSIGNED
    try:
        form = twilio_form(call.body)
    except BadCallback:
        return Doubt.BAD_SIGNATURE
    expected = twilio_signature(call.url, form, provider.auth_token.get_secret_value())
    return None if _equal(given, expected) else Doubt.BAD_SIGNATURE


def twilio_signature(url: str, form: Mapping[str, str], auth_token: str) -> str:
    """twilio.com/docs/usage/security: the address, then each field and its value, sorted by field."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return b64encode(hmac.new(auth_token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def _token(call: Call, provider: AliyunProvider | TencentProvider) -> Doubt | None:
    if provider.callback_token is None:
        return Doubt.NOT_SET_UP
    if not _equal(call.token or "", provider.callback_token.get_secret_value()):
        return Doubt.BAD_TOKEN
    if not provider.callback_from:
        return None
    try:
        client = ip_address(call.client or "")
    except ValueError:
        return Doubt.BAD_ADDRESS
    return None if any(client in network for network in provider.callback_from) else Doubt.BAD_ADDRESS


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
