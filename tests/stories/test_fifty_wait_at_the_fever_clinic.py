"""发热门诊候诊三十人是任务, 五十人是红色预警, 立即通知本机构负责的人.

Thirty people waiting at a fever clinic are a task; fifty are a red alarm, and those responsible are paged at once.

Chapter: tasks
"""

from __future__ import annotations

from typing import Any

from support.stage import Stage


def test_story(stage: Stage) -> None:
    at: dict[str, Any] = {"kind": "site_status", "of": None, "device": "kiosk"}
    stage.reading(**at, waiting_count=31)
    stage.nobody_paged()
    assert stage.tasks(of=None) == ["waiting-warning"]
    stage.after(minutes=10)
    stage.reading(**at, waiting_count=52)
    stage.paged("village")
    stage.told("village", "红色预警", "52")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted", of=None)
