"""上转后对方一直没有看: 不会石沉大海, 按时退回来继续通知村医和其他人.

A referral that its receiver never looks at is not silent: the asking comes back to the sender, and goes on.

Chapter: referral
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.refers("village", "county")
    stage.paged("county")
    stage.after(minutes=4)
    stage.paged("village")
    stage.after(minutes=5)
    stage.paged("township-day")
    stage.is_now("open")
    stage.decides("accept", by="county")
    stage.answers("contacted", by="county")
    stage.is_now("resolved", outcome="contacted")
