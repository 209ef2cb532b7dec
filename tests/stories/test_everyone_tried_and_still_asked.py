"""三轮都没有人答复: 转为“无人答复”, 每十五分钟交替催促最后一位和县卫健局值班, 一直到有人答复为止.

Three rounds and nobody answers: it says so, is shouted in the log, and goes on asking the last contact and the
county's desk every fifteen minutes until somebody does.

Chapter: nobody answers
"""

from __future__ import annotations

from structlog.testing import capture_logs

from support.stage import Stage, on_postgresql_too
from support.stage_county import DESK


@on_postgresql_too
def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    with capture_logs() as logs:
        stage.after(minutes=60)
    stage.paged(*["village", "township-day", "expert"] * 3, "expert")
    stage.is_now("exhausted")
    assert "everyone_tried" in stage.history()
    assert {line["why"] for line in logs if line["event"] == "rules.nobody_answers"} == {"nobody_answers"}
    stage.after(minutes=16)
    stage.paged(DESK)
    stage.after(minutes=16)
    stage.paged("expert")
    stage.after(minutes=16)
    stage.paged(DESK)
    stage.answers("referred", by=DESK)
    stage.is_now("resolved", outcome="referred")
    stage.after(hours=12)
    stage.nobody_paged()
