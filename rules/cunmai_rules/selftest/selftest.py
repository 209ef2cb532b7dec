"""The self-test: a reading that must page, sent through the broker like any gateway's, until a carrier has taken it.

    waiting:     a deep SpO2 of nobody has been published; its message must be accepted within `within_s`
    recovering:  normal values, so that the next test is a new episode and no panel stays red
    idle:        until the next one is due

After a start, one that did not pass (cut off, failed) is repeated at once, but never sooner than `AGAIN_S` after it
began, however often the service is started; where none was ever begun, the first begins at once.

It goes the way of every alarm (broker, intake, the rules in force, desk, notifier, carrier), and only its
contact is asked. Where it does not arrive: an error in the log, the metric's time grows old, and the
heartbeat stays away, so that the watcher outside alarms.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from cunmai_rules import metrics
from cunmai_rules.selftest.names import DEVICE, NOBODY
from cunmai_rules.selftest.numbers import Numbers
from cunmai_rules.settings import SelfTestSettings
from cunmai_runtime.clock import Clock
from cunmai_wire.topics import Channel, gateway_topic

NORMAL_PCT = 98
RECOVER_EVERY_MS = 10_000
RECOVER_FOR_MS = 60_000
AGAIN_S = 600
"""The smallest `every_s`: a test may last five minutes, and recovers for one."""


class Came(StrEnum):
    """How far the test's page has come."""

    NOTHING = "nothing_judged"
    """No alarm was raised: the broker, the intake, or the rules in force."""
    OPENED = "not_taken_by_the_carrier"
    TAKEN = "taken"


class Phase(StrEnum):
    IDLE = "idle"
    WAITING = "waiting"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True)
class Path:
    """What the self-test needs of the service around it."""

    publish: Callable[[str, bytes], bool]
    came: Callable[[int], Came]
    """How far the alarm of a test that began at this time has come."""
    end: Callable[[], None]
    """Close whatever the test has opened."""
    record: Callable[[Came | None, int], None]
    """It has ended: how far it came, where it did not pass."""


class SelfTest:
    """One turn at a time, from the engine's thread."""

    def __init__(
        self, settings: SelfTestSettings, gateway: str, numbers: Numbers, path: Path, clock: Clock
    ) -> None:
        self._settings = settings
        self._gateway = gateway
        self._numbers = numbers
        self._path = path
        self._clock = clock
        self._phase = Phase.IDLE
        self._sent_ms = 0
        self._ended_ms = 0
        self._again = self._cut_off = False
        self.failed: Came | None = None
        """How far the newest finished test came, where it did not pass."""
        self._log = structlog.get_logger("rules")

    def resume(self, passed_ms: int | None, failed: str | None) -> None:
        """After a restart: what the newest one came to, until the next has ended."""
        self.failed = Came(failed) if failed else None
        self._cut_off = self._numbers.started_ms > 0 and (passed_ms or 0) < self._numbers.started_ms
        self._again = self._cut_off or failed is not None
        if passed_ms is not None:
            metrics.SELF_TEST_PASSED.set(passed_ms / 1000)

    def turn(self) -> None:
        """Do what is due. Raises Retryable."""
        now_ms = self._clock()
        if self._phase is not Phase.IDLE and now_ms < self._sent_ms:
            # The clock was set back: what was begun cannot be timed. It ends here, and the next one is due.
            self._end(self.failed, now_ms)
        if self._cut_off:
            self._cut_off = False
            self._end(self.failed, now_ms)  # its page is closed, and the next one is an episode of its own
        match self._phase:
            case Phase.IDLE if self._due(now_ms):
                self._begin(now_ms)
            case Phase.WAITING:
                self._look(now_ms)
            case Phase.RECOVERING if now_ms - self._sent_ms >= RECOVER_EVERY_MS:
                self._recover(now_ms)

    def _due(self, now_ms: int) -> bool:
        """Also where the last one lies in the future: the clock was set back."""
        return now_ms >= self.due_ms or now_ms < self._numbers.started_ms

    @property
    def due_ms(self) -> int:
        """When the next one begins. In the past: at once."""
        return self._numbers.started_ms + (AGAIN_S if self._again else self._settings.every_s) * 1000

    def _begin(self, now_ms: int) -> None:
        self._numbers.started(now_ms)
        self._again = False
        self._phase = Phase.WAITING
        self._send(self._settings.spo2_pct, now_ms)

    def _look(self, now_ms: int) -> None:
        came = self._path.came(self._numbers.started_ms)
        took_ms = now_ms - self._numbers.started_ms
        if came is Came.TAKEN:
            self._path.record(None, now_ms)
            metrics.SELF_TEST_PASSED.set(now_ms / 1000)
            self._log.info("rules.self_test_passed", took_s=took_ms / 1000)
            self._end(None, now_ms)
        elif took_ms > self._settings.within_s * 1000:
            self._path.record(came, now_ms)
            self._log.error(
                "rules.self_test_failed", why=came, after_s=took_ms // 1000,
                todo="检查消息服务器, 规则文件和短信平台 / check the broker, the threshold files and the carrier",
            )  # fmt: skip
            self._end(came, now_ms)
        elif came is Came.NOTHING and now_ms - self._sent_ms >= RECOVER_EVERY_MS:
            self._send(self._settings.spo2_pct, now_ms)  # rules that want more than one reading get it

    def _end(self, failed: Came | None, now_ms: int) -> None:
        self.failed = failed
        self._path.end()
        self._ended_ms = now_ms
        self._phase = Phase.RECOVERING
        self._send(NORMAL_PCT, now_ms)

    def _recover(self, now_ms: int) -> None:
        self._send(NORMAL_PCT, now_ms)
        if now_ms - self._ended_ms >= RECOVER_FOR_MS:
            self._path.end()  # what a late message may have opened
            self._phase = Phase.IDLE

    def _send(self, spo2_pct: float, now_ms: int) -> None:
        self._sent_ms = now_ms
        reading = {
            "seq": self._numbers.next(), "t": now_ms, "clock": "trusted", "device": DEVICE, "resident": NOBODY,
            "kind": "oximetry", "mode": "spot", "spo2_pct": spo2_pct,
        }  # fmt: skip
        envelope = {
            "v": 1, "gateway": self._gateway, "stream": self._numbers.stream, "sent": now_ms, "clock": "trusted",
            "readings": [reading],
        }  # fmt: skip
        self._path.publish(gateway_topic(self._gateway, Channel.READINGS), json.dumps(envelope).encode())
