"""回复“4点去看”“已联系不上”“好的”: 都不当作答复, 十分钟内只说明一次, 预警继续.

Replies such as "4点去看" or "已联系不上" are no answers: they are explained once in ten minutes, and the alarm goes on.

Chapter: replies by SMS
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    for text in ("4点去看", "已联系不上", "好的"):
        stage.replies(text, by="village")
        stage.after(seconds=20)
    stage.is_now("open")
    assert len(stage.courtesies) == 1
    assert stage.history().count("reply_unclear") == 3
    stage.after(minutes=3)
    stage.paged("township-day")
    stage.replies("2", by="village")
    stage.is_now("resolved", outcome="contacted")
