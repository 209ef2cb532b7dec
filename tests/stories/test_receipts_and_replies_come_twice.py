"""运营商把每条回执和医生的回复都推送两遍: 状态, 短信和统计都不变.

The carrier sends every receipt and the doctor's reply twice: states, messages and figures are as if once.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too


@on_postgresql_too
def test_story(stage: Stage) -> None:
    stage.carrier.receipts_arrive = 2
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(seconds=10)
    assert stage.history().count("notice_delivered") == 1
    assert stage.replies("1", id="call-of-the-carrier").status_code == 200
    assert stage.replies("1", id="call-of-the-carrier").status_code == 200
    assert stage.history().count("answered") == 1
    stage.is_now("seen")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
