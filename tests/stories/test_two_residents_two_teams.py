"""两个村各有一位居民同时告急: 各自的村医只收到自己居民的短信.

Two residents of two villages at the same time: each village's doctor is told of their own, and of nobody else's.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import LI, SUN, XIACUN


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84, of=SUN)
    stage.reading(spo2=82, of=LI, where=XIACUN)
    stage.paged("village", "xiacun")
    assert LI not in stage.told("village", SUN)
    assert SUN not in stage.told("xiacun", LI)
    stage.replies("2", by="village")
    stage.is_now("resolved", outcome="contacted", of=SUN)
    stage.is_now("open", of=LI)
    stage.replies("3", by="xiacun")
    stage.is_now("resolved", outcome="referred", of=LI)
