"""补传的危险值在任务里等复核时, 居民此刻又测出危险值: 立即发短信, 任务不会挡住它.

While a late dangerous reading waits as a task, the resident is dangerously low right now: that pages at once.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=82, late_s=6 * 3600)
    stage.nobody_paged()
    stage.reading(spo2=83)
    stage.paged("village")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
