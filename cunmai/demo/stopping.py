"""Being told to stop: once, and it ends in good order with its ledger; twice, and it ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stop_asked() -> Iterator[asyncio.Event]:
    """An event that the first signal sets; a second one cancels the task that called this.

    SIGHUP too, which a closed terminal sends: the broker and the folder must not be left behind.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None, "called from a task"
    asked = asyncio.Event()

    def handle() -> None:
        if asked.is_set():
            task.cancel()
        asked.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, handle)
    try:
        yield asked
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
