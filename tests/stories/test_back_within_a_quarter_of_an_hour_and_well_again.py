"""处理完几分钟内同样的情况又出现一下就恢复: 不再打扰, 只留一个任务.

A few minutes after the outcome the same thing comes back for a moment and is over: nobody is disturbed; it is a task.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(90, for_s=20)
    stage.paged("village")
    stage.replies("2")
    stage.readings(97, for_s=40)
    stage.readings(91, for_s=20)
    stage.readings(97, for_s=40)
    stage.after(minutes=40)
    stage.nobody_paged()
    assert stage.tasks() == ["spo2-severe"]
    stage.is_now("resolved", outcome="contacted")
