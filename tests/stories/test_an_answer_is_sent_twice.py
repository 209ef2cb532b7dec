"""村医连点两下“已联系”, 浏览器把同一答复又发了一次: 只记一次答复, 统计不重复.

The doctor taps 已联系 twice, and the browser sends it once more: it is one answer, on record once and counted once.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    for _ in range(3):
        stage.answers("contacted", by="village")
    stage.is_now("resolved", outcome="contacted")
    assert stage.history().count("answered") == 1
    assert [event["type"] for event in stage.events()].count("escalation_answered") == 1
