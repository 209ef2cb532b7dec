"""村医一小时内最多收六条黄色短信: 第七到十条暂不单独发, 写在经过和工作列表里; 其间的红色立即通知; 服务重启后, 到能发的
那一刻合成一条汇总, 一条不少.

The village doctor gets six yellow messages an hour at the most: the seventh to the tenth wait, which is in their
history and on the worklist. A red in between is paged at once. Over a restart nothing is lost: at the next allowed
moment all four go out as one summary.

Chapter: bursts
"""

from __future__ import annotations

from cunmai_rules.escalation.states import Status
from support.stage import Stages, on_postgresql_too
from support.stage_county import FEVER

FEVERS = [f"R-Y{n:02d}" for n in range(10)]


@on_postgresql_too
def test_story(stages: Stages) -> None:
    stage = stages(county_pack=FEVER)
    for resident in FEVERS:
        stage.reading(kind="temperature", temperature_c=38.8, of=resident)
        if resident < "R-Y06":
            stage.paged("village")
            stage.replies("2")
            stage.is_now("resolved", outcome="contacted", of=resident)
        stage.after(minutes=5, seconds=30)
    stage.nobody_paged()
    assert stage.history("R-Y06") == ["opened", "notice_queued", "notice_held"]
    assert stage.browser.get(stage.worklist("village")).text.count("给村医的短信已达上限, 09:30 一起发") == 4

    stage.reading(spo2=84)
    stage.paged("village")
    stage.told("village", "红色预警")
    stage.replies("3")

    stage.restart()
    stage.after(minutes=4, seconds=55)
    stage.nobody_paged()
    assert stage.summaries == []
    stage.after(seconds=10)
    assert [one.who for one in stage.summaries] == ["village"]
    stage.told("village", "上村卫生室共4条预警待处理(红色0, 黄色4), 其中新增4条")
    for resident in FEVERS[6:]:
        stage.is_now("open", of=resident)
        assert "notice_together" in stage.history(resident)

    stage.replies("1")  # everything that is open was in the one summary: it is clear what was meant
    assert {stage.escalation(resident).status for resident in FEVERS[6:]} == {Status.SEEN}
