"""未登记的人测出危险值, 已通知村医; 一分钟后补刷卡: 预警不会因此消失, 改以本人的名义重新通知.

Somebody who has not checked in is dangerously low, and the doctor is paged; a minute later the card is scanned.
That does not make the alarm vanish: it is issued again, with whose it is.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    nobody = stage.readings(82, for_s=20, of=None)
    stage.paged("village")
    stage.told("village", "未登记居民")
    stage.after(minutes=1)
    stage.corrected(*nobody, of=SUN)
    stage.is_now("retracted", of=None)
    stage.paged("village")
    stage.told("village", SUN)
    stage.replies(f"2 {stage.code_of(SUN)}")  # two were sent within ten minutes: the code says which
    stage.is_now("resolved", outcome="contacted", of=SUN)
    stage.after(hours=1)
    stage.nobody_paged()
