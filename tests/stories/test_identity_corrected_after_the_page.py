"""已通知村医后发现刷错了卡: 原居民的预警撤回并结束, 正确居民的预警重新发给他自己的团队, 直到有结果.

After the page the kiosk learns that the wrong card was on the reader: the first resident's alarm is retracted, and
issued again for the right one, to that one's own team, until there is an outcome.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too
from support.stage_county import LI, SUN


@on_postgresql_too
def test_story(stage: Stage) -> None:
    wrong = stage.reading(spo2=84, of=SUN)
    stage.paged("village")
    stage.after(seconds=90)
    stage.corrected(wrong, of=LI)
    stage.is_now("retracted", of=SUN)
    stage.paged("xiacun")
    stage.told("xiacun", "红色预警", LI)
    assert "reissued" in stage.history(of=LI)
    assert "更正或补传的数据表明不成立" in stage.opens("village")
    stage.after(minutes=4)
    stage.paged("township-day")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted", of=LI)
    stage.is_now("retracted", of=SUN)
    stage.after(hours=3)
    stage.nobody_paged()
