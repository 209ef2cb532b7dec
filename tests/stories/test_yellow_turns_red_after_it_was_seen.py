"""黄色预警已被村医看过, 随后转红: 之前的“已看”不算数, 立即重新从村医开始通知.

The doctor has seen a yellow alarm, and it turns red: what they saw was something else, so it is paged anew at once.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stages
from support.stage_county import FEVER


def test_story(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    stage.reading(kind="temperature", temperature_c=38.8)
    stage.paged("volunteer")
    stage.replies("1")
    stage.is_now("seen")
    stage.after(minutes=5)
    stage.reading(spo2=84)
    stage.paged("village")
    stage.is_now("open")
    stage.after(minutes=4)
    stage.paged("township-day")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
