"""处理完几分钟内血氧跌到极低: 这是另一条规则, 不等一刻钟, 立即通知.

A few minutes after the outcome the oxygen falls very low: that is another rule's finding, and pages at once.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(90, for_s=20)
    stage.paged("village")
    stage.replies("2")
    stage.readings(97, for_s=40)
    stage.reading(spo2=82)
    stage.paged("village")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
