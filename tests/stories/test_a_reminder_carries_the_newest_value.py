"""村医已看之后数值继续下降: 提醒短信写明“再次提醒”, 并带最新的血氧值, 不是最初那个.

The values go on falling after the doctor has seen the alarm: the reminder says that it is one, and carries the newest
value, not the first.

Chapter: answers
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(91, for_s=20)
    stage.paged("village")
    stage.told("village", "血氧 91%")
    stage.replies("1")
    stage.after(minutes=29)
    stage.readings(86, for_s=40)
    stage.after(minutes=1)
    stage.paged("village")
    stage.told("village", "再次提醒", "血氧 86%")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
