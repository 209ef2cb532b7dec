"""陌生号码回复“4”(误报): 不理睬, 只计数; 预警不变, 也不给它回短信.

An unknown number replies 4 (false alarm): ignored and counted. The alarm stays, and nothing is sent to it.

Chapter: replies by SMS
"""

from __future__ import annotations

from support.stage import Stage, counted


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    before = counted("sms_replies", outcome="unknown_number")
    assert stage.replies("4", by="13700000009").status_code == 200
    assert counted("sms_replies", outcome="unknown_number") == before + 1
    stage.is_now("open")
    assert len(stage.carrier.sent) == 1
    assert "answered" not in stage.history()
    stage.replies("1", by="village")
    stage.is_now("seen")
    stage.replies("2", by="village")
    stage.is_now("resolved", outcome="contacted")
