"""现场已经处理, 没有人点链接: 县里的系统管理员注明“已另行处理”后结束, 不再通知, 经过里有是谁结束的.

It was dealt with on the spot and nobody pressed anything: the county's IT closes it as handled elsewhere. The asking
ends, and the history says who did that.

Chapter: answers
"""

from __future__ import annotations

from cunmai_rules.escalation.states import CloseReason
from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    id_ = stage.escalation().id
    stage.bench.desk.close(id_, CloseReason.HANDLED_ELSEWHERE, "operator", stage.now_ms)
    stage.is_now("closed", because="handled_elsewhere")
    closed = [one for one in stage.bench.desk.escalations.history(id_) if one.type == "closed"]
    assert [(one.actor, one.detail["reason"]) for one in closed] == [("operator", "handled_elsewhere")]
    stage.after(hours=12)
    stage.nobody_paged()
