"""红色人群一天没有随访: 村医的任务; 两天仍没有: 乡镇也要管. 补做后由做的人结束任务.

A resident of risk red was not followed up for a day: a task for the village doctor; for two days: the township's as
well. Whoever did it settles it.

Chapter: tasks
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    stage.reading(kind="follow_up", method="home")
    stage.after(days=1, hours=1)
    assert stage.tasks() == ["follow-up-red"]
    assert "红色人群随访逾期(1 天)" in stage.on_worklist("village")
    stage.after(hours=24)
    assert set(stage.tasks()) == {"follow-up-red", "follow-up-red-township"}
    assert "交乡镇卫生院" in stage.on_worklist("township-day")
    stage.nobody_paged()
    stage.reading(kind="follow_up", method="home")
    stage.settles("village", "follow-up-red", "contacted", of=SUN)
    stage.settles("township-day", "follow-up-red-township", "contacted", of=SUN)
    assert stage.tasks() == []
