"""两个服务进程同时看到同一条消息和同一个超时: 只有一条预警, 每一步只有一条短信.

Two processes of the service see the same message and the same deadline: one alarm, and one message for each step.

Chapter: service
"""

from __future__ import annotations

from contextlib import closing

from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.journal.opening import open_journal
from support.rules_bench import LINK_KEY
from support.stage import Stage, on_postgresql_too


@on_postgresql_too
def test_story(stage: Stage) -> None:
    bench = stage.bench
    with closing(open_journal(bench.journal)) as db:
        desk = Desk(db, bench.settings, LINK_KEY)
        other = Engine(db, desk, bench.settings, stage.clock, bench.in_force.rules)
        low = stage.reading(spo2=84)
        stage.paged("village")
        bench.engine, mine = other, bench.engine
        stage.send(low)  # the broker gives it to the other one as well
        stage.nobody_paged()
        assert len(stage.escalations()) == 1
        stage.after(minutes=3)
        mine.tick()
        other.tick()
        stage.turn()
        stage.paged("township-day")
        stage.replies("2")
        mine.tick()
        stage.is_now("resolved", outcome="contacted")
        bench.engine = mine
