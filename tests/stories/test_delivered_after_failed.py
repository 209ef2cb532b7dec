"""先来“未送达”回执, 改通知了乡镇; 后来又说村医已收到: 相信后者, 但已通知的不收回.

First the receipt says failed, and the township is paged; then it says delivered: that is believed, and takes nothing
back.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_carrier import Receipt
from support.stage_county import NUMBERS


def test_story(stage: Stage) -> None:
    stage.carrier.no_receipt("village")
    stage.reading(spo2=84)
    notice, number = stage.pages[0].message.id, NUMBERS["village"]
    for delivered in (False, False, True, False):
        assert stage.receipt(Receipt(stage.now_ms, "a", notice, number, delivered)).status_code == 200
        stage.after(seconds=5)
    stage.paged("village", "township-day")
    assert [one.state for one in stage.notices()] == ["delivered", "delivered"]
    stage.replies("2", by="village")
    stage.is_now("resolved", outcome="contacted")
    stage.after(hours=1)
    stage.nobody_paged()
