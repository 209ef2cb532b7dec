"""村医先用短信答复“已看”, 半小时内再打开链接选“已联系”: 结果记在他名下, 提醒不再发出.

The doctor answers 已看 by SMS and later chooses 已联系 on the page: the outcome is theirs, and no reminder is sent.

Chapter: answers
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("1")
    stage.after(minutes=20)
    assert "已看, 等待处理结果" in stage.opens("village")
    stage.answers("contacted", by="village")
    stage.is_now("resolved", outcome="contacted")
    stage.after(hours=2)
    stage.nobody_paged()
    means = [one["means"] for one in stage.events() if one["type"] == "escalation_answered"]
    assert means == ["sms", "link"]
