"""红色预警已看, 又查出发热(黄色): 不另发一条, 提前提醒已在处理的村医; 网格员不被打扰.

The doctor has seen a red alarm when a fever (yellow) is found: no second alarm, but the doctor who has it is reminded
soon. The volunteer is not disturbed.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stages
from support.stage_county import FEVER


def test_story(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("1")
    stage.after(minutes=10)
    stage.nobody_paged()
    stage.reading(kind="temperature", temperature_c=38.8)
    stage.paged("village")
    assert set(stage.escalation().rules) == {"spo2-deep", "fever-at-home"}
    assert len(stage.escalations()) == 1
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
