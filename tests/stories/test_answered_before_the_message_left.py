"""短信还在排队(平台停机), 乡镇医生已经打电话处理并在页面答复: 排队的短信不再发出.

The message still waits for a provider that is down when the township has dealt with it: it is not sent any more.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.carrier.down("a", "b")
    stage.after(minutes=3, seconds=20)
    assert [one.state for one in stage.notices()] == ["delivered", "queued"]
    stage.answers("contacted", by="village")
    stage.carrier.up("a", "b")
    stage.after(minutes=10)
    stage.nobody_paged()
    assert [one.state for one in stage.notices()] == ["delivered", "dropped"]
    stage.is_now("resolved", outcome="contacted")
