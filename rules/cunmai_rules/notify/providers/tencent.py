"""Tencent Cloud SMS (腾讯云短信): `SendSms` of 2021-01-11, signed TC3-HMAC-SHA256. Pure.

Documented at cloud.tencent.com/document/product/382/52072 (the signature) and /55981 (SendSms). It knows
no idempotency key. It answers `Code: Ok` with a `SerialNo`, which the receipt calls `sid`; nothing of ours
comes back with a receipt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

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
from cunmai_rules.notify.providers.settings import TencentProvider

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"
_VERSION = "2021-01-11"
_ACTION = "SendSms"
_SERVICE = "sms"

_PERMANENT = frozenset(
    {
        "InvalidParameterValue.IncorrectPhoneNumber", "InvalidParameterValue.ContentLengthLimit",
        "InvalidParameterValue.TemplateParameterLengthLimit",
        "InvalidParameterValue.TemplateParameterFormatError",
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
        "FailedOperation.PhoneNumberInBlacklist", "FailedOperation.ContainSensitiveWord",
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
    }
)  # fmt: skip
_BUSY = ("LimitExceeded", "RequestLimitExceeded", "InternalError", "ResourceUnavailable",
         "ResourceInsufficient")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is for: the host, its service, and the moment (s since the epoch)."""

    host: str
    service: str
    timestamp_s: int

    @property
    def date(self) -> str:
        return datetime.fromtimestamp(self.timestamp_s, UTC).strftime("%Y-%m-%d")


def request(message: Message, settings: TencentProvider, now_ms: int) -> HttpRequest:
    """One message to one number by its approved template."""
    body = json.dumps(
        {
            "PhoneNumberSet": [canonical(message.to)],
            "SmsSdkAppId": settings.sdk_app_id,
            "SignName": settings.sign_name,
            "TemplateId": settings.templates[message.template],
            "TemplateParamSet": [value for _, value in message.values],
            "SessionContext": message.id,
        },
        ensure_ascii=False,
    ).encode()
    scope = Scope(urlsplit(settings.endpoint).netloc, _SERVICE, now_ms // 1000)
    key_id, secret = settings.secret_id.get_secret_value(), settings.secret_key.get_secret_value()
    headers = {
        "authorization": authorization(body, scope, key_id, secret),
        "content-type": CONTENT_TYPE,
        "host": scope.host,
        "x-tc-action": _ACTION,
        "x-tc-region": settings.region,
        "x-tc-timestamp": str(scope.timestamp_s),
        "x-tc-version": _VERSION,
    }
    return HttpRequest("POST", settings.endpoint + "/", headers, body)


def authorization(body: bytes, scope: Scope, key_id: str, secret: str) -> str:
    """The `Authorization` of signature v3 over `content-type` and `host`."""
    signed_names = "content-type;host"
    lines = f"content-type:{CONTENT_TYPE}\nhost:{scope.host}\n"
    canonical_request = "\n".join(["POST", "/", "", lines, signed_names, _sha256(body)])
    credential = f"{scope.date}/{scope.service}/tc3_request"
    to_sign = "\n".join([ALGORITHM, str(scope.timestamp_s), credential, _sha256(canonical_request.encode())])
    key = f"TC3{secret}".encode()
    for part in (scope.date, scope.service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return (
        f"{ALGORITHM} Credential={key_id}/{credential}, SignedHeaders={signed_names}, Signature={signature}"
    )


def outcome(answer: Answer) -> Outcome:
    """What an answer means. The HTTP status is 200 for refusals too."""
    body = read_json(answer)
    response = body.get("Response") if body else None
    if not isinstance(response, dict):
        return by_status(answer.status, "tencent")
    statuses = response.get("SendStatusSet")
    status = statuses[0] if isinstance(statuses, list) and statuses else response.get("Error")
    if not isinstance(status, dict) or "Code" not in status:
        return by_status(answer.status, "tencent")
    code = code_of(status["Code"])
    if code == "Ok":
        return Accepted(str(status["SerialNo"]) if status.get("SerialNo") else None)
    reason = f"tencent {code}"
    if code in _PERMANENT:
        return Refused(Fault.PERMANENT, reason)
    return Refused(Fault.RETRYABLE if code.startswith(_BUSY) else Fault.MISDIRECTED, reason)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
