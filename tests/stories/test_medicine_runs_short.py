"""布洛芬只够十天: 补货任务; 用完: 红色任务. 谁都不会在夜里被短信叫醒.

A medicine lasts for ten days: a task to restock; it has run out: a red one. Nobody is woken for it.

Chapter: tasks
"""

from __future__ import annotations

from typing import Any

from support.stage import Stage


def test_story(stage: Stage) -> None:
    at: dict[str, Any] = {"kind": "site_status", "of": None, "device": "kiosk"}
    stage.at("23:00:00")
    stage.reading(**at, stock_days={"布洛芬": 10, "奥司他韦": 40})
    assert stage.tasks(of=None) == ["stock-below-two-weeks"]
    stage.reading(**at, stock_days={"布洛芬": 0, "奥司他韦": 40})
    assert set(stage.tasks(of=None)) == {"stock-below-two-weeks", "stock-gone"}
    assert "有药品已用完" in stage.on_worklist("village")
    stage.at("09:00:00")
    stage.nobody_paged()
    stage.settles("village", "stock-gone", "contacted")
    assert stage.tasks(of=None) == ["stock-below-two-weeks"]
