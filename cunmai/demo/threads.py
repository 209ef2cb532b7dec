"""Services that block, each on a thread of its own, ended together; a failure of one ends the demo."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

STOP_S = 30.0


class ServiceThread:
    """Runs `work(stop)` until told to stop."""

    def __init__(self, name: str, work: Callable[[threading.Event], None], is_up: Callable[[], bool]) -> None:
        self._work = work
        self._is_up = is_up
        self._stop = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def up(self) -> bool:
        """Connected to the broker."""
        return self._is_up()

    def settled(self) -> bool:
        """Connected, or failed."""
        return self.up or self.failure is not None

    def _run(self) -> None:
        try:
            self._work(self._stop)
        except Exception as error:  # noqa: BLE001 - outermost loop of the thread: handed to the demo
            self.failure = error

    @contextlib.contextmanager
    def running(self) -> Iterator[ServiceThread]:
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(STOP_S)
