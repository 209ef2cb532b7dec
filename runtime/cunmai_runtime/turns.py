"""Who writes next, among the threads of one process: whoever has waited longest.

SQLite has one writer at a time, and whoever finds it busy looks again now and then. A thread that writes one
transaction after the other is there first nearly every time: while a backlog was judged, a page waited nine seconds
for its turn. With these turns it waits for the transaction that is under way.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary


class Turns:
    """One queue. Not to be asked for a second turn by whoever has one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    @contextmanager
    def turn(self, patience_s: float) -> Iterator[None]:
        """Wait for a turn, and have it for the block. After `patience_s` it goes on without one: these only order."""
        mine = self._take(patience_s)
        try:
            yield
        finally:
            if mine:
                self._pass_on()

    def _take(self, patience_s: float) -> bool:
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=patience_s):
            return True
        with self._guard:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # it was called in the very moment

    def _pass_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


_OF_FILES: WeakValueDictionary[Path, Turns] = WeakValueDictionary()
_GUARD = threading.Lock()


def turns_of(path: Path) -> Turns:
    """The queue of a file: one for all who write it in this process, for as long as somebody keeps it."""
    with _GUARD:
        return _OF_FILES.setdefault(path.resolve(), Turns())
