"""同一位居民先后触发两条规则(极低和持续偏低): 只有一条预警, 一条短信, 两条规则都在经过里.

Two rules find one resident's fall (very low, then low for long): one alarm, one message, both rules in its history.

Chapter: grouping
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.readings(82, for_s=40)
    stage.paged("village")
    assert set(stage.escalation().rules) == {"spo2-deep", "spo2-severe"}
    assert len(stage.escalations()) == 1
    assert stage.history().count("joined") == 1
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
