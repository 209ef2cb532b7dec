"""村医的手机收不到: 汇总的回执说失败, 汇总里的每一条都立即改通知乡镇医生, 同样前三条逐条, 其余一条汇总. 发出时服务被杀,
重启后发的还是同一条.

The village doctor's phone takes nothing: the receipt of the summary says failed, and the township doctor is asked at
once about everything in it, again three singly and the rest as one summary. The service is killed while the carrier
has the summary: after the restart it is the same message.

Chapter: bursts
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too

RESIDENTS = [f"R-B{n:02d}" for n in range(8)]


@on_postgresql_too
def test_story(stage: Stage) -> None:
    for resident in RESIDENTS:
        stage.reading(spo2=84, of=resident)
    stage.paged("village", "village", "village")
    stage.carrier.silent("a")
    stage.carrier.fails("village")
    stage.after(seconds=15)
    (summary,) = stage.summaries
    stage.restart()
    stage.carrier.up("a")
    stage.after(seconds=2)
    assert [one.message for one in stage.summaries] == [summary.message]

    stage.after(seconds=5)
    stage.paged("township-day", "township-day", "township-day")
    stage.after(seconds=16)
    assert [one.who for one in stage.summaries] == ["village", "township-day"]
    stage.told("township-day", "上村卫生室共5条预警待处理(红色5, 黄色0), 其中新增2条")
    for resident in RESIDENTS[3:]:
        assert "notice_failed" in stage.history(resident)
        stage.is_now("open", of=resident)
