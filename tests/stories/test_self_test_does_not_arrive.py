"""每小时一次的自检短信没有走通(消息服务器断了): 报错, 写明断在哪里, 停止“一切正常”信号; 不打扰医生.

The hourly self-test does not come through (the broker is cut off): the log says where it ended, the signal that all is
well stays away, and no doctor is disturbed.

Chapter: service
"""

from __future__ import annotations

from structlog.testing import capture_logs

from cunmai_rules.heartbeat import Pulse
from cunmai_rules.selftest.numbers import Numbers
from cunmai_rules.selftest.path import path_over
from cunmai_rules.selftest.selftest import SelfTest
from support.stage import Stages
from support.stage_county import DESK


def test_story(stages: Stages) -> None:
    stage = stages(self_test={"contact": DESK})
    bench, cut, pulse = stage.bench, [False], Pulse(stage.clock)

    def publish(topic: str, payload: bytes) -> bool:
        if not cut[0]:
            bench.deliver_raw(topic, payload)
        return not cut[0]

    assert bench.settings.self_test is not None
    path = path_over(bench.db, bench.desk, bench.settings.id, publish, stage.clock)
    numbers = Numbers.of(bench.folder / "self-test.json")
    test = SelfTest(bench.settings.self_test, bench.settings.id, numbers, path, stage.clock)

    def runs(seconds: int) -> None:
        for _ in range(seconds // 10):
            test.turn()
            pulse.say("self_test", test.failed)
            stage.after(seconds=10)

    runs(120)
    stage.paged(DESK)
    assert pulse.faults == []
    cut[0] = True
    with capture_logs() as logs:
        runs(3700)
    stage.nobody_paged()
    assert pulse.faults == ["self_test: nothing_judged"]
    assert [line["why"] for line in logs if line["event"] == "rules.self_test_failed"] == ["nothing_judged"]
    cut[0] = False
    runs(3700)
    stage.paged(DESK)
    assert pulse.faults == []
