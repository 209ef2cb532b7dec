"""预警已由乡镇医生处理结束, 村医才回复“4”: 结果不变, 并短信告诉他已经结束.

The township has dealt with it, and only then the village doctor replies 4: the outcome stays, and they are told so.

Chapter: replies by SMS
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.after(minutes=4)
    stage.paged("village", "township-day")
    stage.replies("2", by="township-day")
    stage.after(minutes=5)
    stage.replies("4", by="village")
    stage.told("village", "已经结束, 您的回复没有改变它")
    stage.is_now("resolved", outcome="contacted")
    assert "reply_closed" in stage.history()
