"""处理完毕, 数值恢复, 一小时后又极低: 这是新的一次预警, 重新从村医开始.

Handled, recovered, and very low again an hour later: that is a new alarm, and begins with the village doctor.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(82, for_s=3)
    stage.paged("village")
    stage.replies("2")
    stage.readings(97, for_s=60)
    stage.after(hours=1)
    stage.reading(spo2=83)
    stage.paged("village")
    assert len(stage.escalations()) == 2
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
