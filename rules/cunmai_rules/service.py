"""The rules service: one engine thread, one notifier thread, one web thread over one journal."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial

import structlog

from cunmai_rules import metrics
from cunmai_rules.cautions import cautions
from cunmai_rules.engine import Engine
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy import Status
from cunmai_rules.heartbeat import WAITING_AFTER_MS, Heartbeat, Pulse
from cunmai_rules.journal.database import FAULTS, Database, open_journal
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.keys import load_or_make_key
from cunmai_rules.notify.notifier import Notifier
from cunmai_rules.notify.sender import Sender
from cunmai_rules.pages.app import build_app
from cunmai_rules.pages.server import BACKLOG, serving
from cunmai_rules.releases.in_force import rules_in_force
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.watch import InForce
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.hold import Hold, Stopped
from cunmai_runtime.intake import Intake
from cunmai_runtime.outgoing import Outgoing
from cunmai_wire.events import Lane
from cunmai_wire.topics import Channel, all_gateways_filter, gateway_topic

BATCH_MESSAGES = 500
WAIT_S = 0.1
RELOAD_EVERY_S = 0.5
TICK_EVERY_S = 0.5
EVENTS_EVERY_S = 0.2
EVENT_RESEND_AFTER_S = 15
COUNT_EVERY_S = 5
FORGET_EVERY_S = 3600


class RulesService:
    """Judges readings and sees escalations through. `run()` blocks until `stop` is set."""

    def __init__(self, settings: RulesSettings, clock: Clock = system_clock) -> None:
        """Raises FileProblems where no usable threshold file exists, UserError where the journal cannot open."""
        self._settings = settings
        self._clock = clock
        self._path = settings.journal
        self._link_key = load_or_make_key(settings.data_dir / "link.key")
        self._in_force = rules_in_force(settings, clock)
        self._log = structlog.get_logger("rules")
        self._intake: Intake | None = None
        self._pulse = Pulse(clock)
        open_journal(self._path).close()

    @property
    def up(self) -> bool:
        """Connected to the broker and subscribed."""
        return self._intake is not None and self._intake.up

    def run(self, stop: threading.Event) -> None:
        """Run all three threads until `stop`; a thread that fails ends the service."""
        failed: list[BaseException] = []
        for caution in cautions(self._settings):
            self._log.warning("rules.caution", caution=caution)
        with (
            self._web_server(),
            self._thread("notifier", self._notify, stop, failed),
            self._thread("heartbeat", self._beat, stop, failed),
        ):
            self._log.info(
                "rules.started", pages=self._settings.public_url, versions=self._in_force.rules.versions,
                listen=f"{self._settings.listen.host}:{self._settings.listen.port}",
            )  # fmt: skip
            try:
                self._judge(stop)
            finally:
                stop.set()
        if failed:
            raise failed[0]

    # -- the engine's thread ----------------------------------------------------------------------------

    def _judge(self, stop: threading.Event) -> None:
        db = open_journal(self._path)
        desk = Desk(db, self._settings, self._link_key)
        engine = Engine(db, desk, self._settings, self._clock, self._in_force.rules)
        own = gateway_topic(self._settings.id, Channel.RECEIPTS)
        intake = Intake(
            self._settings.mqtt, self._settings.id, [all_gateways_filter(Channel.READINGS), own], self._clock
        )
        self._intake = intake
        outbox = _EventOutbox(db, desk, intake, self._settings.id, self._clock)
        chores = _Chores(self._in_force, engine, outbox, desk)
        hold = Hold("rules", stop.wait)
        receipts = Outgoing(intake.publish)
        intake.start()
        try:
            while not stop.is_set():
                batch = intake.take(BATCH_MESSAGES, WAIT_S)
                if batch:
                    receipts.send(hold("judge", partial(engine.take, batch)))
                    intake.ack(batch)
                else:
                    receipts.flush()
                hold("chores", chores.do_due)
                self._pulse.beat("judging")
                if self.up:
                    self._pulse.beat("broker")
        except Stopped:
            self._log.info("rules.stopped_while_holding")
        finally:
            intake.stop()
            db.close()

    # -- whether it all works ---------------------------------------------------------------------------

    def _faults(self) -> list[str]:
        """Why the watcher outside should be left to alarm; empty while everything works."""
        faults = self._pulse.stuck(("broker", "judging"))
        try:
            with closing(open_journal(self._settings.journal)) as db:
                waiting_ms = Escalations(db).longest_waiting_ms()
        except FAULTS as error:
            return [*faults, f"journal: {error}"]
        if waiting_ms is not None and self._clock() - waiting_ms > WAITING_AFTER_MS:
            faults.append("messages")
        return faults

    # -- the other threads ------------------------------------------------------------------------------

    def _beat(self, stop: threading.Event) -> None:
        if self._settings.heartbeat is not None:
            Heartbeat(self._settings.heartbeat, self._faults).run(stop)

    def _notify(self, stop: threading.Event) -> None:
        db = open_journal(self._path)
        settings = self._settings
        sender = Sender(at_once=settings.at_once, public_url=settings.public_url, wall_clock=system_clock)
        try:
            desk = Desk(db, self._settings, self._link_key)
            Notifier(db, desk, sender, self._settings, self._clock, lambda: self._in_force.rules).run(stop)
        finally:
            sender.close()
            db.close()

    @contextmanager
    def _thread(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        stop: threading.Event,
        failed: list[BaseException],
    ) -> Iterator[None]:
        def guarded() -> None:
            try:
                work(stop)
            except Exception as error:  # noqa: BLE001 - outermost loop of the thread: handed to the service
                self._log.error("rules.thread_failed", thread=name, error=repr(error))
                failed.append(error)
                stop.set()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)

    @contextmanager
    def _web_server(self) -> Iterator[None]:
        app = build_app(self._path, self._settings, self._link_key, self._clock, self._in_force)
        with serving(app, self._listen()):
            yield

    def _listen(self) -> socket.socket:
        """Take the port before anything else runs, so that a taken one is an error and not a silence."""
        host, port = self._settings.listen.host, self._settings.listen.port
        try:
            return socket.create_server((host, port), backlog=BACKLOG)
        except OSError as error:
            raise UserError(
                f"页面地址 {host}:{port} 不可用({error.strerror}), 请改 listen.port / "
                f"cannot serve the pages at {host}:{port} ({error.strerror}): change listen.port"
            ) from None


class _Chores:
    """What the engine's thread does besides judging, each at its own pace."""

    def __init__(self, in_force: InForce, engine: Engine, outbox: _EventOutbox, desk: Desk) -> None:
        self._in_force = in_force
        self._desk = desk
        self._engine = engine
        self._chores = [
            (RELOAD_EVERY_S, self._reload),
            (TICK_EVERY_S, engine.tick),
            (EVENTS_EVERY_S, outbox.send),
            (COUNT_EVERY_S, self._count),
            (FORGET_EVERY_S, engine.forget_old),
        ]
        self._next_s = [0.0] * len(self._chores)

    def do_due(self) -> None:
        """Do each chore whose time has come. Raises Retryable."""
        now_s = time.monotonic()
        for index, (every_s, chore) in enumerate(self._chores):
            if now_s >= self._next_s[index]:
                chore()
                self._next_s[index] = now_s + every_s

    def _reload(self) -> None:
        if self._in_force.poll():
            self._engine.rules = self._in_force.rules
        metrics.RULE_FILE_PROBLEMS.set(len(self._in_force.problems))

    def _count(self) -> None:
        counts = self._desk.escalations.counts()
        for lane in Lane:
            for status in Status:
                metrics.ESCALATIONS_NOW.labels(lane, status).set(counts.get((lane, status), 0))


class _EventOutbox:
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
