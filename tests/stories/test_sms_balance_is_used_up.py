"""阿里云账户余额不足: 消息立即由第二家平台发出, 不耽误; 日志大声报错, 请人充值.

The balance at Aliyun is used up: the page leaves by the second provider at once, and the log shouts for somebody to
pay.

Chapter: delivery
"""

from __future__ import annotations

import json

from structlog.testing import capture_logs

from cunmai_rules.notify.providers import aliyun
from cunmai_rules.notify.providers.base import Answer, Refused
from support.sms_bench import unsigned_provider, webhook_provider
from support.stage import Stages

OUT_OF_MONEY = Answer(200, json.dumps({"Code": "isv.AMOUNT_NOT_ENOUGH", "Message": "账户余额不足"}).encode())


def test_story(stages: Stages) -> None:
    stage = stages(unsigned_provider("a"), webhook_provider("b", replies=True, receipt_within_s=60))
    refused = aliyun.outcome(OUT_OF_MONEY)
    assert isinstance(refused, Refused)
    stage.carrier.refuses("a", with_=refused)
    with capture_logs() as logs:
        stage.reading(spo2=84)
    stage.paged("village")
    assert [provider for provider, _ in stage.carrier.asked] == ["a", "b"]
    shouts = [line for line in logs if line["event"] == "notify.provider_misdirected"]
    assert [(line["log_level"], line["provider"], line["why"]) for line in shouts] == [
        ("error", "a", "aliyun isv.AMOUNT_NOT_ENOUGH")
    ]
    stage.after(minutes=4)
    stage.paged("township-day")
    stage.replies("2", by="township-day", provider="b")
    stage.is_now("resolved", outcome="contacted")
