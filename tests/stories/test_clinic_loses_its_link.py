"""村卫生室的网关十五分钟没有消息: 成为红色任务, 村医和上级的工作列表都看得见; 测量值不会因此变绿.

A clinic's gateway has not been heard of for fifteen minutes: a red task on the worklists of the doctor and of those
above.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.state_of()
    stage.after(minutes=14)
    assert stage.tasks(of=None) == []
    stage.after(minutes=2)
    assert stage.tasks(of=None) == ["gateway-silent"]
    assert "网关失联" in stage.on_worklist("village")
    assert "网关失联" in stage.on_worklist("township-day")
    assert "网关失联" not in stage.on_worklist("xiacun")
    stage.nobody_paged()
