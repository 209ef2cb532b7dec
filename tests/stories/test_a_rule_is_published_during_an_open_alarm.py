"""预警没有结束时, 新规则(发热)生效并命中: 并入同一条预警, 不另开一条, 也不重复通知别人.

A new rule (fever) comes into force while an alarm is open, and finds something: it joins that alarm, and no second one
is opened.

Chapter: rules that change
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import FEVER, rules_with


def test_story(stage: Stage) -> None:
    stage.reading(kind="temperature", temperature_c=39)
    stage.nobody_paged()
    stage.reading(spo2=84)
    stage.paged("village")
    stage.replies("1")
    version = stage.escalation().version
    stage.judges_by(rules_with(FEVER))
    stage.after(minutes=10)
    stage.reading(kind="temperature", temperature_c=39)
    stage.paged("village")
    assert set(stage.escalation().rules) == {"spo2-deep", "fever-at-home"}
    assert stage.escalation().version == version  # it says by which rules it was opened
    assert len(stage.escalations()) == 1
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
