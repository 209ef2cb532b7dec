"""Who has a worklist open, and one look at the journal for all of them.

However many phones watch, the journal is opened once a turn. A stream more than there is room for is told to
come back later, so that lists left open can never take the pages' places.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from fastapi.concurrency import run_in_threadpool

from cunmai_rules.journal.database import FAULTS

MOST_STREAMS = 100
LIVE_FOR_S = 15.0
"""One stream of changes ends before the server's deadline for a request; the browser opens the next."""
LIVE_EVERY_S = 1.5
COME_BACK_MS = 30_000

Look = Callable[[Iterable[str]], Mapping[str, str]]
"""What stands on the lists of these tokens now; without those that open nothing any more. Blocks."""


@dataclass(eq=False)
class _Watcher:
    token: str
    stood: str
    told: asyncio.Event = field(default_factory=asyncio.Event)
    changed: bool = False
    """Where it was told: whether the list changed; else there is nothing to watch any more."""


class Live:
    """Belongs to the event loop of the web server."""

    def __init__(self, look: Look, *, most: int = MOST_STREAMS, every_s: float = LIVE_EVERY_S) -> None:
        self._look = look
        self._most = most
        self._every_s = every_s
        self._watchers: dict[_Watcher, None] = {}
        self._looking: asyncio.Task[None] | None = None

    async def stream(self, token: str, stood: str) -> AsyncIterator[str]:
        """Server-sent events until the list differs from how it stood: one, and the end."""
        if len(self._watchers) >= self._most:
            yield f"retry: {COME_BACK_MS}\n\n"
            return
        watcher = _Watcher(token, stood)
        self._watchers[watcher] = None
        self._begin()
        try:
            yield "retry: 1000\n\n"
            async with asyncio.timeout(LIVE_FOR_S):
                await watcher.told.wait()
            if watcher.changed:
                yield "event: changed\ndata: 1\n\n"
        except TimeoutError:
            return
        finally:
            self._watchers.pop(watcher, None)

    def _begin(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_for_all())

    async def _look_for_all(self) -> None:
        """Until nobody watches any more."""
        while self._watchers:
            await asyncio.sleep(self._every_s)
            tokens = {watcher.token for watcher in self._watchers}
            if not tokens:
                return
            try:
                stand = await run_in_threadpool(self._look, tokens)
            except FAULTS:
                stand = {}  # The browsers ask again, and then they are told why.
            for watcher in list(self._watchers):
                # Whoever came during the look is seen at the next one.
                if watcher.token in tokens and stand.get(watcher.token) != watcher.stood:
                    watcher.changed = watcher.token in stand
                    watcher.told.set()
                    self._watchers.pop(watcher, None)
