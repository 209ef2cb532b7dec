"""短信平台收了请求却没有回应, 也没有回执: 按同一编号再问, 不会发出第二条; 将近一分钟后仍不知道, 才由另一家发.

A provider takes the request, does not answer, and sends no receipt: it is asked again under the same key, so no second
message leaves; after almost a minute in doubt the other provider sends it.

Chapter: delivery
"""

from __future__ import annotations

from support.sms_bench import webhook_provider
from support.stage import Stages


def test_story(stages: Stages) -> None:
    stage = stages(webhook_provider("a", unsure_wait_s=50, replies=True), webhook_provider("b", replies=True))
    stage.carrier.silent("a")
    stage.carrier.no_receipt("village")
    stage.reading(spo2=84)
    stage.after(seconds=45)
    stage.paged("village")
    assert {provider for provider, _ in stage.carrier.asked} == {"a"}
    assert len(stage.carrier.asked) > 1  # the same key: one message
    stage.after(seconds=10)
    stage.paged("village")  # after the wait, two are better than none
    assert stage.pages[-1].provider == "b"
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
