"""村医已离岗: 没有人给他发短信, 预警从乡镇值班医生开始.

The village doctor has left: nobody writes to them, and the alarm begins with the township's doctor on duty.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.registry(staff="id,role,site,until\nvillage,村医,shangcun,2026-03-09\n")
    stage.reading(spo2=84)
    stage.paged("township-day")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
