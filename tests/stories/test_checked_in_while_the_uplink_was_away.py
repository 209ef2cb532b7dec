"""断网一分钟: 老人先测出危险值, 后刷卡; 恢复后读数和更正一起到达. 没有人听说过, 所以立即通知, 不只是待办.

The uplink is away for a minute: somebody is dangerously low, and the card is scanned afterwards. Both the readings
and their corrections arrive together. Nobody has heard of it: it pages at once, and is no mere task.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too
from support.stage_county import SHANGCUN, SUN


@on_postgresql_too
def test_story(stage: Stage) -> None:
    measured = stage.made(80, for_s=20, of=None)
    stage.after(minutes=1)
    stage.send(*measured, *stage.corrections(*measured, of=SUN, where=SHANGCUN))
    stage.paged("village")
    stage.told("village", "红色预警", SUN)
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted", of=SUN)
    stage.after(hours=1)
    stage.nobody_paged()
