"""慢阻肺居民有专科医生设的个人阈值(88): 血氧 90 不通知; 87 照样通知.

A resident with COPD has a limit of their own (88), set by the specialist: 90 pages nobody, and 87 does.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    limits = "resident,rule,raises,clears,set_by,from,until\n"
    stage.registry(limits=f"{limits}{SUN},spo2-severe,88,90,specialist,2026-03-01,2026-09-01\n")
    stage.after(seconds=2)
    stage.readings(90, for_s=40)
    stage.nobody_paged()
    stage.readings(87, for_s=20)
    stage.paged("village")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
