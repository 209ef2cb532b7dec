"""What providers call us with: delivery receipts and replies, each in its documented form. Pure.

- webhook: `{"type": "sms.receipt" | "sms.reply", "data": {…}}` after Standard Webhooks
- Aliyun: SmsReport (help.aliyun.com/zh/sms/developer-reference/smsreport-2) and SmsUp (…/smsup-http)
- Tencent Cloud: cloud.tencent.com/document/product/382/59178 and /68704
- Twilio: status callbacks and incoming messages (twilio.com/docs/usage/webhooks/messaging-webhooks)

Raises BadCallback, and nothing else, whatever was sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl

from cunmai_rules.notify.providers.base import code_of
from cunmai_rules.notify.providers.numbers import canonical
from cunmai_rules.notify.providers.settings import AliyunProvider, Provider, TencentProvider, TwilioProvider

MOST_ITEMS = 500
MOST_TEXT = 500
CHINA = timedelta(hours=8)

What: TypeAlias = Literal["receipts", "replies"]


class BadCallback(Exception):
    """It is not in the form that its provider documents. The text says what is wrong, not what was in it."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One delivery receipt. One of the ids says which message it is about."""

    call: str
    """The same for the same report, however often it comes."""
    delivered: bool
    reason: str
    notice: str | None
    provider_id: str | None
    number: str | None


@dataclass(frozen=True, slots=True)
class IncomingReply:
    """One message of a person to us."""

    call: str
    number: str
    text: str
    t_ms: int | None
    """When the person sent it, where the provider says so."""


Item: TypeAlias = DeliveryReport | IncomingReply
Fields: TypeAlias = Mapping[str, Any]


def read_callback(provider: Provider, what: What, body: bytes, query: Mapping[str, str]) -> list[Item]:
    """The items of a call, in their order. Some calls have none, such as Twilio's "sending"."""
    if isinstance(provider, TwilioProvider):
        return _twilio(what, body, query)
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise BadCallback("not JSON") from None
    if isinstance(provider, AliyunProvider):
        return _each(parsed, _aliyun_report if what == "receipts" else _aliyun_reply)
    if isinstance(provider, TencentProvider):
        return _each(parsed, _tencent_report if what == "receipts" else _tencent_reply)
    return _webhook(parsed, what)


def _each(parsed: object, read: Callable[[Fields], Item]) -> list[Item]:
    items: list[Any] = parsed if isinstance(parsed, list) else [parsed]
    if len(items) > MOST_ITEMS:
        raise BadCallback(f"more than {MOST_ITEMS} items")
    if not all(isinstance(item, dict) for item in items):
        raise BadCallback("an item is not an object")
    return [read(item) for item in items]


def _aliyun_report(item: Fields) -> DeliveryReport:
    ours = _optional(item, "out_id")
    return DeliveryReport(
        _digest(item), str(item.get("success")).lower() == "true", code_of(item.get("err_code", "")),
        ours, _optional(item, "biz_id"), canonical(_text(item, "phone_number")),
    )  # fmt: skip


def _aliyun_reply(item: Fields) -> IncomingReply:
    sent = _optional(item, "send_time")
    # Its sequence number alone is not said to be unique over accounts and years.
    return IncomingReply(
        _digest(item), canonical(_text(item, "phone_number")), _text(item, "content")[:MOST_TEXT],
        _china_ms(sent) if sent else None,
    )  # fmt: skip


def _tencent_report(item: Fields) -> DeliveryReport:
    delivered = _text(item, "report_status") == "SUCCESS"
    return DeliveryReport(
        _digest(item), delivered, code_of(item.get("errmsg", "")), None, _text(item, "sid"), _number(item)
    )


def _tencent_reply(item: Fields) -> IncomingReply:
    sent_s = item.get("time")
    t_ms = int(sent_s * 1000) if isinstance(sent_s, int) else None
    return IncomingReply(_digest(item), _number(item), _text(item, "text")[:MOST_TEXT], t_ms)


def _number(item: Fields) -> str:
    return canonical(f"+{_text(item, 'nationcode')}{_text(item, 'mobile')}")


_TWILIO_FINAL = {"delivered": True, "read": True, "undelivered": False, "failed": False}


def _twilio(what: What, body: bytes, query: Mapping[str, str]) -> list[Item]:
    form = twilio_form(body)
    call = hashlib.sha256(body).hexdigest()[:32]
    if what == "replies":
        number, text = canonical(_text(form, "From")), form.get("Body", "")[:MOST_TEXT]
        return [IncomingReply(call, number, text, None)]
    status = _text(form, "MessageStatus")
    if status not in _TWILIO_FINAL:
        return []
    reason = code_of(form.get("ErrorCode") or status)
    to = canonical(_text(form, "To"))
    return [
        DeliveryReport(
            call, _TWILIO_FINAL[status], reason, query.get("notice"), _text(form, "MessageSid"), to
        )
    ]


def twilio_form(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises BadCallback."""
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise BadCallback("not a form") from None


def _webhook(parsed: object, what: What) -> list[Item]:
    data = parsed.get("data") if isinstance(parsed, dict) else None
    if not isinstance(parsed, dict) or not isinstance(data, dict):
        raise BadCallback("no data")
    wanted = "sms.receipt" if what == "receipts" else "sms.reply"
    if parsed.get("type") != wanted:
        raise BadCallback(f"type is not {wanted}")
    if what == "replies":
        reply_t_ms = data.get("t")
        t_ms = reply_t_ms if isinstance(reply_t_ms, int) else None
        return [IncomingReply("", canonical(_text(data, "from")), _text(data, "text")[:MOST_TEXT], t_ms)]
    state = _text(data, "state")
    if state not in ("delivered", "failed"):
        raise BadCallback("state is neither delivered nor failed")
    to = _optional(data, "to")
    reason = code_of(data.get("reason") or state)
    return [
        DeliveryReport(
            "", state == "delivered", reason, _text(data, "id"), None, canonical(to) if to else None
        )
    ]


# -- within -------------------------------------------------------------------------------------------------


def _text(item: Fields, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BadCallback(f"no {name}")
    if "\0" in value:
        raise BadCallback(f"{name} is not text")
    # Half an emoji, cut by a carrier, is JSON and no text: what stands beside it is still an answer.
    return value.encode("utf-8", "replace").decode()


def _optional(item: Fields, name: str) -> str | None:
    return _text(item, name)[:100] if item.get(name) not in (None, "") else None


def _china_ms(text: str) -> int | None:
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return int((local - CHINA).timestamp() * 1000)
    except (ValueError, OverflowError):  # the year 1 has no moment eight hours before it
        return None


def _digest(item: Fields) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:32]
