"""The rules service: for each slot an engine's and a notifier's thread, and one web thread, over one journal."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import structlog

from cunmai_rules.cautions import cautions, file_cautions
from cunmai_rules.database_clock import DatabaseClock
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.health import Watching, self_test_fault
from cunmai_rules.heartbeat import WAITING_AFTER_MS, Heartbeat, Pulse
from cunmai_rules.journal.agreed import agree
from cunmai_rules.journal.database import FAULTS
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.keys import load_or_make_key
from cunmai_rules.notify.breakers import Breakers
from cunmai_rules.pages.app import build_app
from cunmai_rules.pages.server import BACKLOG, serving
from cunmai_rules.registry.directory import Directory, policies_fit
from cunmai_rules.registry.levels import tell_level_cautions
from cunmai_rules.releases.in_force import rules_in_force
from cunmai_rules.selftest.outcome import set_up
from cunmai_rules.settings import RulesSettings
from cunmai_rules.slots import Common, Slot
from cunmai_runtime.clock import Clock, system_clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.hold import Hold, Stopped

_STOP_S = 30.0


class RulesService:
    """Judges readings and sees escalations through. `run()` blocks until `stop` is set."""

    def __init__(
        self, settings: RulesSettings, clock: Clock = system_clock, config: Path | None = None
    ) -> None:
        """`config`: the file of the settings.

        Raises FileProblems where no usable threshold file exists, UserError where the settings cannot work.
        """
        self._settings = settings
        self._clock = clock
        self._config = config
        self._link_key = load_or_make_key(settings.data_dir / "link.key")
        self._in_force = rules_in_force(settings, clock)
        self._log = structlog.get_logger("rules")
        self._slots: list[Slot] = []
        self._pulse = Pulse(clock)
        self._policies: PoliciesInForce | None = None
        self._watching = Watching()
        self._breakers = Breakers([provider.name for provider in settings.providers], clock)

    @property
    def up(self) -> bool:
        """Some slot of ours is connected to the broker and subscribed."""
        return any(slot.up for slot in self._slots)

    def run(self, stop: threading.Event) -> None:
        """Run all threads until `stop`; a thread that fails ends the service."""
        failed: list[BaseException] = []

        def fail(error: BaseException) -> None:
            failed.append(error)
            stop.set()

        for caution in (*cautions(self._settings), *self._file_cautions()):
            self._log.warning("rules.caution", caution=caution)
        try:
            Hold("rules", stop.wait)("open the journal", self._check_journal)
        except Stopped:
            return
        common = Common(
            self._settings, self._link_key, self._in_force, self._clock, self._pulse, self._breakers,
            self._policies,
        )  # fmt: skip
        self._watching = self._watchers()
        self._slots = [Slot(number, common, fail) for number in range(self._settings.workers)]
        work = [(f"slot {slot.number}", slot.run) for slot in self._slots]
        if self._watching.database_clock is not None:
            work.append(("database clock", self._watching.database_clock.run))
        with self._web_server(), self._threads([*work, ("heartbeat", self._beat)], stop, fail):
            self._log.info(
                "rules.started", pages=self._settings.public_url, versions=self._in_force.rules.versions,
                listen=f"{self._settings.listen.host}:{self._settings.listen.port}",
            )  # fmt: skip
            stop.wait()
        if failed:
            raise failed[0]

    def _check_journal(self) -> None:
        """It can be opened, whom the policies name can be asked, and its processes make the same links.

        The policies come into force here: a restart beside a wrong file goes by the last good one.
        """
        with closing(open_journal(self._settings.journal)) as db:
            directory = Directory(db, self._settings)
            if self._settings.self_test is not None:
                set_up(db, self._clock())
            self._policies = PoliciesInForce(self._settings, policies_fit(directory), keep=True)
            tell_level_cautions(directory, self._policies.policies, self._clock())
            if self._settings.database is None:
                return
            fingerprint = hashlib.sha256(self._link_key).hexdigest()
            if not agree(db, "link key", fingerprint):
                raise UserError(
                    f"{self._settings.data_dir}/link.key 与其他进程的不同, 请从第一台复制过来 / "
                    f"{self._settings.data_dir}/link.key is not the one of the other processes of this database: "
                    "copy theirs"
                )

    # -- whether it all works ---------------------------------------------------------------------------

    def _watchers(self) -> Watching:
        settings, beating = self._settings, self._settings.heartbeat
        return Watching(
            Heartbeat(beating, self._faults, clock=self._clock) if beating is not None else None,
            DatabaseClock(lambda: open_journal(settings.journal), self._clock) if settings.database else None,
            self._broker_away_s,
            self._file_cautions,
        )

    def _file_cautions(self) -> tuple[str, ...]:
        return file_cautions(self._settings, self._config)

    def _broker_away_s(self) -> int:
        """For how long; 0 where every slot of ours is connected."""
        return self._pulse.quiet_ms("broker") // 1000 if any(slot.cut_off for slot in self._slots) else 0

    def _beat(self, stop: threading.Event) -> None:
        if self._watching.heartbeat is not None:
            self._watching.heartbeat.run(stop)

    def _faults(self) -> list[str]:
        """Why the watcher outside should be left to alarm; empty while everything works."""
        faults = self._pulse.stuck(("broker", "judging")) + self._pulse.faults
        try:
            with closing(open_journal(self._settings.journal)) as db:
                waiting_ms = Escalations(db).longest_waiting_ms()
                untested = self_test_fault(db, self._settings, self._clock())
        except FAULTS as error:
            return [*faults, f"journal: {error}"]
        if waiting_ms is not None and self._clock() - waiting_ms > WAITING_AFTER_MS:
            faults.append("messages")
        if untested is not None and untested not in faults:
            faults.append(untested)
        return faults

    # -- threads ----------------------------------------------------------------------------------------

    @contextmanager
    def _threads(
        self,
        works: Sequence[tuple[str, Callable[[threading.Event], None]]],
        stop: threading.Event,
        fail: Callable[[BaseException], None],
    ) -> Iterator[None]:
        def guarded(name: str, work: Callable[[threading.Event], None]) -> None:
            try:
                work(stop)
            except Exception as error:  # noqa: BLE001 - outermost loop of the thread: handed to the service
                self._log.error("rules.thread_failed", thread=name, error=repr(error))
                fail(error)

        threads = [
            threading.Thread(target=guarded, args=(name, work), name=name, daemon=True)
            for name, work in works
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(_STOP_S)

    @contextmanager
    def _web_server(self) -> Iterator[None]:
        app = build_app(
            self._settings.journal, self._settings, self._link_key, self._clock, self._in_force,
            self._breakers.circuits, self._policies, self._watching,
        )  # fmt: skip
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
