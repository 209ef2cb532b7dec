"""六个小时没有人答复: 预警从不过期, 每一刻钟仍在催促, 健康页面一直显示, 直到有人处理.

Six hours without an answer: a page never expires. It is asked about every quarter of an hour and shown on the health
page until somebody deals with it.

Chapter: nobody answers
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import DESK


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.after(hours=6)
    asked = [one.who for one in stage.pages]
    assert asked[:9] == ["village", "township-day", "expert"] * 3
    assert set(asked[9:]) == {"expert", DESK}
    assert 18 <= len(asked[9:]) <= 22  # every quarter of an hour
    stage.paged(*asked)
    assert stage.browser.get("/health").json()["pages"]["exhausted"] == 1
    stage.answers("contacted", by=DESK)
    assert stage.browser.get("/health").json()["pages"]["exhausted"] == 0
    stage.after(hours=6)
    stage.nobody_paged()
