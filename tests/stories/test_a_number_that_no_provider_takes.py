"""两家平台都说村医的号码不合法(永久错误): 不再重试, 立即通知乡镇医生.

Both providers say that the village doctor's number is none (a permanent error): no further try, and the township is
paged at once.

Chapter: delivery
"""

from __future__ import annotations

import json

from cunmai_rules.notify.providers import aliyun
from cunmai_rules.notify.providers.base import Answer, Refused
from support.stage import Stage

BAD_NUMBER = Answer(200, json.dumps({"Code": "isv.MOBILE_NUMBER_ILLEGAL"}).encode())


def test_story(stage: Stage) -> None:
    refused = aliyun.outcome(BAD_NUMBER)
    assert isinstance(refused, Refused)
    stage.carrier.refuses_to("village", with_=refused)
    stage.reading(spo2=84)
    stage.paged("township-day")
    assert [provider for provider, _ in stage.carrier.asked] == ["a", "b", "a"]
    assert "notice_failed" in stage.history()
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
