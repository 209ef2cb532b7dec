"""夜里黄色预警在等天亮时, 同一位居民血氧极低: 合成一条红色预警, 立即通知村医(不是网格员); 天亮后不再重复.

A yellow waits for the morning when the same resident's oxygen falls very low: they become one red alarm, the village
doctor is paged at once, not the volunteer, and nothing is repeated in the morning.

Chapter: quiet hours
"""

from __future__ import annotations

from cunmai_wire.events import Grade
from support.stage import Stages
from support.stage_county import FEVER


def test_story(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    stage.at("22:00:00")
    stage.reading(kind="temperature", temperature_c=38.8)
    stage.after(minutes=30)
    stage.nobody_paged()
    stage.reading(spo2=84)
    stage.paged("village")
    stage.told("village", "红色预警")
    assert len(stage.escalations()) == 1
    assert stage.escalation().grade is Grade.RED
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
    stage.at("09:00:00")
    stage.nobody_paged()
