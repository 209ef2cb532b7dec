"""运营商谎报已送达, 其实没有: 三分钟没有答复, 仍然通知乡镇医生. 送达不等于看到.

The carrier says delivered, and it is not true: no answer in three minutes, and the township is paged all the same.
Delivered is not seen.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.carrier.lies("village")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(minutes=2, seconds=55)
    stage.nobody_paged()
    assert "notice_delivered" in stage.history()
    stage.after(seconds=10)
    stage.paged("township-day")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
