"""两家平台同时停机一刻钟: 恢复后只到一条短信, 不是每一步一条; 然后照常等待答复.

Both providers are down for a quarter of an hour: when they work again one message arrives, and not one for each step
of the outage; then the asking goes on as usual.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.carrier.down("a", "b")
    stage.reading(spo2=84)
    stage.after(minutes=15)
    stage.nobody_paged()
    stage.is_now("open")
    stage.carrier.up("a", "b")
    stage.after(minutes=1)
    assert len(stage.pages) == 1
    stage.paged(stage.pages[0].who)
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
    stage.after(hours=1)
    stage.nobody_paged()
