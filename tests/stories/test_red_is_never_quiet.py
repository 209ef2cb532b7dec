"""免打扰时段(21:30 到 07:00)里的红色预警照样立即通知, 逐级上报.

A red alarm in the quiet hours (21:30 to 07:00) is paged at once all the same, and goes up level by level.

Chapter: quiet hours
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.at("23:15:00")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(minutes=4)
    stage.paged("township-night")
    stage.after(minutes=6)
    stage.paged("expert")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
