"""红色预警未答复时乡镇值班交接班(20:00): 随后通知的是接班的夜班医生, 不是已下班的白班医生.

The township's roster changes hands while a red alarm is open (20:00): the next to be paged is the doctor who has
just come on duty, not the one who has gone home.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.at("19:58:00")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.at("20:01:10")
    stage.paged("township-night")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
