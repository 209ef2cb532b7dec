"""短信五分钟发不出去, 或判断线程卡住: 不再向外面的看守者发“一切正常”, 由它报警; 恢复后自动继续.

Messages wait for more than five minutes, or nobody judges: the signal to the watcher outside stays away, so that it
alarms; it comes back by itself.

Chapter: service
"""

from __future__ import annotations

import httpx

from cunmai_rules.heartbeat import Heartbeat
from cunmai_rules.service import RulesService
from support.stage import Stages


def test_story(stages: Stages) -> None:
    stage = stages(heartbeat={"url": "https://watcher.example/ping/0d1c"})
    heard: list[int] = []

    def watcher(_request: httpx.Request) -> httpx.Response:
        heard.append(stage.now_ms)
        return httpx.Response(200)

    settings = stage.bench.settings.heartbeat
    assert settings is not None
    service = RulesService(stage.bench.settings, stage.clock)
    beating = Heartbeat(settings, service._faults, httpx.MockTransport(watcher))

    def minute(*parts: str) -> bool:
        for part in parts:
            service._pulse.beat(part)
        stage.after(seconds=59)
        return beating.beat()

    assert minute("broker", "judging")
    stage.carrier.down("a", "b")
    stage.reading(spo2=84)
    assert [minute("broker", "judging") for _ in range(7)] == [True] * 5 + [False] * 2
    stage.carrier.up("a", "b")
    stage.after(seconds=60)
    stage.paged(*[one.who for one in stage.pages])
    stage.answers("contacted")
    assert minute("broker", "judging")
    minute("broker")
    stage.after(seconds=59)
    assert not beating.beat()  # nobody judges
    assert minute("broker", "judging")
    assert len(heard) == 8
