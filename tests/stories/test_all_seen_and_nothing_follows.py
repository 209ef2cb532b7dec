"""村医对汇总说了“全部已看”, 却没有下文: 三十分钟后提醒他, 前三条逐条, 其余又是一条汇总, 每条预警仍欠结果; 不打扰别人.

The village doctor has said of a summary that he has seen all of it, and nothing follows: after thirty minutes he is
reminded, three singly and the rest as one summary again. Each alarm still owes its outcome; nobody else is disturbed.

Chapter: bursts
"""

from __future__ import annotations

from support.stage import Stage

RESIDENTS = [f"R-B{n:02d}" for n in range(7)]


def test_story(stage: Stage) -> None:
    for resident in RESIDENTS:
        stage.reading(spo2=84, of=resident)
    stage.paged("village", "village", "village")
    stage.after(seconds=16)
    path = stage.list_of("village")
    assert stage.browser.post(path, data=stage.all_seen(path)).status_code == 303
    stage.after(minutes=29)
    assert len(stage.summaries) == 1
    stage.nobody_paged()
    stage.after(minutes=2)
    stage.paged("village", "village", "village")
    stage.told("village", "再次提醒, 上村卫生室共7条预警待处理(红色7, 黄色0), 其中新增0条")
    for resident in RESIDENTS:
        stage.is_now("seen", of=resident)
    assert {one.who for one in stage.carrier.sent} == {"village"}
