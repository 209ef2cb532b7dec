"""处理完几分钟内又出现, 而且一直没有恢复: 最多等到一刻钟, 就重新通知.

A few minutes after the outcome it comes back, and stays: after a quarter of an hour at the latest it pages anew.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(90, for_s=20)
    stage.paged("village")
    stage.replies("4")
    stage.readings(97, for_s=40)
    stage.readings(91, for_s=20)
    stage.nobody_paged()
    stage.after(minutes=12)
    stage.nobody_paged()
    stage.after(minutes=2)
    stage.paged("village")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
