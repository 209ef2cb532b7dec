"""预警没有答复时, 登记库里村医换了手机号: 下一轮短信发到新号码, 不再发到旧号码.

The village doctor's number changes in the registry while an alarm is open: the next round goes to the new number,
and nothing more to the old one.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.changes_number("village", "13700000001")
    stage.after(minutes=19)
    stage.paged("township-day", "expert", "village")
    assert stage.pages[-1].message.to == "13700000001"
    assert [one.message.to for one in stage.pages].count("13912345602") == 1
    stage.replies("2", by="13700000001")
    stage.is_now("resolved", outcome="contacted")
