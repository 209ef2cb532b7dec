"""红色预警后探头脱落, 没有任何新测量值: 预警不会自己消失, 照样逐级上报.

After a red alarm the sensor is off and nothing more is measured: silence clears nothing, and the alarm goes up.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(minutes=25)
    stage.paged("township-day", "expert", "village", "township-day")
    assert "recovered" not in stage.history()
    stage.is_now("open")
    stage.answers("contacted", by="township-day")
    stage.is_now("resolved", outcome="contacted")
