"""Doing things when a moved clock comes to them, several at a time."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Later:
    """Runs until closed. What a piece of work raises is kept in `faults`."""

    def __init__(self, clock: Callable[[], int], *, at_once: int = 8) -> None:
        self._clock = clock
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._begun: dict[int, int] = {}
        """When each piece that was given to the pool and is not done yet was due, by its number."""
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(at_once)
        self.faults: list[Exception] = []
        self.hurry = False
        """Everything that is waiting is due."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def left(self) -> int:
        """How much is waiting or being done."""
        with self._lock:
            return len(self._waiting) + len(self._begun)

    @property
    def behind_ms(self) -> int:
        """How late the oldest piece of work is that is waiting for a free hand."""
        with self._lock:
            return self._clock() - min(self._begun.values(), default=self._clock())

    def at(self, at_ms: int, work: Callable[[], None]) -> None:
        with self._lock:
            heapq.heappush(self._waiting, (at_ms, next(self._numbers), work))

    def close(self) -> None:
        """What is still waiting is not done any more."""
        self._stop.set()
        self._thread.join(10)
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            for _, number, work in self._due():
                self._pool.submit(self._do, number, work)

    def _due(self) -> list[tuple[int, int, Callable[[], None]]]:
        now_ms, due = self._clock(), []
        with self._lock:
            while self._waiting and (self.hurry or self._waiting[0][0] <= now_ms):
                due.append(heapq.heappop(self._waiting))
                self._begun[due[-1][1]] = due[-1][0]
        return due

    def _do(self, number: int, work: Callable[[], None]) -> None:
        try:
            if not self._stop.is_set():
                work()
        except Exception as error:  # noqa: BLE001 - outermost loop of the thread: the test fails with it
            self.faults.append(error)
        finally:
            with self._lock:
                del self._begun[number]
