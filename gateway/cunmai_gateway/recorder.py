"""From what was heard to the spool: in groups, through full disks, and with whoever listens live."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import structlog

from cunmai_gateway.devices import Heard
from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_runtime.logs import OnChange
from cunmai_wire.base import ClockTrust

QUEUE_MEASUREMENTS = 10_000
"""What a stalled disk may hold up in memory: over ten minutes of sixteen oximeters at 1 Hz."""
GROUP_READINGS = 256
RETRY_S = 2.0
_DAY_MS = 24 * 3_600_000


Listener = Callable[[Heard], None]
Append = Callable[[Spool, Sequence[Draft], Mapping[int, int]], object]
"""Puts drafts into the spool, with the count of what was not stored. Runs on the spool's thread."""
_Waiting = tuple[Heard, ClockTrust]


class Recorder:
    """Listeners hear every measurement at once, whatever the disk does; the spool gets them in order."""

    def __init__(
        self,
        spool: SpoolThread,
        draft: Callable[[Heard, ClockTrust], Draft | None],
        on_stored: Callable[[str, int], None],
        *,
        most_waiting: int = QUEUE_MEASUREMENTS,
        retry_s: float = RETRY_S,
    ) -> None:
        """`draft` makes the reading, None where it is none; `on_stored` is told the stream and its highest
        number."""
        self._spool = spool
        self._draft = draft
        self._on_stored = on_stored
        self._retry_s = retry_s
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(maxsize=most_waiting)
        self._group: list[Draft] = []
        """Drafts that are being stored: kept here, so that stopping in the middle loses none."""
        self._not_kept: Counter[int] = Counter()
        """Measurements that found no room while the disk took none, by the day's first millisecond."""
        self._storing: asyncio.Task[bool] | None = None
        self.listeners: list[Listener] = []
        self.append: Append = _append
        self.stored = 0
        self.not_kept = 0
        self.fault: str | None = None
        """Why nothing can be stored now; None while all is well."""
        self._log = structlog.get_logger("recorder")
        self._changed = OnChange()

    def hear(self, heard: Heard, trust: ClockTrust) -> bool:
        """Take one measurement, and how good the clock is now; False, counted, where there is no room left."""
        for listener in self.listeners:
            listener(heard)
        try:
            self._queue.put_nowait((heard, trust))
        except asyncio.QueueFull:
            self.not_kept += 1
            self._not_kept[heard.t_ms // _DAY_MS * _DAY_MS] += 1
            if self._changed("not kept", heard.device.id):
                self._log.error("recorder.not_kept", device=heard.device.id, why=self.fault)
            return False
        return True

    @property
    def waiting(self) -> int:
        """Measurements that are in memory only."""
        return self._queue.qsize() + len(self._group)

    async def run(self) -> None:
        """Store until cancelled."""
        while True:
            if not self._group:
                self._draft_all([await self._queue.get(), *self._take()])
            # Shielded: a commit that is under way when we are cancelled must be seen to its end, or the
            # same readings would be stored again under other numbers.
            self._storing = asyncio.create_task(self._store())
            if not await asyncio.shield(self._storing):
                await asyncio.sleep(self._retry_s)

    async def finish(self) -> None:
        """Store all that waits; what the disk does not take now is lost, and said so."""
        if self._storing is not None:
            await self._storing
        while self.waiting or self._not_kept:
            self._draft_all(self._take())
            if not await self._store():
                self._log.error("recorder.lost_at_stop", readings=self.waiting, why=self.fault)
                return

    def _take(self) -> list[_Waiting]:
        return [self._queue.get_nowait() for _ in range(min(self._queue.qsize(), GROUP_READINGS))]

    def _draft_all(self, group: Sequence[_Waiting]) -> None:
        self._group += [draft for waiting in group if (draft := self._draft(*waiting)) is not None]

    async def _store(self) -> bool:
        """Put the group on the disk, in one commit, and beside it the count of what found no room."""
        group, not_kept = list(self._group), dict(self._not_kept)
        try:
            stream, last_seq = await self._spool.use(
                lambda spool: (self.append(spool, group, not_kept), (spool.stream, spool.measured()))[1]
            )
        except SpoolUnavailable as error:
            self.fault = str(error)
            if self._changed("store", self.fault):
                self._log.error("recorder.not_stored", why=self.fault, waiting=self.waiting)
            return False
        self._group.clear()
        self._not_kept.subtract(not_kept)
        self._not_kept = +self._not_kept
        self.stored += len(group)
        self.fault = None
        if self._changed.clear("store"):
            self._log.info("recorder.stores_again")
        self._on_stored(stream, last_seq)
        await self._trim()
        return True

    async def _trim(self) -> None:
        """Apart from storing: what is stored stays stored, whether or not the disk lets us make room."""
        try:
            dropped = await self._spool.use(lambda spool: spool.trim())
        except SpoolUnavailable:
            return
        if dropped:
            self._log.error(
                "recorder.dropped",
                readings=dropped,
                why="本地暂存已到上限, 最早的测量值被丢弃 / the spool is full: the oldest readings went",
                todo="cunmai gateway doctor",
            )


def _append(spool: Spool, drafts: Sequence[Draft], not_stored: Mapping[int, int]) -> None:
    spool.append(drafts, not_stored=not_stored)
