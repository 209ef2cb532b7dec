"""所有人的手机都关机: 一轮都没有送达, 标为“无法送达”并大声报错; 之后继续试, 第一个开机的人收到.

Every phone is off: after one round nobody can be reached, which is shouted; the trying goes on, and the first whose
phone is on again gets it.

Chapter: nobody answers
"""

from __future__ import annotations

from structlog.testing import capture_logs

from support.stage import Stage
from support.stage_carrier import Phone
from support.stage_county import DESK


def test_story(stage: Stage) -> None:
    for who in ("village", "township-day", "expert", DESK):
        stage.carrier.phone_off(who)
    stage.reading(spo2=84)
    with capture_logs() as logs:
        stage.after(minutes=4)
    stage.paged("village", "township-day", "expert")
    stage.is_now("exhausted")
    assert [line["event"] for line in logs].count("rules.nobody_answers") == 1
    stage.carrier.phone("expert", Phone.ON)
    stage.after(minutes=12)
    assert [one.who for one in stage.pages if one.arrived] == ["expert"]
    stage.paged(*[one.who for one in stage.pages[3:]])
    stage.answers("referred", by="expert")
    stage.is_now("resolved", outcome="referred")
