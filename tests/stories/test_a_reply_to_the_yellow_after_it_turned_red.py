"""黄色短信未答复时居民转红, 红色短信一时发不出去: 对黄色短信的答复只记入经过, 不算红色的答复; 恢复后红色照发.

A yellow message lies unanswered when the same resident turns red, and the carrier is down. A reply to the yellow is
written to the history and settles nothing: when the carrier is back, the red is paged.

Chapter: replies by SMS
"""

from __future__ import annotations

import re

from support.stage import Stages
from support.stage_county import FEVER


def test_story(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    stage.reading(kind="temperature", temperature_c=38.8)
    stage.paged("volunteer")
    stage.after(minutes=1)
    stage.carrier.down("a", "b")
    stage.reading(spo2=84)
    stage.replies("2", by="volunteer")
    stage.is_now("open")
    assert "answered_earlier" in stage.history()
    stage.carrier.up("a", "b")
    stage.after(minutes=2)
    stage.paged("village")
    stage.told("village", "红色预警")
    stage.replies("2", by="village")
    stage.is_now("resolved", outcome="contacted")


def test_a_reply_to_a_summary_answers_no_red_that_came_after_it(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    residents = [f"R-Y{n}" for n in range(6)]
    for resident in residents:
        stage.reading(kind="temperature", temperature_c=38.8, of=resident)
    stage.paged("village", "village", "village")
    stage.after(minutes=1, seconds=10)
    assert [one.who for one in stage.summaries] == ["village"]
    stage.carrier.down("a", "b")
    stage.reading(spo2=84, of=residents[-1])
    (code,) = re.findall(r"回复 1 (\w+)", stage.summaries[0].message.text)
    stage.replies(f"1 {code}", by="village")
    stage.is_now("seen", of=residents[-2])
    stage.is_now("open", of=residents[-1])
