"""夜里十点的黄色预警(发热)不打扰任何人, 早上七点先通知网格员, 半小时没有答复再通知村医.

A yellow alarm (fever) at ten in the evening disturbs nobody. At seven the grid's volunteer is told, and the village
doctor half an hour later.

Chapter: quiet hours
"""

from __future__ import annotations

from support.stage import Stages
from support.stage_county import FEVER


def test_story(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    stage.at("22:00:00")
    stage.reading(kind="temperature", temperature_c=38.8)
    stage.at("06:59:00")
    stage.nobody_paged()
    stage.is_now("open")
    stage.at("07:00:30")
    stage.paged("volunteer")
    stage.told("volunteer", "黄色预警")
    stage.after(minutes=31)
    stage.paged("village")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
