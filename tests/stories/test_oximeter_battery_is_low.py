"""血氧仪电量 15%: 成为任务, 换电池前不重复; 不发短信.

The oximeter's battery is at 15 %: one task, not one for each report, and no message.

Chapter: tasks
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    for battery_pct in (40, 15, 14, 12):
        stage.reading(kind="device_status", condition="connected", battery_pct=battery_pct, of=None)
        stage.after(minutes=10)
    assert stage.tasks(of=None) == ["device-battery-low"]
    assert "电量低" in stage.on_worklist("village")
    stage.nobody_paged()
