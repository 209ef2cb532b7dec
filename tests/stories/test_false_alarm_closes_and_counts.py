"""村医答复“误报”: 预警结束并记为误报, 供统计规则的准确率; 没有人再被打扰.

The village doctor answers 误报: the alarm is closed as false, which counts against the rule's precision.

Chapter: answers
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("误报")
    stage.is_now("resolved", outcome="false_alarm")
    answered = [event for event in stage.events() if event["type"] == "escalation_answered"]
    assert [(one["contact"], one["answer"]) for one in answered] == [("village", "false_alarm")]
    stage.after(hours=2)
    stage.nobody_paged()
