"""已看, 数值恢复, 二十分钟后又极低: 医生看到的是上一次, 不等提醒时间, 立即重新通知.

Seen, recovered, and very low again after twenty minutes: what the doctor saw was the time before. It is paged anew at
once, without waiting for the reminder.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(82, for_s=3)
    stage.paged("village")
    stage.replies("1")
    stage.readings(97, for_s=60)
    stage.after(minutes=20)
    stage.nobody_paged()
    stage.reading(spo2=82)
    stage.paged("village")
    stage.is_now("open")
    assert len(stage.escalations()) == 1
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
