"""What `/health` says of the service's own watching: the self-test, the signal to the watcher outside, the clock.

A sign is `ok` only by evidence that is not too old. What is not known is `unknown`, never `ok`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cunmai_rules.database_clock import DatabaseClock
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.heartbeat import TIMEOUT_S, Heartbeat
from cunmai_rules.journal.database import Database
from cunmai_rules.moments import local_time
from cunmai_rules.selftest.outcome import Outcome, newest_outcome, planned_ms, set_up_ms
from cunmai_rules.settings import RulesSettings

SLACK_S = 60
"""A test that is due begins within seconds; its message may be on its way."""

BROKER_AWAY_S = 10
"""A connection that breaks and comes back is no problem."""
FIRST_WITHIN_S = 900
"""From when it is set up until one must have passed: the time of two, where a restart cuts the first one off."""

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Watching:
    """The parts of this process that watch it. None: not set up, or not running."""

    heartbeat: Heartbeat | None = None
    database_clock: DatabaseClock | None = None
    broker_away_s: Callable[[], int] = lambda: 0
    """For how long the broker has been out of reach; 0: it is not."""

    files: Callable[[], tuple[str, ...]] = tuple
    """Cautions about files that others can read."""

    @property
    def problems(self) -> tuple[str, ...]:
        away_s = self.broker_away_s()
        if away_s < BROKER_AWAY_S:
            return ()
        problem = (
            f"消息服务器 {away_s} 秒没有连上, 收不到测量值: 请检查它是否在运行, 以及 rules.yaml 的 mqtt 一节 / "
            f"the broker has been out of reach for {away_s} s, and no reading arrives: check that it runs, and "
            "the part `mqtt` of rules.yaml"
        )
        return (problem,)

    @property
    def cautions(self) -> tuple[str, ...]:
        caution = self.database_clock.caution if self.database_clock else None
        return (*((caution,) if caution else ()), *self.files())


NOBODY_WATCHES = Watching()


def signs(db: Database, settings: RulesSettings, watching: Watching, now_ms: int) -> dict[str, Json]:
    """By name. Raises the database's faults."""
    return {
        "self_test": _self_test(db, settings, now_ms),
        "heartbeat": _heartbeat(settings, watching.heartbeat, now_ms),
        "database_clock": _database_clock(settings, watching.database_clock),
    }


def _self_test(db: Database, settings: RulesSettings, now_ms: int) -> Json:
    test = settings.self_test
    if test is None:
        return {"state": "off"}
    outcome = newest_outcome(db) or Outcome()
    state = _state(outcome.passed_ms, test.every_s + test.within_s + SLACK_S, now_ms)
    due_ms = planned_ms(db)
    return {
        "state": "failed" if outcome.failed else state,
        "last_success": _moment(outcome.passed_ms, settings),
        "next": _moment(None if due_ms is None else max(due_ms, now_ms), settings),
        "every_s": test.every_s,
        "why": outcome.failed or ("none_has_passed" if outcome.passed_ms is None else None),
    }


def self_test_fault(db: Database, settings: RulesSettings, now_ms: int) -> str | None:
    """Why the watcher outside should not hear that all is well. None has passed yet: no reason for `FIRST_WITHIN_S`."""
    sign = _self_test(db, settings, now_ms)
    if sign["state"] in ("off", "ok"):
        return None
    since_ms = set_up_ms(db)
    if sign["why"] == "none_has_passed" and since_ms is not None:
        new = -CLOCKS_DIFFER_MS <= now_ms - since_ms <= FIRST_WITHIN_S * 1000
        return None if new else "self_test: none_has_passed"
    return f"self_test: {sign['why'] or sign['state']}"


def _heartbeat(settings: RulesSettings, heartbeat: Heartbeat | None, now_ms: int) -> Json:
    if settings.heartbeat is None:
        return {"state": "off"}
    every_s = settings.heartbeat.every_s
    taken_ms = heartbeat.taken_ms if heartbeat else None
    failed = heartbeat.failed if heartbeat else None
    return {
        "state": "failed" if failed else _state(taken_ms, 2 * every_s + TIMEOUT_S, now_ms),
        "last_success": _moment(taken_ms, settings),
        "every_s": every_s,
        "why": failed,
    }


def _state(success_ms: int | None, longest_s: float, now_ms: int) -> str:
    """Of a success that should come again within so long. One in the future says nothing: a clock was set back."""
    if success_ms is None or success_ms > now_ms + CLOCKS_DIFFER_MS:
        return "unknown"
    return "overdue" if now_ms - success_ms > longest_s * 1000 else "ok"


def _moment(t_ms: int | None, settings: RulesSettings) -> str | None:
    return None if t_ms is None else local_time(t_ms, settings.utc_offset_minutes).isoformat()


def _database_clock(settings: RulesSettings, watched: DatabaseClock | None) -> Json:
    if settings.database is None:
        return {"state": "off"}
    if watched is None or watched.ahead_ms is None:
        return {"state": "unknown", "ahead_s": None}
    return {"state": "failed" if watched.caution else "ok", "ahead_s": watched.ahead_ms / 1000}
