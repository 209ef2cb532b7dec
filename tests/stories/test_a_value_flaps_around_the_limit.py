"""血氧在报警线上下来回一刻钟: 始终是一条预警; 已看的村医不会被一次次打扰.

A value flaps around the limit for a quarter of an hour: it stays one alarm, and the doctor who has seen it is not
told again and again.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(93, for_s=17)
    stage.paged("village")
    stage.replies("1")
    for _ in range(8):
        stage.readings(96, for_s=32)
        stage.after(seconds=30)
        stage.readings(93, for_s=17)
        stage.after(seconds=30)
    stage.nobody_paged()
    assert len(stage.escalations()) == 1
    assert stage.escalation().rules == ("spo2-severe",)
    assert stage.history().count("joined") == 8
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
