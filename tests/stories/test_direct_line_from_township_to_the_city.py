"""最危急的红色预警: 村医和乡镇都没有答复, 直接通知市级首席专家, 不经过县级逐级等待.

The gravest alarm: neither village nor township answers, and the city's chief expert is paged directly, without a
wait at each level between.

Chapter: nobody answers
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.after(minutes=3, seconds=5)
    stage.paged("village", "township-day")
    stage.after(minutes=5, seconds=5)
    stage.paged("expert")
    stage.told("expert", "红色预警", SUN)
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
