"""预警没有结束时, 触发它的规则被撤下: 预警不会跟着消失, 仍逐级通知; 页面注明规则已不在文件中.

The rule behind an open alarm is withdrawn: the alarm does not vanish with it and goes up level by level; its page says
that the rule is gone.

Chapter: rules that change
"""

from __future__ import annotations

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds.loader import build_rules, read_sources
from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.judges_by(build_rules([one for one in read_sources(packs_dir()) if one[0] != "oximetry.yaml"]))
    stage.after(minutes=4)
    stage.paged("township-day")
    assert "规则已不在文件中" in stage.opens("township-day")
    stage.reading(spo2=83)
    stage.nobody_paged()  # nobody judges by it any more
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
