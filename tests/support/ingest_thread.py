"""Ingest in a thread, as the demonstration runs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cunmai_ingest.service import Ingest
from cunmai_ingest.settings import IngestSettings
from cunmai_runtime.clock import Clock
from support.servers import wait_until


@contextmanager
def running(settings: IngestSettings, clock: Clock) -> Iterator[Ingest]:
    ingest = Ingest(settings, clock=clock)
    stop = threading.Event()
    thread = threading.Thread(target=ingest.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: ingest.up, what="ingest is subscribed")
        yield ingest
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
