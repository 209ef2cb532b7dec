"""回执说短信没有送到村医手机: 不等三分钟, 立即通知乡镇医生.

The receipt says that the message did not reach the village doctor's phone: the township is paged at once, without
waiting for an answer that cannot come.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.carrier.fails("village")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(seconds=4)
    stage.paged("township-day")
    assert "notice_failed" in stage.history()
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
