"""The rules service as a process of its own that can be killed at any moment, with a clock that the test moves.

It is forked from a server process that has imported everything, so that a start takes a fraction of a second
and two hundred of them are affordable. What runs is `RulesService.run`, as `cunmai rules run` runs it.
"""

from __future__ import annotations

import multiprocessing
import os
import struct
import threading
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from cunmai_rules.service import RulesService
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.service import sole_service, stop_on_signals
from cunmai_runtime.yamlfile import load_model
from support.servers import listening, wait_until

_CLOCK = struct.Struct("<q")
_FORKS = multiprocessing.get_context("forkserver")


class MovedClock:
    """Milliseconds since the epoch in a file: whoever opens it reads what the test has set."""

    def __init__(self, path: Path, start_ms: int | None = None) -> None:
        """`start_ms` makes the file; None opens one that is there, for reading."""
        self.path = path
        flags = os.O_RDONLY if start_ms is None else os.O_RDWR | os.O_CREAT
        self._file = os.open(path, flags, 0o600)
        if start_ms is not None:
            self.set(start_ms)

    def __call__(self) -> int:
        (now_ms,) = _CLOCK.unpack(os.pread(self._file, _CLOCK.size, 0))
        return int(now_ms)

    def set(self, now_ms: int) -> None:
        os.pwrite(self._file, _CLOCK.pack(now_ms), 0)

    def close(self) -> None:
        os.close(self._file)


class Mover:
    """Lets a clock go faster than real time, until closed; while `held`, it stands still."""

    def __init__(self, clock: MovedClock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self.held = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        last_s, now_ms = time.monotonic(), float(self._clock())
        while not self._stop.wait(0.01):
            now_s = time.monotonic()
            if not self.held:
                now_ms += (now_s - last_s) * 1000 * self._speed
                self._clock.set(int(now_ms))
            last_s = now_s


class KilledService:
    """`rules run` over one configuration file."""

    def __init__(self, config: Path, clock: MovedClock, log: Path, port: int) -> None:
        """`port`: where it serves its pages, as the file says."""
        _FORKS.set_forkserver_preload(["cunmai_rules.service", "support.carrier_service"])
        self._config = config
        self._clock = clock
        self.log = log
        self.port = port
        self._process: ForkServerProcess | None = None
        self.kills_s: list[float] = []
        """When it was killed, by `time.monotonic`."""

    def start(self) -> None:
        arguments = (self._config, self._clock.path, self.log, os.getpid())
        self._process = _FORKS.Process(target=_run, args=arguments, daemon=True)
        self._process.start()

    def wait_until_up(self) -> None:
        wait_until(lambda: listening(self.port), timeout_s=60, what="the service serves its pages")

    def kill(self) -> None:
        """kill -9."""
        process = self._process
        assert process is not None
        assert process.is_alive(), f"it had ended by itself: {self.log.read_text()[-2000:]}"
        process.kill()
        process.join(10)
        assert not process.is_alive()
        self.kills_s.append(time.monotonic())
        process.close()

    def stop(self) -> None:
        """In good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(30)
            if self._process.is_alive():
                self._process.kill()
                self._process.join(10)
            self._process.close()
            self._process = None


def _run(config: Path, clock: Path, log: Path, tester: int) -> None:
    """What runs in the process."""
    for stream in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), stream)
    threading.Thread(target=_end_with, args=(tester,), daemon=True).start()
    settings = load_model(config, RulesSettings)
    configure_logging()
    with stop_on_signals() as stop, sole_service("rules", settings.data_dir):
        RulesService(settings, MovedClock(clock)).run(stop)


def _end_with(tester: int) -> None:
    """A tester that is killed leaves nothing running."""
    while Path(f"/proc/{tester}").exists():
        time.sleep(1)
    os._exit(1)
