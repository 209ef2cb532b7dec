"""How delivery stands: what of this session, and of all, some consumer still owes a receipt for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from cunmai_gateway.kiosk.around import Surroundings
from cunmai_gateway.kiosk.memory import Memory
from cunmai_gateway.kiosk.sessions import Sessions
from cunmai_gateway.kiosk.snapshot import Backlog
from cunmai_gateway.spool import Spool
from cunmai_runtime.errors import Retryable
from cunmai_runtime.logs import OnChange

T = TypeVar("T")

_MOST_MINE = 2_000
_MOST_HELD = 10_000


class Standing:
    """Belongs to the event loop. Counts on the spool's thread; what came since is added at every look."""

    def __init__(self, memory: Memory, sessions: Sessions, around: Surroundings) -> None:
        self._memory = memory
        self._sessions = sessions
        self._around = around
        self._mine: deque[tuple[str, int]] = deque(maxlen=_MOST_MINE)
        """Stream and number of what was measured in this session."""
        self._backlog: Backlog | None = None
        """As last counted; None before the first count."""
        self._uncounted, self._uncounted_mine = 0, 0
        """Appended since the last count."""
        self._log = structlog.get_logger("kiosk")
        self._changed = OnChange()

    def begin(self) -> None:
        """A new session: nothing of it has been measured yet."""
        self._take_news()
        self._mine.clear()
        self._uncounted_mine = 0
        if self._backlog is not None:
            self._backlog = replace(self._backlog, mine=0, mine_waiting=0)

    def now(self) -> Backlog:
        """As last counted, and what came since: nothing is called uploaded because nobody has counted it."""
        self._take_news()
        counted = self._backlog or Backlog()
        return replace(
            counted,
            known=self._backlog is not None,
            up=self._around.up(),
            problem=self._around.fault(),
            waiting=counted.waiting + self._uncounted,
            mine=len(self._mine),
            mine_waiting=counted.mine_waiting + self._uncounted_mine,
        )

    async def refresh(self) -> None:
        """Count anew."""
        self._take_news()
        mine, uncounted, uncounted_mine = list(self._mine), self._uncounted, self._uncounted_mine

        def count(spool: Spool) -> Backlog:
            return Backlog(
                waiting=spool.pending(),
                mine_waiting=_waiting(spool, mine),
                unattributed=self._memory.unattributed(spool),
            )

        counted = await self.guarded(count)
        if counted is not None and mine == list(self._mine)[: len(mine)]:
            self._backlog = counted
            self._uncounted -= uncounted
            self._uncounted_mine -= uncounted_mine

    async def guarded(self, work: Callable[[Spool], T]) -> T | None:
        """The page's own needs never end the gateway: a failing disk is logged, once, and shown."""
        try:
            result = await self._around.spool.use(work)
        except Retryable as error:
            if self._changed("store", str(error)):
                self._log.error("kiosk.not_counted", why=str(error))
            return None
        self._changed.clear("store")
        return result

    def _take_news(self) -> None:
        session = self._sessions.current(self._around.clock())
        while self._memory.news:
            stream, fresh = self._memory.news.popleft()
            self._uncounted += 1
            if session and fresh.resident == session.resident and fresh.t_ms >= session.began_ms:
                self._mine.append((stream, fresh.seq))
                self._uncounted_mine += 1


def _waiting(spool: Spool, mine: Sequence[tuple[str, int]]) -> int:
    """How many of these some consumer still owes a receipt for. Another stream's count as waiting."""
    own = [seq for stream, seq in mine if stream == spool.stream]
    if not own:
        return len(mine)
    held = {one.seq for one in spool.held(min(own) - 1, max(own), _MOST_HELD)}
    return len(mine) - len(own) + len(held.intersection(own))
