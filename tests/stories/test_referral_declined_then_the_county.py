"""村医上转给乡镇, 乡镇没有床位, 写明原因不接收: 立即退回村医; 村医改转县里, 县里接收并处理.

The village refers to the township, which declines for want of a bed: it is back with the village doctor at once, who
refers to the county, and the county takes the resident.

Chapter: referral
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.refers("village", "township-day")
    stage.paged("township-day")
    stage.decides("decline", by="township-day", note="没有床位, 请转县里")
    stage.paged("village")
    assert "没有床位, 请转县里" in stage.opens("village")
    stage.refers("village", "county")
    stage.paged("county")
    stage.decides("accept", by="county")
    stage.answers("contacted", by="county")
    stage.is_now("resolved", outcome="contacted")
    stage.after(hours=2)
    stage.nobody_paged()
