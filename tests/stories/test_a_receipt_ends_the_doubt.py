"""短信平台收了请求却没有回应, 但送达回执来了: 手机已经收到, 不必由另一家再发.

A provider takes the request and does not answer, but its receipt comes: the message is on the phone, and the other
provider need not send it.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.carrier.silent("a")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(minutes=2)
    stage.nobody_paged()
    assert [one.state for one in stage.notices()] == ["delivered"]
    assert {provider for provider, _ in stage.carrier.asked} == {"a"}
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
