"""没有签约的居民在没有团队的村测出危险值: 由上一级乡镇卫生院的团队和值班医生负责.

A resident of no team is measured in a village without one: the township's team and its doctor on duty are paged.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import WACUN, ZHOU


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84, of=ZHOU, where=WACUN)
    stage.paged("township-day")
    stage.told("township-day", "洼村卫生室")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred", of=ZHOU)
