"""Replies by SMS at their edges, and the providers' calls: their forms, their signatures, and who may send them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import REGISTRY

from cunmai_rules.cautions import cautions
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.codes import DIGITS, LETTERS
from cunmai_rules.notify.providers.signatures import twilio_signature
from cunmai_rules.notify.reply import Reply, parse_reply
from cunmai_wire.events import Answer
from support.fake_carrier import Chances
from support.sms_bench import Make, SmsBench, unsigned_provider, webhook_provider
from support.sms_sink import SECRET

OTHER_SECRET = "whsec_" + "T3RoZXJTZWNyZXRPdGhlclNlY3JldA=="
TOKEN = "t" * 24


def told(make: Make, *residents: str) -> SmsBench:
    """The village doctor has been told of these residents."""
    bench = make(webhook_provider("a", replies=True))
    for resident in residents or ("R-7F3K",):
        bench.desaturate_resident(resident)
        bench.notifier.send_due()
    return bench


def statuses(bench: SmsBench) -> list[str]:
    return [one.status.value for one in reversed(bench.desk.escalations.newest(10))]


def replies_counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("cunmai_rules_sms_replies_total", {"outcome": outcome}) or 0.0


# -- answering ----------------------------------------------------------------------------------------------


def test_a_duty_phone_that_has_heard_of_many_is_understood_about_the_one_that_is_open(make: Make) -> None:
    bench = make(webhook_provider("a", replies=True))
    for number in range(3):
        bench.desaturate_resident(f"R-{number}")
        bench.notifier.send_due()
        if number:
            bench.replies(f"2 {bench.codes()[-1]}")
    mark, first = bench.desk.mark("13800000001"), bench.escalation_of("R-0").id
    assert bench.desk.escalations.told_to(mark, 0, limit=1) == [(first, "village")]
    closed = bench.escalation_of("R-1").id
    code = bench.desk.codes.code_of(closed)
    assert bench.desk.escalations.told_to(mark, 0, code, limit=1) == [(closed, "village")]


def test_one_that_somebody_else_closed_a_moment_ago_might_be_meant(make: Make) -> None:
    bench = told(make, "R-1", "R-2")
    first = bench.desk.escalations.newest(10)[-1]
    bench.desk.answer(first.id, "township", Answer.CONTACTED, bench.now_ms)
    bench.replies("4")
    assert statuses(bench) == ["closed", "open"]
    assert len(bench.courtesies) == 1


def test_what_is_not_understood_is_answered_once_in_ten_minutes(make: Make) -> None:
    bench = told(make)
    for text in ("好的", "4点去看", "已联系不上", "3 4", ""):
        bench.replies(text)
        bench.now_ms += 60_000
    assert len(bench.courtesies) == 1
    assert bench.escalation().status is Status.OPEN
    bench.now_ms += 600_000
    bench.replies("?")
    assert len(bench.courtesies) == 2
    for _ in range(40):
        bench.now_ms += 601_000
        bench.replies("?")
    assert len(bench.courtesies) == 10  # a day


def test_the_number_counts_however_it_is_written(make: Make) -> None:
    bench = told(make)
    bench.replies("2", number="+86 138 0000 0001")
    assert bench.escalation().status is Status.CLOSED


def test_a_week_later_a_reply_means_nothing_any_more(make: Make) -> None:
    bench = told(make)
    bench.now_ms += 8 * 86_400_000
    before = replies_counted("unknown_number")
    bench.replies("3")
    assert replies_counted("unknown_number") == before + 1


def test_codes_are_free_again_a_week_after_the_end(make: Make) -> None:
    bench = told(make)
    bench.answers(Answer.CONTACTED)
    bench.now_ms += 6 * 86_400_000
    bench.engine.forget_old()
    assert len(bench.codes()) == 1
    bench.now_ms += 2 * 86_400_000
    bench.engine.forget_old()
    assert bench.codes() == []


def test_many_codes_are_all_different_and_none_looks_like_an_answer(make: Make) -> None:
    bench = make(webhook_provider("a", replies=True))
    with bench.db.transaction():
        given = [bench.desk.codes.give(f"e{number}", bench.now_ms) for number in range(400)]
    codes = [code for code in given if code is not None]
    assert len(set(codes)) == 400
    assert all(code[0].isalpha() and not set(code) & set("0128BGILOQSZ") for code in codes)
    assert {len(code) for code in codes} == {2, 4}


def test_a_week_with_more_alarms_than_there_are_codes_of_four_has_codes_of_six(make: Make) -> None:
    bench = make(webhook_provider("a", replies=True))
    every_two = [letter + digit for letter in LETTERS for digit in DIGITS]
    taken = [*every_two, *(one + other for one in every_two for other in every_two)]
    with bench.db.transaction():
        bench.db.executemany(
            "INSERT INTO short_code (code, escalation, made_ms) VALUES (?, ?, ?)",
            [(code, f"x{code}", bench.now_ms) for code in taken],
        )
        given = [bench.desk.codes.give(f"e{number}", bench.now_ms) for number in range(500)]
    assert len(set(given)) == 500
    assert all(code is not None and len(code) == 6 for code in given)
    assert parse_reply(f"2 {given[0]}") == Reply(Answer.CONTACTED, given[0])


# -- attacks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"secret": OTHER_SECRET}, "bad_signature"),
        ({"body": '{"type": "sms.reply", "data": {"from": "13800000001", "text": "4"}}'}, "bad_signature"),
        ({"body": b"\xff"}, "bad_signature"),
        ({"t_ms": 1_767_323_045_000 - 3_600_000}, "old"),
        ({"t_ms": 1_767_323_045_000 + 3_600_000}, "old"),
    ],
)
def test_a_call_that_is_forged_or_old_is_refused(make: Make, changes: dict[str, Any], why: str) -> None:
    bench = told(make)
    refused = bench.replies("4", **changes)
    assert (refused.status_code, refused.json()) == (401, {"refused": why})
    assert bench.escalation().status is Status.OPEN


def test_calls_without_a_signature_or_a_provider_or_a_sense_are_refused(make: Make) -> None:
    bench = told(make)
    with bench.client() as client:
        assert client.post("/sms/a/replies", json={}).json() == {"refused": "unsigned"}
        assert client.post("/sms/b/replies", json={}).status_code == 404
        assert client.post("/sms/a/orders", json={}).status_code == 422
        assert client.post("/sms/a/replies", content=b"x" * 300_000).status_code == 413
    assert bench.call("replies", {"from": "13800000001"}).json() == {"refused": "bad_form"}
    assert bench.call("replies", {"from": 7, "text": []}).status_code == 400


# -- the providers' own forms -------------------------------------------------------------------------------


def test_aliyun_reports_and_replies_with_a_token_in_the_address(make: Make) -> None:
    bench = make(unsigned_provider("ali", replies=True, callback_from=["203.0.113.0/24"]))
    bench.carrier.chances = {"ali": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    ((_, message),) = bench.carrier.taken
    report = {
        "phone_number": "13800000001", "send_time": "2026-01-02 11:04:05", "report_time": "2026-01-02 11:04:09",
        "success": True, "err_code": "DELIVERED", "err_msg": "用户接收成功", "sms_size": "1",
        "biz_id": "ali-0", "out_id": message.id,
    }  # fmt: skip
    reply = {
        "phone_number": "13800000001", "content": "２", "send_time": "2026-01-02 11:05:00", "dest_code": "1",
        "sequence_id": "1234567890",
    }  # fmt: skip
    with bench.client() as client:
        taken = client.post(f"/sms/ali/receipts/{TOKEN}", json=[report, report])
        assert (taken.status_code, taken.json()) == (200, {"code": 0, "msg": "接收成功"})
        assert client.post("/sms/ali/receipts/guess", json=[report]).json() == {"refused": "bad_token"}
        assert client.post("/sms/ali/receipts", json=[report]).json() == {"refused": "bad_token"}
        old = {**reply, "send_time": "2025-12-30 11:05:00", "content": "4"}
        assert client.post(f"/sms/ali/replies/{TOKEN}", json=[old, reply]).status_code == 200
    with bench.client("198.51.100.7") as client:
        assert client.post(f"/sms/ali/replies/{TOKEN}", json=[reply]).json() == {"refused": "bad_address"}
    assert bench.states() == ["delivered"]
    assert bench.escalation().closed_because == "answered_contacted"


@pytest.mark.parametrize("odd", [{"content": "\ud83d"}, {"send_time": "0001-01-01 00:00:00"}])
def test_an_answer_behind_an_odd_one_in_the_same_call_is_taken(make: Make, odd: dict[str, str]) -> None:
    """Half an emoji, cut by a carrier; a time that has no moment in UTC."""
    bench = make(unsigned_provider("ali", replies=True, callback_from=["203.0.113.0/24"]))
    bench.desaturate()
    bench.notifier.send_due()
    reply = {"phone_number": "13800000001", "content": "2", "dest_code": "1", "sequence_id": "2"}
    strange = {**reply, "phone_number": "13900000009", "sequence_id": "1", **odd}
    with bench.client() as client:
        body = json.dumps([strange, reply])
        assert client.post(f"/sms/ali/replies/{TOKEN}", content=body).status_code == 200
    assert bench.escalation().closed_because == "answered_contacted"


def test_tencent_reports_and_replies(make: Make) -> None:
    bench = make(
        {
            "kind": "tencent", "name": "tc", "secret_id": "i", "secret_key": "k", "sdk_app_id": "1400006666",
            "sign_name": "某县医共体", "templates": {"page": "1"}, "callback_token": TOKEN, "replies": True,
        }
    )  # fmt: skip
    bench.carrier.chances = {"tc": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    report = {
        "user_receive_time": "2026-01-02 11:04:09", "nationcode": "86", "mobile": "13800000001",
        "report_status": "FAIL", "errmsg": "MK:0001", "description": "空号", "sid": "tc-0",
    }  # fmt: skip
    reply = {
        "extend": "", "mobile": "13800000002", "nationcode": "86", "sign": "某县医共体", "text": "转诊",
        "time": bench.now_ms // 1000,
    }  # fmt: skip
    with bench.client() as client:
        taken = client.post(f"/sms/tc/receipts/{TOKEN}", json=[report])
        assert (taken.status_code, taken.json()) == (200, {"result": 0, "errmsg": "OK"})
        bench.notifier.send_due()
        assert client.post(f"/sms/tc/replies/{TOKEN}", json=reply).status_code == 200
    assert bench.rows("SELECT state, error FROM notice ORDER BY number") == [
        ("failed", "MK?0001"),
        ("accepted", None),
    ]
    assert bench.rows("SELECT actor FROM history WHERE type = 'answered'") == [("township",)]


def test_twilio_signs_its_callbacks(make: Make) -> None:
    bench = make(
        {
            "kind": "twilio", "name": "tw", "account_sid": "AC" + "0" * 32, "auth_token": "tw-secret",
            "sender": "+15005550006", "replies": True,
        }
    )  # fmt: skip
    bench.carrier.chances = {"tw": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    ((_, message),) = bench.carrier.taken
    path = f"/sms/tw/receipts?notice={message.id}"
    form = {"MessageSid": "tw-0", "MessageStatus": "sent", "To": "+8613800000001", "From": "+15005550006"}

    def post(path: str, form: dict[str, str], token: str = "tw-secret") -> int:
        signature = twilio_signature(f"http://127.0.0.1:8087{path}", form, token)
        headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
        with bench.client() as client:
            return client.post(path, content=urlencode(form), headers=headers).status_code

    assert post(path, form) == 200
    assert bench.states() == ["accepted"]
    assert post(path, {**form, "MessageStatus": "delivered"}) == 200
    assert bench.states() == ["delivered"]
    assert post(path, {**form, "MessageStatus": "failed"}, "another") == 401
    assert post("/sms/tw/replies", {"MessageSid": "SM2", "From": "+8613800000001", "Body": "1"}) == 200
    assert bench.escalation().status is Status.SEEN


@pytest.mark.parametrize(
    ("caller", "published"),
    [
        ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("+14158675310", "GvWf1cFY/Q7PnoempGyD5oXAezc="),
        ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    ],
)
def test_twilios_signature_is_that_of_its_documentation(caller: str, published: str) -> None:
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": caller, "Digits": "1234", "From": caller, "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_signature(url, form, "12345") == published


def test_a_webhooks_receipt_goes_by_our_own_id(make: Make) -> None:
    bench = make(webhook_provider("a", receipt_within_s=60))
    bench.carrier.chances = {"a": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    ((_, message),) = bench.carrier.taken
    assert (
        bench.call("receipts", {"id": message.id, "state": "failed", "reason": "absent"}).status_code == 200
    )
    bench.notifier.send_due()
    assert bench.told == ["V", "T"]
    assert bench.call("receipts", {"id": "n-unknown", "state": "failed"}).status_code == 200
    assert bench.call("receipts", {"id": message.id, "state": "perhaps"}).status_code == 400


def test_the_published_example_of_the_webhook_specification_is_believed(make: Make) -> None:
    """msg_p5jXN8AQM9LWM0D4loKWxJek at 1614265330: the example of the Standard Webhooks specification."""
    bench = make({**webhook_provider("a"), "secret": SECRET})
    bench.now_ms = 1_614_265_330_000
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    with bench.client() as client:
        body = '{"test": 2432232314}'
        assert client.post("/sms/a/replies", content=body, headers=headers).json() == {"refused": "bad_form"}
        refused = client.post("/sms/a/replies", content=body.replace("4}", "5}"), headers=headers)
        assert refused.json() == {"refused": "bad_signature"}


def test_callbacks_that_anybody_with_the_token_may_send_are_a_caution(make: Make) -> None:
    open_to_all = make(unsigned_provider("ali"))
    limited = make(unsigned_provider("ali", callback_from=["203.0.113.0/24"]))
    told_of = [
        any("callbacks of ali" in one for one in cautions(bench.settings)) for bench in (open_to_all, limited)
    ]
    assert told_of == [True, False]
