"""数值恢复正常: 经过里写明“已恢复”, 但没有人答复过, 所以仍然逐级通知, 直到有结果.

The values recover: the history says so, but nobody has answered, so the asking goes on until there is an outcome.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(82, for_s=3)
    stage.paged("village")
    stage.readings(97, for_s=60)
    assert stage.history().count("recovered") >= 1
    stage.is_now("open")
    stage.after(minutes=3)
    stage.paged("township-day")
    assert "数值已恢复" in stage.opens("township-day")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
