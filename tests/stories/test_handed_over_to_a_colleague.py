"""村医已看但在外村, 从工作列表转交给乡镇医生并写明原因: 对方立即收到, 结果由对方负责, 提醒也找对方.

The village doctor has seen it but is away, and hands it to the township with a note: the township is told at once,
owes the outcome, and is the one to be reminded.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("1")
    stage.hands_over("village", "township-day", "我在外村, 请上门")
    stage.paged("township-day")
    assert "我在外村, 请上门" in stage.opens("township-day")
    stage.replies("1", by="township-day")
    stage.after(minutes=31)
    stage.paged("township-day")
    stage.replies("2", by="township-day")
    stage.is_now("resolved", outcome="contacted")
