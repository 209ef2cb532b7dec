"""The whole system as separate processes on loopback: each can be killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cunmai.demo.ledger import Account, take_account
from cunmai_gateway.spool import measured_in
from cunmai_ingest.settings import IngestSettings
from cunmai_runtime.yamlfile import load_model
from support.broker import Mosquitto
from support.servers import end, free_port, wait_until
from support.sms_sink import SECRET, SmsSink

GATEWAY = "cz-01"
_ANY_PORT = "tcp-server:127.0.0.1:0"

# As the shipped pack, but a spell of one second is enough: a recording is played fast.
PACK = """\
pack: oximetry
version: 1
title: {zh: test, en: test}
rules:
  - id: spo2-low
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 1}
    clear: {at_or_above: 95}
    lane: page
    source: a test
"""


@dataclass
class Process:
    """One `cunmai` process that can be killed and started again."""

    arguments: list[str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "cunmai", *self.arguments], stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9."""
        assert self.running is not None
        assert self.running.poll() is None, f"it had ended by itself: {self.log.read_text()[-2000:]}"
        os.kill(self.running.pid, signal.SIGKILL)
        self.running.wait(10)

    def stop(self) -> None:
        if self.running is not None:
            end(self.running)


@dataclass
class System:
    """Broker, simulated devices, gateway, ingest, rules and an SMS sink."""

    folder: Path
    broker: Mosquitto
    sink: SmsSink
    processes: dict[str, Process] = field(default_factory=dict)
    sim_events: list[dict[str, Any]] = field(default_factory=list)
    pages_port: int = field(default_factory=free_port)

    # -- building -------------------------------------------------------------------------------------

    def serve_devices(self, *arguments: str) -> None:
        """Start `cunmai sim serve`; its events are collected as they come."""
        command = [
            sys.executable,
            "-m",
            "cunmai",
            "sim",
            "serve",
            "--stay",
            "--listen",
            _ANY_PORT,
            *arguments,
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.processes["sim"] = Process(arguments=[], log=self.folder / "sim.log", running=process)
        threading.Thread(target=self._collect, args=(process,), daemon=True).start()
        wait_until(lambda: self.sim_event("listening"), what="the simulated radio listens")

    def _collect(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.sim_events.append(json.loads(line))
        process.stdout.close()

    def sim_event(self, name: str) -> dict[str, Any] | None:
        return next((event for event in self.sim_events if event["event"] == name), None)

    def start_services(self) -> None:
        for name, write in (("ingest", self._ingest), ("rules", self._rules), ("gateway", self._gateway)):
            self.processes[name] = Process(write(), self.folder / f"{name}.log")
            self.processes[name].start()

    def _mqtt(self) -> str:
        return f"mqtt: {{port: {self.broker.port}}}\n"

    def _ingest(self) -> list[str]:
        path = self.folder / "ingest.yaml"
        store = f"store: {{kind: sqlite, path: {self.folder}/store.sqlite}}\n"
        path.write_text(f"data_dir: {self.folder}/ingest\n{store}{self._mqtt()}")
        return ["ingest", "run", "--config", str(path)]

    def _rules(self) -> list[str]:
        packs = self.folder / "packs"
        packs.mkdir(exist_ok=True)
        (packs / "oximetry.yaml").write_text(PACK)
        path = self.folder / "rules.yaml"
        path.write_text(
            f"data_dir: {self.folder}/rules\n"
            f"packs: {packs}\n"
            f"{self._mqtt()}"
            "contacts: [{id: village, role: 村医, to: test-village}]\n"
            f"sites: [{{gateway: {GATEWAY}, name: 上村卫生室, altitude_m: 40, contacts: [village]}}]\n"
            "fallback_contacts: [village]\n"
            f"webhook: {{url: '{self.sink.url}', secret: {SECRET}}}\n"
            "public_url: http://127.0.0.1:8087\n"
            f"listen: {{port: {self.pages_port}}}\n"
        )
        return ["rules", "run", "--config", str(path)]

    def _gateway(self) -> list[str]:
        listening = self.sim_event("listening")
        assert listening is not None
        path = self.folder / "gateway.yaml"
        path.write_text(
            f"gateway: {GATEWAY}\n"
            f"data_dir: {self.folder}/gateway\n"
            f"{self._mqtt()}"
            "devices:\n"
            '  - {id: oxi-1, driver: plx, address: "F0:0D:00:00:18:22", resident: R-7F3K}\n'
            '  - {id: us-1, driver: ultrasound, address: "F0:0D:00:00:55:53"}\n'
        )
        return ["sim", "gateway", "--config", str(path), "--radio", listening["client"]]

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.stop()

    # -- looking --------------------------------------------------------------------------------------

    @property
    def spool(self) -> Path:
        return self.folder / "gateway" / "spool.sqlite"

    @property
    def journal(self) -> Path:
        return self.folder / "rules" / "rules.sqlite"

    def measured(self) -> int:
        """0 until the spool exists."""
        found = measured_in(self.spool)
        return found[1] if found else 0

    def held(self) -> int:
        """Readings that some consumer still owes a receipt for."""
        with contextlib.closing(sqlite3.connect(f"file:{self.spool}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM reading").fetchone()[0])

    def account(self) -> Account:
        settings = load_model(self.folder / "ingest.yaml", IngestSettings)
        (account,) = take_account([(GATEWAY, self.spool)], settings, self.journal)
        return account

    def query_journal(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.journal)) as db:
            return db.execute(query).fetchall()

    def wait(self, condition: Callable[[], object], what: str, timeout_s: float = 60) -> None:
        """Poll; where it fails, say what the processes logged last."""
        try:
            wait_until(condition, timeout_s=timeout_s, what=what)
        except BaseException:
            for name, process in self.processes.items():
                if process.log.exists():
                    print(f"--- {name}\n{process.log.read_text()[-3000:]}")  # noqa: T201 - pytest shows it
            raise


@contextlib.contextmanager
def running_system(folder: Path, broker: Mosquitto, *devices: str) -> Iterator[System]:
    """A system with these simulated devices, ended at the end of the block."""
    with SmsSink() as sink:
        system = System(folder, broker, sink)
        try:
            system.serve_devices(*devices)
            system.start_services()
            yield system
        finally:
            system.stop()
