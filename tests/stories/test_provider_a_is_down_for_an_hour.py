"""短信平台 A 停机一小时: 每条预警都立即由 B 发出; A 恢复后先用不急的消息试, 试通了再用回 A.

SMS provider A is down for an hour: every page leaves by B at once. When A works again it is tried, and used again.

Chapter: delivery
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.at("02:00:00")
    stage.carrier.down("a")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.after(minutes=4)
    stage.paged("township-night")
    stage.replies("1")
    stage.after(minutes=56)
    stage.paged("township-night")  # the reminder: an outcome is owed
    assert {one.provider for one in stage.pages} == {"b"}
    assert [provider for provider, _ in stage.carrier.asked].count("a") <= 3  # and not for every message
    stage.carrier.up("a")
    stage.after(minutes=31)
    stage.paged("township-night")
    assert stage.pages[-1].provider == "a"
    assert stage.bench.notifier.circuits() == {"a": "closed", "b": "closed"}
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
