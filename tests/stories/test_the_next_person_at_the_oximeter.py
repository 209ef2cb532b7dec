"""两个未刷卡的人先后用同一台血氧仪, 都很低: 后一个人不会被当作前一个人而被忽略.

Two people use one oximeter without checking in, both very low: the second is not taken for the first and lost.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(82, for_s=3, of=None)
    stage.paged("village")
    stage.readings(97, for_s=40, of=None)
    stage.after(minutes=1)
    stage.reading(spo2=83, of=None)
    stage.paged("village")
    assert len(stage.escalations(of=None)) == 2
    for one in stage.escalations(of=None):
        stage.replies(f"2 {stage.bench.desk.codes.code_of(one.id)}")
    assert {one.closed_because for one in stage.escalations(of=None)} == {"answered_contacted"}
