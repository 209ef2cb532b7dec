"""村医答复“已看”后没有下文: 三十分钟后提醒他本人, 一直提醒到有处理结果; 不打扰别人.

The village doctor answers 已看 and nothing follows: he is reminded after thirty minutes, and again, until there is
an outcome. Nobody else is disturbed.

Chapter: answers
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too


@on_postgresql_too
def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("1")
    stage.is_now("seen")
    stage.after(minutes=29)
    stage.nobody_paged()
    stage.after(minutes=2)
    stage.paged("village")
    stage.told("village", "再次提醒")
    stage.after(minutes=31)
    stage.paged("village")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
    stage.after(hours=6)
    stage.nobody_paged()
