"""村医上转以后顺手在短信里点了“转诊”: 记录下来, 但不结束, 仍等接收方答复.

Having referred, the village doctor also presses 转诊 in the message, the natural thing to do: it is on record and
closes nothing. The receiver is still awaited.

Chapter: referral
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.refers("village", "county")
    stage.answers("referred", by="village")
    stage.paged("county")
    stage.is_now("open")
    assert "answered_meanwhile" in stage.history()
    stage.decides("accept", by="county")
    stage.answers("contacted", by="county")
    stage.is_now("resolved", outcome="contacted")
