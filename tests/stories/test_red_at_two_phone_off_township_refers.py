"""凌晨两点红色预警: 村医手机关机, 没有送达回执; 一分钟后改通知乡镇夜班医生, 答复转诊, 到此为止.

Red at 02:00: the village doctor's phone is off and no delivery receipt comes. A minute later the township's
night doctor is paged, answers 转诊 by SMS, and nobody else is disturbed.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too


@on_postgresql_too
def test_story(stage: Stage) -> None:
    stage.at("02:00:00")
    stage.carrier.phone_off("village")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(seconds=58)
    stage.nobody_paged()
    stage.after(seconds=3)
    stage.paged("township-night")
    assert "再次提醒" not in stage.told("township-night"), "it is the first that they hear of it"
    assert "notice_unconfirmed" in stage.history()
    stage.after(minutes=1)
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
    stage.after(hours=3)
    stage.nobody_paged()
