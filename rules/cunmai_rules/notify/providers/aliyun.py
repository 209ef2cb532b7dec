"""Aliyun SMS (阿里云短信): `SendSms` of 2017-05-25, signed ACS3-HMAC-SHA256. Pure.

Documented at help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature (the signature)
and help.aliyun.com/document_detail/419273.html (SendSms). It knows no idempotency key: `OutId` only comes
back with the receipt. It answers `Code: OK` with a `BizId`, which the receipt names too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

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
from cunmai_rules.notify.providers.numbers import at_home
from cunmai_rules.notify.providers.settings import AliyunProvider

ALGORITHM = "ACS3-HMAC-SHA256"
_VERSION = "2017-05-25"
_ACTION = "SendSms"

_PERMANENT = frozenset(
    {
        "isv.MOBILE_NUMBER_ILLEGAL", "isv.INVALID_PARAMETERS", "isv.INVALID_JSON_PARAM",
        "isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL", "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.TEMPLATE_MISSING_PARAMETERS", "isv.TEMPLATE_PARAMS_ILLEGAL",
    }
)  # fmt: skip
_BUSY = ("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isp.", "Throttling", "ServiceUnavailable",
         "InternalError", "SignatureNonceUsed")  # fmt: skip


def request(message: Message, settings: AliyunProvider, now_ms: int, nonce: str) -> HttpRequest:
    """One message to one number by its approved template. `nonce` is another one at every attempt."""
    query = canonical_query(
        {
            "PhoneNumbers": at_home(message.to),
            "SignName": settings.sign_name,
            "TemplateCode": settings.templates[message.template],
            "TemplateParam": json.dumps(dict(message.values), ensure_ascii=False, separators=(",", ":")),
            "OutId": message.id,
        }
    )
    headers = {
        "host": urlsplit(settings.endpoint).netloc,
        "x-acs-action": _ACTION,
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": _VERSION,
    }
    key_id, secret = settings.access_key_id.get_secret_value(), settings.access_key_secret.get_secret_value()
    signed = {**headers, "authorization": authorization("POST", "/", query, headers, key_id, secret)}
    return HttpRequest("POST", f"{settings.endpoint}/?{query}", signed)


def canonical_query(values: Mapping[str, str]) -> str:
    """Sorted by name and encoded after RFC 3986."""
    return "&".join(f"{quote(name, safe='')}={quote(values[name], safe='')}" for name in sorted(values))


def authorization(
    method: str, path: str, query: str, headers: Mapping[str, str], key_id: str, secret: str
) -> str:
    """The `Authorization` of signature V3 over these headers, all of which are signed."""
    names = sorted(headers)
    signed_names = ";".join(names)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    canonical = "\n".join([method, path, query, lines, signed_names, headers["x-acs-content-sha256"]])
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key_id},SignedHeaders={signed_names},Signature={signature}"


def outcome(answer: Answer) -> Outcome:
    """What an answer means. Codes: help.aliyun.com/document_detail/101346.html."""
    body = read_json(answer)
    if body is None or "Code" not in body:
        return by_status(answer.status, "aliyun")
    code = code_of(body["Code"])
    if code == "OK" and answer.status == 200:
        return Accepted(str(body["BizId"]) if body.get("BizId") else None)
    reason = f"aliyun {code}"
    if code in _PERMANENT:
        return Refused(Fault.PERMANENT, reason)
    if code.startswith(_BUSY) and code != "isp.RAM_PERMISSION_DENY":
        return Refused(Fault.RETRYABLE, reason)
    return Refused(Fault.MISDIRECTED, reason)
