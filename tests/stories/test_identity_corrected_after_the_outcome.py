"""处理完毕以后才更正居民: 答复仍然算数, 不再发短信; 正确居民得到一个复核任务.

The resident is corrected only after the outcome: the answer stands and nobody is paged again; the right resident
gets a task to look at.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import LI, SUN


def test_story(stage: Stage) -> None:
    wrong = stage.reading(spo2=84, of=SUN)
    stage.paged("village")
    stage.replies("2")
    stage.after(minutes=10)
    stage.corrected(wrong, of=LI)
    stage.is_now("resolved", outcome="contacted", of=SUN)
    assert stage.tasks(of=LI) == ["spo2-deep"]
    stage.after(hours=2)
    stage.nobody_paged()
