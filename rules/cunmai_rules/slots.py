"""A slot: the readings of some of the gateways, and a share of the work that time brings.

A process takes slots while they are free, up to its fair share, and works them until it is told to stop, its
session with the database ends, or other processes have come and its share is smaller. The right to a slot is
a lock in the very session that judges: who has lost the session can commit nothing more, and somebody else
goes on within seconds. Over SQLite there is one slot, and it is ours.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from cunmai_rules.chores import EVENTS_EVERY_S, FORGET_EVERY_S, Chore, Chores, EventOutbox, usual_chores
from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.heartbeat import Pulse
from cunmai_rules.journal.agreed import exchange
from cunmai_rules.journal.database import Database, JournalAt, SessionLost, Share
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.notify.breakers import Breakers
from cunmai_rules.notify.notifier import Notifier, UnderWay
from cunmai_rules.notify.sender import Sender
from cunmai_rules.selftest.numbers import Numbers
from cunmai_rules.selftest.outcome import Outcome, newest_outcome, plan
from cunmai_rules.selftest.path import path_over
from cunmai_rules.selftest.selftest import SelfTest
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.watch import InForce
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.errors import Retryable
from cunmai_runtime.hold import Hold, Stopped
from cunmai_runtime.intake import Intake
from cunmai_runtime.mqtt_client import forget_session
from cunmai_runtime.outgoing import Outgoing
from cunmai_wire.topics import BUCKETS, Channel, all_gateways_filter, gateway_topic

BATCH_MESSAGES = 500
WAIT_S = 0.1
LOOK_EVERY_S = 0.5
LONGEST_PAUSE_S = 5.0
"""Between attempts to reach the database."""
REVIEW_SHARE_EVERY_S = 2.0
SELF_TEST_EVERY_S = 2.0

JUDGE, NOTIFY, PRESENT = "judge", "notify", "present"


@dataclass(frozen=True)
class Common:
    """What the slots of one process have in common."""

    settings: RulesSettings
    link_key: bytes
    in_force: InForce
    clock: Clock
    pulse: Pulse
    breakers: Breakers
    policies: PoliciesInForce | None = None
    """None: as their file is when a slot begins."""
    held: set[int] = field(default_factory=set)
    """The slots that this process works now."""
    taking: threading.Lock = field(default_factory=threading.Lock)

    @property
    def at(self) -> JournalAt:
        return self.settings.journal

    def share(self, db: Database) -> int:
        """How many slots a process should have, as many as there are now. Each has a session for each slot."""
        processes = max(1, round(db.counted(PRESENT) / self.settings.workers))
        return -(-self.settings.workers // processes)


_HEARD = (Channel.READINGS, Channel.STATE)


def client_id(settings: RulesSettings, slot: int) -> str:
    """Of a slot's MQTT session. It names the number of slots, because the session remembers its filters."""
    return settings.id if settings.workers == 1 else f"{settings.id}-{slot}-of-{settings.workers}"


class Slot:
    """One thread of `run`, and a notifier's thread while the slot is ours."""

    def __init__(self, number: int, common: Common, failed: Callable[[BaseException], None]) -> None:
        """`failed` is told where the notifier's thread cannot go on."""
        self.number = number
        self._common = common
        self._failed = failed
        self._settings = common.settings
        self._share = Share(number, common.settings.workers)
        self._log = structlog.get_logger("rules").bind(slot=number)
        self._intake: Intake | None = None
        self._woken = threading.Event()
        """Somebody is to be asked: the notifier need not wait for its next look."""
        self._sender: Sender | None = None
        self._under_way: UnderWay = {}
        """It outlives every session: what a provider has said is not asked again because a database went away."""

    @property
    def up(self) -> bool:
        """Ours, connected to the broker and subscribed."""
        return self._intake is not None and self._intake.up

    @property
    def cut_off(self) -> bool:
        """Ours, and not connected to the broker."""
        intake = self._intake
        return intake is not None and not intake.up

    @property
    def client_id(self) -> str:
        return client_id(self._settings, self.number)

    @property
    def filters(self) -> list[str]:
        """What the slot listens to. The first one hears the receipts for our events, too."""
        workers = self._settings.workers
        mine = ["+"] if workers == 1 else [f"{n:02d}" for n in range(self.number, BUCKETS, workers)]
        filters = [all_gateways_filter(channel, bucket) for channel in _HEARD for bucket in mine]
        return filters + ([gateway_topic(self._settings.id, Channel.RECEIPTS)] if self.number == 0 else [])

    def run(self, stop: threading.Event) -> None:
        """Work the slot whenever it is ours, until `stop`. Raises UserError, StatementRefused."""
        settings = self._settings
        with closing(
            Sender(at_once=settings.at_once, public_url=settings.public_url, wall_clock=system_clock)
        ) as self._sender:
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        hold = Hold("rules", stop.wait, longest_s=LONGEST_PAUSE_S)
        with suppress(Stopped):
            while not stop.is_set():
                with closing(hold("open the database", self._open)) as db:
                    try:
                        hold("attend", partial(self._attend, db, stop))
                    except SessionLost as lost:
                        self._log.warning("rules.session_lost", why=str(lost))
                stop.wait(LOOK_EVERY_S if not stop.is_set() else 0)

    def _open(self) -> Database:
        return open_journal(self._common.at, self._share)

    # -- taking and leaving -----------------------------------------------------------------------------

    def _attend(self, db: Database, stop: threading.Event) -> None:
        db.be_counted(PRESENT)
        while not stop.is_set():
            if self._under_way:
                self._notifier(db).record()  # whoever has the slot now
            if self._take(db):
                try:
                    self._work(db, stop)
                finally:
                    self._common.held.discard(self.number)
                    # Also after a fault that may pass: the lock is counted, and one more would stay behind.
                    with suppress(SessionLost, Retryable):
                        db.leave_role(JUDGE, self.number)
                self._log.info("rules.slot_left")
            # Whoever stands by does what it should.
            self._common.pulse.beat("judging")
            self._common.pulse.beat("broker")
            stop.wait(LOOK_EVERY_S)

    def _take(self, db: Database) -> bool:
        with self._common.taking:
            if len(self._common.held) >= self._common.share(db) or not db.take_role(JUDGE, self.number):
                return False
            self._common.held.add(self.number)
        self._log.info("rules.slot_taken", client=self.client_id)
        return True

    def _leave_for_others(self, db: Database) -> None:
        """Other processes have come: the last of our slots goes to one of them."""
        held = self._common.held
        if self.number == max(held) and len(held) > self._common.share(db):
            raise _GiveWay

    # -- work -------------------------------------------------------------------------------------------

    def _forget_old_sessions(self, db: Database) -> None:
        """There were more or fewer slots before: the broker need not keep readings for sessions without a slot."""
        current = {client_id(self._settings, slot) for slot in range(self._settings.workers)}
        said = exchange(db, "mqtt sessions", json.dumps(sorted(current)))
        before = set(json.loads(said)) if said else {self._settings.id}  # as it was over SQLite
        for old in sorted(before - current):
            forgotten = forget_session(self._settings.mqtt, old)
            self._log.info(
                "rules.session_forgotten" if forgotten else "rules.session_not_forgotten", client=old
            )

    def _work(self, db: Database, stop: threading.Event) -> None:
        if self.number == 0:
            self._forget_old_sessions(db)
        desk = Desk(db, self._settings, self._common.link_key, self._common.policies)
        engine = Engine(db, desk, self._settings, self._common.clock, self._common.in_force.rules)
        intake = Intake(self._settings.mqtt, self.client_id, self.filters, self._common.clock)
        chores = [*usual_chores(self._common.in_force, engine, desk, self._common.clock)]
        if self.number == 0:
            outbox = EventOutbox(db, desk, intake, self._settings.id, self._common.clock)
            chores += [(EVENTS_EVERY_S, outbox.send), (FORGET_EVERY_S, engine.forget_old)]
            chores += self._self_test(db, desk, intake)
        if self._settings.workers > 1:
            chores.append((REVIEW_SHARE_EVERY_S, partial(self._leave_for_others, db)))
        with self._notifying(), self._listening(intake), suppress(_GiveWay):
            self._judge(engine, desk, intake, Chores(*chores), stop)

    def _self_test(self, db: Database, desk: Desk, intake: Intake) -> list[Chore]:
        settings, clock = self._settings, self._common.clock
        if settings.self_test is None:
            return []
        path = path_over(db, desk, settings.id, intake.publish, clock)
        numbers = Numbers.of(settings.data_dir / "self-test.json")
        test = SelfTest(settings.self_test, settings.id, numbers, path, clock)
        before = newest_outcome(db) or Outcome()
        test.resume(before.passed_ms, before.failed)

        planned: list[int] = []

        def turn() -> None:
            test.turn()
            if planned != [test.due_ms]:
                plan(db, test.due_ms)
                planned[:] = [test.due_ms]
            self._common.pulse.say("self_test", test.failed)

        return [(SELF_TEST_EVERY_S, turn)]

    @contextmanager
    def _listening(self, intake: Intake) -> Iterator[None]:
        self._intake = intake
        intake.start()
        try:
            yield
        finally:
            self._intake = None
            intake.stop()

    def _judge(
        self, engine: Engine, desk: Desk, intake: Intake, chores: Chores, stop: threading.Event
    ) -> None:
        hold = Hold("rules", stop.wait)
        receipts = Outgoing(intake.publish)
        asked = desk.asked
        try:
            while not stop.is_set():
                batch = intake.take(BATCH_MESSAGES, WAIT_S)
                if batch:
                    receipts.send(hold("judge", partial(engine.take, batch)))
                    intake.ack(batch)
                else:
                    receipts.flush()
                hold("chores", chores.do_due)
                if desk.asked != asked:
                    asked = desk.asked
                    self._woken.set()
                self._common.pulse.beat("judging")
                if intake.up:
                    self._common.pulse.beat("broker")
        except Stopped:
            self._log.info("rules.stopped_while_holding")

    # -- the notifier's thread --------------------------------------------------------------------------

    @contextmanager
    def _notifying(self) -> Iterator[None]:
        over = threading.Event()

        def guarded() -> None:
            try:
                self._notify(over)
            except Exception as error:  # noqa: BLE001 - outermost loop of the thread: handed to the service
                self._log.error("rules.thread_failed", thread="notifier", error=repr(error))
                self._failed(error)

        thread = threading.Thread(target=guarded, name=f"notifier-{self.number}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            self._woken.set()
            thread.join(30)

    def _notify(self, over: threading.Event) -> None:
        hold = Hold("notify", over.wait, longest_s=LONGEST_PAUSE_S)
        with suppress(Stopped):
            while not over.is_set():
                with closing(hold("open the database", self._open)) as db, suppress(SessionLost):
                    self._send(db, over)
                over.wait(LOOK_EVERY_S)

    def _send(self, db: Database, over: threading.Event) -> None:
        """As soon as the notifier before us has ended: its session may outlive its slot by a moment."""
        while not db.take_role(NOTIFY, self.number):
            if over.wait(LOOK_EVERY_S):
                return
        self._notifier(db).run(over, self._woken)

    def _notifier(self, db: Database) -> Notifier:
        common, settings = self._common, self._settings
        assert self._sender is not None, "made before anything else runs"
        notifier = Notifier(
            db, Desk(db, settings, common.link_key, common.policies), self._sender, settings, common.clock,
            lambda: common.in_force.rules, breakers=common.breakers,
        )  # fmt: skip
        notifier.under_way = self._under_way
        return notifier


class _GiveWay(Exception):
    """The slot is another process's now."""
