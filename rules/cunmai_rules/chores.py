"""What an engine's thread does besides judging, each at its own pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cunmai_rules import metrics
from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.database import Database
from cunmai_rules.registry.levels import tell_level_cautions
from cunmai_rules.thresholds.watch import InForce
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.intake import Intake
from cunmai_wire.events import Lane

RELOAD_EVERY_S = 0.5
TICK_EVERY_S = 0.5
EVENTS_EVERY_S = 0.2
EVENT_RESEND_AFTER_S = 15
COUNT_EVERY_S = 5
FORGET_EVERY_S = 3600

Chore = tuple[float, Callable[[], object]]
"""How often, in seconds, and what."""

_RELOADING = threading.Lock()
"""The slots of one process share the rules in force."""


class Chores:
    """Does each when its time has come."""

    def __init__(self, *chores: Chore) -> None:
        self._chores = chores
        self._next_s = [0.0] * len(chores)

    def do_due(self) -> None:
        """Raises whatever a chore raises; it is due again then."""
        now_s = time.monotonic()
        for index, (every_s, chore) in enumerate(self._chores):
            if now_s >= self._next_s[index]:
                chore()
                self._next_s[index] = now_s + every_s


def usual_chores(
    in_force: InForce, engine: Engine, desk: Desk, clock: Clock = system_clock
) -> tuple[Chore, ...]:
    """Those of every slot."""

    def reload() -> None:
        with _RELOADING:
            in_force.poll()
            if desk.reload_policies():
                tell_level_cautions(desk.directory, desk.policies, clock())
        if engine.rules is not in_force.rules:
            engine.rules = in_force.rules
        metrics.RULE_FILE_PROBLEMS.set(len(in_force.problems))
        metrics.POLICY_FILE_PROBLEMS.set(len(desk.policy_problems))

    def count() -> None:
        counts = desk.escalations.counts()
        for lane in Lane:
            for status in Status:
                metrics.ESCALATIONS_NOW.labels(lane, status).set(counts.get((lane, status), 0))

    return (RELOAD_EVERY_S, reload), (TICK_EVERY_S, engine.tick), (COUNT_EVERY_S, count)


class EventOutbox:
    """Sends events until ingest has receipted them."""

    def __init__(self, db: Database, desk: Desk, intake: Intake, source: str, clock: Clock) -> None:
        self._db = db
        self._desk = desk
        self._intake = intake
        self._source = source
        self._clock = clock

    def send(self) -> None:
        """Raises Retryable where the journal fails."""
        with self._db.transaction():
            self._send()

    def _send(self) -> None:
        events = self._desk.events
        waiting = events.waiting()
        metrics.EVENTS_WAITING.set(waiting)
        if not waiting or not self._intake.up:
            return
        now_ms = self._clock()
        for pending in events.pending(now_ms - EVENT_RESEND_AFTER_S * 1000, now_ms):
            body = (
                f'{{"v":1,"source":"{self._source}","stream":"{events.stream()}","sent":{now_ms},'
                f'"events":[{",".join(pending.bodies)}]}}'
            )
            if self._intake.publish(pending.topic, body.encode()):
                events.sent(pending, now_ms)
