"""六小时前的危险测量值断网后补传: 不发短信, 成为村医工作列表上的任务.

A dangerous reading of six hours ago arrives after an outage: no message, but a task on the doctor's worklist.

Chapter: late readings and corrections
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    stage.reading(spo2=82, late_s=6 * 3600)
    stage.after(hours=1)
    stage.nobody_paged()
    assert stage.escalations() == []
    assert stage.tasks() == ["spo2-deep", "spo2-severe"]
    assert SUN in stage.browser.get(stage.worklist("village")).text
