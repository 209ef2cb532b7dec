"""一体机断电后时钟回到 1970 年: 它自己说时钟不可信; 危险值按到达时间判断, 照样立即通知, 并生成校时任务.

A kiosk's clock is back in 1970 after a power cut, and it says so: a dangerous value is judged by when it came, pages
at once, and the clock becomes a task.

Chapter: silence and recovery
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    for minute in range(13):
        stage.state_of(clock="untrusted", at=60_000 * (minute + 1))
        stage.after(minutes=1)
    assert stage.tasks(of=None) == ["gateway-clock-untrusted"]
    low = {"seq": 1, "t": 841_000, "clock": "untrusted", "device": "oxi-1", "resident": SUN}
    low |= {"kind": "oximetry", "mode": "spot", "spo2_pct": 82}
    stage.send(low, sent=841_000, clock="untrusted")
    stage.paged("village")
    stage.told("village", "08:43")  # when it was, and not in 1970
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
