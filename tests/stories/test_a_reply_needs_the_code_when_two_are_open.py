"""村医名下有两条待答复的预警, 只回“3”: 不猜, 请他带上编号; 带编号的回复只结束那一条.

Two alarms of one doctor are open and the reply is a bare 3: nothing is guessed, and the doctor is asked for the code;
with it, only that alarm ends.

Chapter: replies by SMS
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84, of=SUN)
    stage.reading(spo2=83, of="R-4W2T")
    stage.paged("village", "village")
    first, second = stage.code_of(SUN), stage.code_of("R-4W2T")
    stage.replies("3", by="village")
    stage.told("village", "没有看懂您的回复", first, second)
    stage.is_now("open", of=SUN)
    stage.is_now("open", of="R-4W2T")
    stage.replies(f"3 {second.lower()}", by="village")
    stage.is_now("resolved", outcome="referred", of="R-4W2T")
    stage.is_now("open", of=SUN)
    stage.replies(f"{first} 2", by="village")
    stage.is_now("resolved", outcome="contacted", of=SUN)
