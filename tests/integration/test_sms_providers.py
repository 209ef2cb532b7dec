"""The SMS makers spoken to over HTTP: what leaves the machine is signed as they check it, and holds no more
than it should; what they answer is understood. Answers are those of the makers' documents."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from cunmai_rules.notify.providers.base import Accepted, Fault, Message, Outcome, Refused
from cunmai_rules.notify.providers.settings import AliyunProvider, Provider, TencentProvider, TwilioProvider
from cunmai_rules.notify.sender import Sender
from support.sms_providers import Came, Door, door, signed_for_aliyun, signed_for_tencent

T_MS = 1_767_323_045_000
"""2026-01-02T03:04:05Z."""
TEXT = "【村脉】红色预警 R-7F3K 血氧 84% a+b&c=d~é, 请尽快查看"
MESSAGE = Message(
    "n-1", "138 0000 0001", TEXT, "e1", T_MS, "page",
    (("grade", "红色 & 危急"), ("resident", "R-7F3K"), ("code", "K7*~")),
)  # fmt: skip


@pytest.fixture
def maker() -> Iterator[Door]:
    with door() as here:
        yield here


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender(at_once=4, public_url="https://cunmai.example", wall_clock=lambda: T_MS)
    yield sender
    sender.close()


def aliyun(maker: Door) -> AliyunProvider:
    return AliyunProvider(
        kind="aliyun", name="aliyun", access_key_id=SecretStr("LTAI-id"),
        access_key_secret=SecretStr("ali-secret"), sign_name="某县医共体", templates={"page": "SMS_1"},
        endpoint=maker.url,
    )  # fmt: skip


def tencent(maker: Door) -> TencentProvider:
    return TencentProvider(
        kind="tencent", name="tencent", secret_id=SecretStr("AKID-id"), secret_key=SecretStr("tc-secret"),
        sdk_app_id="1400006666", sign_name="某县医共体", templates={"page": "1110"}, endpoint=maker.url,
    )  # fmt: skip


def twilio(maker: Door) -> TwilioProvider:
    return TwilioProvider(
        kind="twilio", name="twilio", account_sid="AC" + "0" * 32, auth_token=SecretStr("tw-secret"),
        sender="+15005550006", endpoint=maker.url,
    )  # fmt: skip


def ask(sender: Sender, provider: Provider) -> Outcome:
    return sender.submit(MESSAGE, provider).result(20)


def the_one(maker: Door) -> Came:
    (came,) = maker.came
    return came


def test_aliyun_takes_it(maker: Door, sender: Sender) -> None:
    maker.answers = [
        (200, {"Code": "OK", "Message": "OK", "BizId": "9006197469364984400^0", "RequestId": "F655"})
    ]
    assert ask(sender, aliyun(maker)) == Accepted("9006197469364984400^0")
    came = the_one(maker)
    assert signed_for_aliyun(came, "LTAI-id", "ali-secret")
    values = {name: value for name, (value,) in parse_qs(came.target.partition("?")[2]).items()}
    assert json.loads(values.pop("TemplateParam")) == dict(MESSAGE.values)
    assert values == {
        "PhoneNumbers": "13800000001", "SignName": "某县医共体", "TemplateCode": "SMS_1", "OutId": "n-1",
    }  # fmt: skip
    assert came.headers["x-acs-date"] == "2026-01-02T03:04:05Z"
    assert b"ali-secret" not in came.body
    assert "ali-secret" not in came.target + str(came.headers)


def test_aliyun_never_sees_one_nonce_twice(maker: Door, sender: Sender) -> None:
    maker.answers = [(200, {"Code": "isp.SYSTEM_ERROR"}), (200, {"Code": "OK", "BizId": "b"})]
    assert ask(sender, aliyun(maker)) == Refused(Fault.RETRYABLE, "aliyun isp.SYSTEM_ERROR")
    assert ask(sender, aliyun(maker)) == Accepted("b")
    first, second = (came.headers["x-acs-signature-nonce"] for came in maker.came)
    assert first != second


def test_tencent_takes_it(maker: Door, sender: Sender) -> None:
    status = {
        "SerialNo": "5000:1045710669157053657849499619", "PhoneNumber": "+8613800000001", "Fee": 1,
        "SessionContext": "n-1", "Code": "Ok", "Message": "send success", "IsoCode": "CN",
    }  # fmt: skip
    maker.answers = [(200, {"Response": {"SendStatusSet": [status], "RequestId": "a0aa"}})]
    assert ask(sender, tencent(maker)) == Accepted("5000:1045710669157053657849499619")
    came = the_one(maker)
    assert signed_for_tencent(came, "AKID-id", "tc-secret")
    assert came.headers["x-tc-action"] == "SendSms"
    assert came.headers["x-tc-version"] == "2021-01-11"
    assert came.headers["x-tc-timestamp"] == "1767323045"
    assert json.loads(came.body) == {
        "PhoneNumberSet": ["+8613800000001"], "SmsSdkAppId": "1400006666", "SignName": "某县医共体",
        "TemplateId": "1110", "TemplateParamSet": ["红色 & 危急", "R-7F3K", "K7*~"], "SessionContext": "n-1",
    }  # fmt: skip


def test_twilio_takes_it(maker: Door, sender: Sender) -> None:
    maker.answers = [(201, {"sid": "SM" + "1" * 32, "status": "queued", "error_code": None})]
    assert ask(sender, twilio(maker)) == Accepted("SM" + "1" * 32)
    came = the_one(maker)
    assert came.target == f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    assert (
        b64decode(came.headers["authorization"].removeprefix("Basic ")) == f"AC{'0' * 32}:tw-secret".encode()
    )
    assert parse_qs(came.body.decode()) == {
        "To": ["+8613800000001"], "Body": [TEXT], "From": ["+15005550006"],
        "StatusCallback": ["https://cunmai.example/sms/twilio/receipts?notice=n-1"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("which", "status", "answer", "refused"),
    [
        (
            aliyun, 200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL"},
            Refused(Fault.PERMANENT, "aliyun isv.MOBILE_NUMBER_ILLEGAL"),
        ),
        (aliyun, 200, {"Code": "isv.AMOUNT_NOT_ENOUGH"}, Refused(Fault.MISDIRECTED, "aliyun isv.AMOUNT_NOT_ENOUGH")),
        (aliyun, 403, {"Code": "SignatureDoesNotMatch"}, Refused(Fault.MISDIRECTED, "aliyun SignatureDoesNotMatch")),
        (
            tencent, 200, {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "x"}}},
            Refused(Fault.MISDIRECTED, "tencent AuthFailure.SignatureFailure"),
        ),
        (
            tencent, 200, {"Response": {"SendStatusSet": [{"Code": "LimitExceeded.PhoneNumberDailyLimit"}]}},
            Refused(Fault.RETRYABLE, "tencent LimitExceeded.PhoneNumberDailyLimit"),
        ),
        (twilio, 400, {"code": 21211, "message": "x", "status": 400}, Refused(Fault.PERMANENT, "twilio 21211")),
    ],
)  # fmt: skip
def test_a_refusal_is_understood(
    maker: Door, sender: Sender, which: type, status: int, answer: dict[str, object], refused: Refused
) -> None:
    maker.answers = [(status, answer)]
    assert ask(sender, which(maker)) == refused


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_not_followed(maker: Door, sender: Sender, status: int) -> None:
    """A captive portal's answer is no acceptance, and the message goes nowhere else."""
    maker.answers = [(status, {})] * 3
    for which in (aliyun, tencent, twilio):
        assert isinstance(ask(sender, which(maker)), Refused)
    assert len(maker.came) == 3
