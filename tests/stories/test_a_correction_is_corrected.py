"""更正又更正错了, 再改回来: 每一次只有当时认定的居民有一条未结束的预警, 最后只剩一条, 答复后结束.

The correction was wrong and is corrected back: at every moment only the resident it is thought to be has an open
alarm, and in the end there is one, which ends with the answer.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import LI, SUN


def test_story(stage: Stage) -> None:
    first = stage.reading(spo2=84, of=SUN)
    stage.paged("village")
    stage.after(minutes=1)
    stage.corrected(first, of=LI)
    stage.paged("xiacun")
    stage.is_now("retracted", of=SUN)
    second = first | {"seq": stage.bench._seq, "resident": LI}
    stage.after(minutes=1)
    stage.corrected(second, of=SUN)
    stage.is_now("retracted", of=LI)
    stage.paged("village")
    stage.is_now("open", of=SUN)
    stage.replies(f"3 {stage.code_of(SUN)}")  # an earlier one was closed a moment ago: the code says which
    stage.is_now("resolved", outcome="referred", of=SUN)
    stage.after(hours=2)
    stage.nobody_paged()
