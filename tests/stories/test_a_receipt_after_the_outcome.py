"""村医已经处理, 一分钟后才来“未送达”回执: 不再通知任何人.

The village doctor has dealt with it, and only then a receipt says failed: nobody is paged for that.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_carrier import Receipt
from support.stage_county import NUMBERS


def test_story(stage: Stage) -> None:
    stage.carrier.no_receipt("village")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("2")
    late = Receipt(stage.now_ms, "a", stage.pages[0].message.id, NUMBERS["village"], delivered=False)
    assert stage.receipt(late).status_code == 200
    stage.after(hours=1)
    stage.nobody_paged()
    stage.is_now("resolved", outcome="contacted")
