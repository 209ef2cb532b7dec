"""血氧仪失联十分钟: 不发短信, 成为村医的任务; 恢复连接后任务等人确认, 不会自己消失.

The oximeter has been silent for ten minutes: no message, but a task for the village doctor; when it is back, the task
waits to be settled.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(kind="device_status", condition="silent", of=None)
    stage.after(minutes=9)
    stage.reading(kind="device_status", condition="silent", of=None)
    assert stage.tasks(of=None) == []
    stage.after(minutes=2)
    stage.reading(kind="device_status", condition="silent", of=None)
    assert stage.tasks(of=None) == ["device-silent"]
    assert "设备失联或故障" in stage.on_worklist("village")
    stage.nobody_paged()
    stage.after(minutes=5)
    stage.reading(kind="device_status", condition="connected", of=None)
    stage.settles("village", "device-silent", "contacted")
    assert stage.tasks(of=None) == []
