"""短信平台停机时服务器反复重启: 一条预警也不忘; 平台恢复后只到一条短信.

The server restarts again and again while no provider works: no alarm is forgotten, and one message arrives in the end.

Chapter: service
"""

from __future__ import annotations

from support.stage import Stage, on_postgresql_too


@on_postgresql_too
def test_story(stage: Stage) -> None:
    stage.carrier.down("a", "b")
    stage.reading(spo2=84)
    for _ in range(5):
        stage.after(seconds=20)
        stage.restart()
    stage.nobody_paged()
    stage.carrier.up("a", "b")
    stage.after(seconds=40)
    assert len(stage.pages) == 1
    stage.paged(stage.pages[0].who)
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
