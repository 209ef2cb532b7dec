"""Requests and answers of the SMS providers: signatures against the providers' own published examples.

Sources of the published signatures:
- Aliyun, signature V3, "固定参数示例" and the sample header: help.aliyun.com/zh/resource-management/common-parameters
  and help.aliyun.com/zh/model-studio/user-guide/roa-style-request-body-signature-mechanism.
- Tencent Cloud, signature v3: intl.cloud.tencent.com/zh/document/api/1021/34193 (keys ending in EXAMPLE).
- Standard Webhooks: the example of its specification, www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qs, parse_qsl

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from cunmai_rules.notify.providers import aliyun, tencent
from cunmai_rules.notify.providers.base import Accepted, Answer, Fault, Message, Outcome, Refused
from cunmai_rules.notify.providers.numbers import at_home, canonical
from cunmai_rules.notify.providers.settings import (
    AliyunProvider,
    AnyProvider,
    Provider,
    TencentProvider,
    TwilioProvider,
    WebhookProvider,
)
from cunmai_rules.notify.sender import make_request, read_outcome
from support.sms_sink import SECRET

T_MS = 1_767_323_045_000
"""2026-01-02T03:04:05Z."""
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MESSAGE = Message(
    "n1", "138 0000 0001", "【村脉】红色预警", "e1", T_MS, "page", (("grade", "红色"), ("code", "K7"))
)
ALIYUN = AliyunProvider(
    kind="aliyun", name="aliyun", access_key_id=SecretStr("LTAI-id"), access_key_secret=SecretStr("ali-secret"),
    sign_name="某县医共体", templates={"page": "SMS_1"},
)  # fmt: skip
TENCENT = TencentProvider(
    kind="tencent", name="tencent", secret_id=SecretStr("AKID-id"), secret_key=SecretStr("tc-secret"),
    sdk_app_id="1400006666", sign_name="某县医共体", templates={"page": "1110"},
)  # fmt: skip
TWILIO = TwilioProvider(
    kind="twilio", name="twilio", account_sid="AC" + "0" * 32, auth_token=SecretStr("tw-secret"),
    sender="+15005550006",
)  # fmt: skip
WEBHOOK = WebhookProvider(url="https://sms.example/hook", secret=SecretStr(SECRET))
ALL: tuple[Provider, ...] = (WEBHOOK, ALIYUN, TENCENT, TWILIO)


def hmac256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# -- signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "nonce", "published"),
    [
        (
            "2023-10-26T10:22:32Z",
            "3156853299f313e23d1673dc12e1703d",
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
        ),
        (
            "2023-10-26T09:01:01Z",
            "d410180a5abf7fe235dd9b74aca91fc0",
            "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
        ),
    ],
)
def test_aliyun_signs_as_its_documentation_does(date: str, nonce: str, published: str) -> None:
    headers = {
        "x-acs-version": "2014-05-26",
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-date": date,
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-signature-nonce": nonce,
    }
    query = aliyun.canonical_query(
        {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    )
    signed = aliyun.authorization("POST", "/", query, headers, "YourAccessKeyId", "YourAccessKeySecret")
    assert signed == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
        f"x-acs-date;x-acs-signature-nonce;x-acs-version,Signature={published}"
    )


def test_tencent_signs_as_its_documentation_does() -> None:
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    scope = tencent.Scope("cvm.tencentcloudapi.com", "cvm", 1551113065)
    signed = tencent.authorization(
        body, scope, "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
    )
    assert signed == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def test_an_aliyun_request_step_by_step() -> None:
    request = make_request(MESSAGE, ALIYUN, T_MS, "0123abcd", "https://c.example")
    assert (request.method, request.url.split("?")[0], request.body) == (
        "POST",
        "https://dysmsapi.aliyuncs.com/",
        b"",
    )
    query = (
        "OutId=n1&PhoneNumbers=13800000001"
        "&SignName=%E6%9F%90%E5%8E%BF%E5%8C%BB%E5%85%B1%E4%BD%93&TemplateCode=SMS_1"
        "&TemplateParam=%7B%22grade%22%3A%22%E7%BA%A2%E8%89%B2%22%2C%22code%22%3A%22K7%22%7D"
    )
    assert request.url == f"https://dysmsapi.aliyuncs.com/?{query}"
    names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
    canonical_request = (
        f"POST\n/\n{query}\nhost:dysmsapi.aliyuncs.com\nx-acs-action:SendSms\n"
        f"x-acs-content-sha256:{EMPTY_SHA256}\nx-acs-date:2026-01-02T03:04:05Z\n"
        f"x-acs-signature-nonce:0123abcd\nx-acs-version:2017-05-25\n\n{names}\n{EMPTY_SHA256}"
    )
    signature = hmac256(b"ali-secret", "ACS3-HMAC-SHA256\n" + sha256(canonical_request.encode())).hex()
    assert request.headers["authorization"] == (
        f"ACS3-HMAC-SHA256 Credential=LTAI-id,SignedHeaders={names},Signature={signature}"
    )
    assert request.headers["x-acs-date"] == "2026-01-02T03:04:05Z"


def test_a_tencent_request_step_by_step() -> None:
    request = make_request(MESSAGE, TENCENT, T_MS, "unused", "https://c.example")
    assert (request.method, request.url) == ("POST", "https://sms.tencentcloudapi.com/")
    assert json.loads(request.body) == {
        "PhoneNumberSet": ["+8613800000001"],
        "SmsSdkAppId": "1400006666",
        "SignName": "某县医共体",
        "TemplateId": "1110",
        "TemplateParamSet": ["红色", "K7"],
        "SessionContext": "n1",
    }
    canonical_request = (
        "POST\n/\n\ncontent-type:application/json; charset=utf-8\nhost:sms.tencentcloudapi.com\n\n"
        f"content-type;host\n{sha256(request.body)}"
    )
    to_sign = "TC3-HMAC-SHA256\n1767323045\n2026-01-02/sms/tc3_request\n" + sha256(canonical_request.encode())
    key = hmac256(hmac256(hmac256(b"TC3tc-secret", "2026-01-02"), "sms"), "tc3_request")
    assert request.headers == {
        "authorization": (
            "TC3-HMAC-SHA256 Credential=AKID-id/2026-01-02/sms/tc3_request, SignedHeaders=content-type;host, "
            f"Signature={hmac256(key, to_sign).hex()}"
        ),
        "content-type": "application/json; charset=utf-8",
        "host": "sms.tencentcloudapi.com",
        "x-tc-action": "SendSms",
        "x-tc-region": "ap-guangzhou",
        "x-tc-timestamp": "1767323045",
        "x-tc-version": "2021-01-11",
    }


def test_a_twilio_request_says_where_its_receipts_go() -> None:
    request = make_request(MESSAGE, TWILIO, T_MS, "unused", "https://c.example")
    sid = "AC" + "0" * 32
    assert request.url == f"https://api.twilio.com/2010-04-01/Accounts/{sid}/Messages.json"
    assert dict(parse_qsl(request.body.decode())) == {
        "To": "+8613800000001",
        "Body": "【村脉】红色预警",
        "From": "+15005550006",
        "StatusCallback": "https://c.example/sms/twilio/receipts?notice=n1",
    }
    assert (
        base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
        == f"{sid}:tw-secret".encode()
    )
    service = TWILIO.model_copy(update={"sender": "MG" + "1" * 32})
    form = parse_qs(make_request(MESSAGE, service, T_MS, "", "https://c.example").body.decode())
    assert form["MessagingServiceSid"] == ["MG" + "1" * 32]
    assert "From" not in form


def test_a_webhook_request_is_signed_as_the_specification_says() -> None:
    request = make_request(MESSAGE, WEBHOOK, T_MS + 60_000, "unused", "https://c.example")
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"n1.1767323105.{request.body.decode()}"
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(hmac256(key, signed)).decode()
    assert request.headers["idempotency-key"] == request.headers["webhook-id"] == "n1"
    assert request.body == make_request(MESSAGE, WEBHOOK, T_MS, "", "").body


# -- answers ------------------------------------------------------------------------------------------------


def tencent_status(code: str) -> bytes:
    return json.dumps(
        {"Response": {"SendStatusSet": [{"SerialNo": "5000:1", "Code": code}], "RequestId": "r"}}
    ).encode()


@pytest.mark.parametrize(
    ("provider", "status", "body", "expected"),
    [
        (ALIYUN, 200, b'{"Code": "OK", "BizId": "9006^0", "Message": "OK"}', Accepted("9006^0")),
        (ALIYUN, 200, b'{"Code": "isv.MOBILE_NUMBER_ILLEGAL"}', Fault.PERMANENT),
        (ALIYUN, 200, b'{"Code": "isv.BUSINESS_LIMIT_CONTROL"}', Fault.RETRYABLE),
        (ALIYUN, 200, b'{"Code": "isv.AMOUNT_NOT_ENOUGH"}', Fault.MISDIRECTED),
        (ALIYUN, 200, b'{"Code": "isp.RAM_PERMISSION_DENY"}', Fault.MISDIRECTED),
        (ALIYUN, 400, b'{"Code": "SignatureDoesNotMatch"}', Fault.MISDIRECTED),
        (ALIYUN, 503, b'{"Code": "ServiceUnavailable"}', Fault.RETRYABLE),
        (ALIYUN, 400, b'{"Code": "Throttling.User"}', Fault.RETRYABLE),
        (TENCENT, 200, tencent_status("Ok"), Accepted("5000:1")),
        (TENCENT, 200, tencent_status("InvalidParameterValue.IncorrectPhoneNumber"), Fault.PERMANENT),
        (TENCENT, 200, tencent_status("LimitExceeded.PhoneNumberOneHourLimit"), Fault.RETRYABLE),
        (TENCENT, 200, tencent_status("FailedOperation.InsufficientBalanceInSmsPackage"), Fault.MISDIRECTED),
        (TENCENT, 200, b'{"Response": {"Error": {"Code": "AuthFailure.SignatureFailure"}}}', Fault.MISDIRECTED),
        (TWILIO, 201, b'{"sid": "SM1", "status": "queued"}', Accepted("SM1")),
        (TWILIO, 400, b'{"code": 21211, "status": 400}', Fault.PERMANENT),
        (TWILIO, 400, b'{"code": 21606, "status": 400}', Fault.MISDIRECTED),
        (TWILIO, 401, b'{"code": 20003, "status": 401}', Fault.MISDIRECTED),
        (TWILIO, 429, b'{"code": 20429, "status": 429}', Fault.RETRYABLE),
        (TWILIO, 500, b'{"code": 20500, "status": 500}', Fault.RETRYABLE),
    ],
)  # fmt: skip
def test_what_an_answer_means(
    provider: Provider, status: int, body: bytes, expected: Accepted | Fault
) -> None:
    outcome = read_outcome(Answer(status, body), provider)
    assert (outcome if isinstance(expected, Accepted) else fault(outcome)) == expected


@pytest.mark.parametrize("provider", [ALIYUN, TENCENT, TWILIO], ids=lambda provider: provider.name)
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"<html>please log in</html>", Fault.MISDIRECTED),
        (200, b"[" * 5000, Fault.MISDIRECTED),
        (200, b'{"Response": {"SendStatusSet": [7]}}', Fault.MISDIRECTED),
        (200, b"", Fault.MISDIRECTED),
        (302, b"", Fault.MISDIRECTED),
        (500, b"\xff\xfe", Fault.RETRYABLE),
        (504, b"", Fault.UNSURE),
    ],
)
def test_an_answer_of_somebody_else_is_no_acceptance(
    provider: Provider, status: int, body: bytes, expected: Fault
) -> None:
    assert fault(read_outcome(Answer(status, body), provider)) is expected


def test_a_code_that_a_provider_makes_up_cannot_carry_a_number_or_a_line_into_the_log() -> None:
    outcome = aliyun.outcome(Answer(200, json.dumps({"Code": "bad\n红" + "x" * 500}).encode()))
    assert isinstance(outcome, Refused)
    assert "\n" not in outcome.reason
    assert len(outcome.reason) < 80


def fault(outcome: Outcome) -> Fault:
    assert isinstance(outcome, Refused)
    return outcome.fault


# -- secrets and numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ALL, ids=lambda provider: provider.name)
def test_nothing_secret_is_ever_printed(provider: Provider) -> None:
    request = make_request(MESSAGE, provider, T_MS, "nonce", "https://c.example")
    printed = repr(provider) + str(provider) + repr(request) + repr(MESSAGE)
    for secret in ("ali-secret", "tc-secret", "tw-secret", SECRET, "LTAI-id", "AKID-id", "0000001", "预警"):
        assert secret not in printed


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("13800000001", "+8613800000001"),
        ("138 0000-0001", "+8613800000001"),
        ("8613800000001", "+8613800000001"),
        ("+86 138 0000 0001", "+8613800000001"),
        ("008613800000001", "+8613800000001"),
        ("１３８０００００００１", "+8613800000001"),
        ("+1 (500) 555-0006", "+15005550006"),
        ("0015005550006", "+15005550006"),
    ],
)
def test_one_number_has_one_form(written: str, expected: str) -> None:
    assert canonical(written) == expected


def test_a_number_of_another_country_keeps_its_country_at_home() -> None:
    assert (at_home("+8613800000001"), at_home("+85261234567")) == ("13800000001", "85261234567")


@pytest.mark.parametrize("token", ["short", "spaces are not good in an address", "密" * 30])
def test_a_callback_token_must_be_hard_to_guess(token: str) -> None:
    settings = {
        **ALIYUN.model_dump(),
        "access_key_id": "a",
        "access_key_secret": "b",
        "callback_token": token,
    }
    with pytest.raises(ValidationError, match="at least 24 letters and digits"):
        TypeAdapter[Provider](AnyProvider).validate_python(settings)
