"""村医上转给县级医师, 对方接收; 半小时没有结果就提醒接收方; 治疗后下转, 村医立即得到要做的事, 答复后结束.

The village refers up to the county, which accepts and is reminded when no outcome comes. After treatment it refers
back: the village doctor is told at once what is to be done near home, and ends it.

Chapter: referral
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too


@on_postgresql_too
def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.refers("village", "county", "血氧 84, 请收治")
    stage.paged("county")
    assert "血氧 84, 请收治" in stage.opens("county")
    stage.decides("accept", by="county")
    stage.is_now("seen")
    stage.after(minutes=31)
    stage.paged("county")
    stage.decides("return", by="county", note="回家, 每天测血氧")
    stage.paged("village")
    assert "回家, 每天测血氧" in stage.opens("village")
    stage.answers("contacted", by="village")
    stage.is_now("resolved", outcome="contacted")
    asked = ("referral_requested", "referral_accepted", "referral_returned")
    assert [one for one in stage.history() if one in asked] == list(asked)
