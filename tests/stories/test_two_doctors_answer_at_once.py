"""村医和乡镇医生几乎同时答复: 先到的结束预警, 后到的得到说明, 谁说了什么都在经过里.

The village doctor and the township answer almost at once: the first ends the alarm, the second is told so, and the
history says who said what.

Chapter: answers
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.after(minutes=4)
    stage.paged("village", "township-day")
    stage.replies("2", by="township-day")
    stage.replies("4", by="village")
    stage.told("village", "已经结束")
    stage.is_now("resolved", outcome="contacted")
    answered = [one for one in stage.events() if one["type"] == "escalation_answered"]
    assert [one["contact"] for one in answered] == ["township-day"]
    stage.after(hours=2)
    stage.nobody_paged()
