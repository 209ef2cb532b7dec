"""The dead man's signal: given while everything works, withheld when anything does not."""

from __future__ import annotations

import httpx
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from cunmai_rules.heartbeat import Heartbeat, Pulse
from cunmai_rules.settings import HeartbeatSettings
from cunmai_wire.events import NoticeState
from cunmai_wire.parsing import explain
from support.rules_bench import Bench

SECRET_URL = "https://watcher.example/ping/0d1c"


class Watcher:
    """The other side: what came, and what it answers."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.status = status
        self.error = error

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url}")
        if self.error is not None:
            raise self.error
        return httpx.Response(self.status)


def heartbeat(watcher: Watcher, faults: list[str]) -> Heartbeat:
    settings = HeartbeatSettings.model_validate({"url": SECRET_URL})
    return Heartbeat(settings, lambda: list(faults), httpx.MockTransport(watcher))


def test_it_is_given_while_nothing_is_wrong() -> None:
    watcher = Watcher()
    assert heartbeat(watcher, []).beat()
    assert watcher.asked == [f"GET {SECRET_URL}"]


def test_it_is_withheld_and_said_once_while_something_is_and_comes_back() -> None:
    watcher, faults = Watcher(), ["broker"]
    beating = heartbeat(watcher, faults)
    with capture_logs() as logs:
        assert not beating.beat()
        assert not beating.beat()
        faults.clear()
        assert beating.beat()
    assert len(watcher.asked) == 1
    assert [line["event"] for line in logs] == ["rules.heartbeat_withheld", "rules.heartbeat_resumed"]
    assert logs[0]["faults"] == ["broker"]


@pytest.mark.parametrize(
    "watcher", [Watcher(status=500), Watcher(status=302), Watcher(error=httpx.ConnectTimeout("late"))]
)
def test_a_watcher_that_does_not_take_it_is_told_without_its_address(watcher: Watcher) -> None:
    with capture_logs() as logs:
        assert not heartbeat(watcher, []).beat()
    assert [line["event"] for line in logs] == ["rules.heartbeat_not_taken"]
    assert "0d1c" not in str(logs)
    assert "0d1c" not in repr(HeartbeatSettings.model_validate({"url": SECRET_URL}))


def test_a_part_that_stands_still_is_named() -> None:
    now = [1_000_000]
    pulse = Pulse(lambda: now[0])
    parts = ("broker", "judging")
    now[0] += 60_000
    assert pulse.stuck(parts) == []
    pulse.beat("judging")
    now[0] += 1
    assert pulse.stuck(parts) == ["broker"]
    now[0] += 60_000
    assert pulse.stuck(parts) == ["broker", "judging"]
    now[0] -= 3_600_000  # the clock was set back: that is no standstill
    assert pulse.stuck(parts) == []


def test_what_is_said_to_be_wrong_stays_until_it_is_not() -> None:
    pulse = Pulse(lambda: 0)
    pulse.say("self_test", "nothing_judged")
    assert pulse.faults == ["self_test: nothing_judged"]
    pulse.say("self_test", None)
    assert pulse.faults == []


def test_since_when_the_oldest_message_waits(bench: Bench) -> None:
    escalations = bench.desk.escalations
    assert escalations.longest_waiting_ms() is None
    bench.desaturate()
    (notice,) = escalations.notices(bench.escalation().id)
    assert notice.state is NoticeState.QUEUED
    assert escalations.longest_waiting_ms() == notice.queued_ms
    bench.passes(1)
    assert escalations.longest_waiting_ms() is None


def test_an_address_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValidationError) as refused:
        HeartbeatSettings.model_validate({"url": "watcher.example/0d1c"})
    assert "应是 http(s) 网址" in explain(refused.value)
    assert "0d1c" not in explain(refused.value)
