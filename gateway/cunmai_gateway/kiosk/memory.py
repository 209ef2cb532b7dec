"""The kiosk's store as the gateway uses it: on the spool's thread, and never in the way of the spool."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from cunmai_gateway.kiosk.attribution import (
    Attributed,
    append_each,
    attribute,
    catch_up,
    recover,
    remember,
)
from cunmai_gateway.kiosk.episodes import GAP_MS, Episode
from cunmai_gateway.kiosk.store import Fresh, Kept, KioskStore, StoreFault
from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool
from cunmai_runtime.clock import Clock
from cunmai_runtime.logs import OnChange

T = TypeVar("T")

_MOST_NEWS = 4_000


class Memory:
    """Every method runs on the spool's thread. A store that cannot be used now is tried again at the next.

    The store's faults are StoreFault and never sqlite3.Error, which here would be taken for the spool's.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._store: KioskStore | None = None
        self._behind = False
        """The store has missed something that the spool took."""
        self.news: deque[tuple[str, Fresh]] = deque(maxlen=_MOST_NEWS)
        """What was appended lately, with its stream: taken from the left by the event loop."""
        self._log = structlog.get_logger("kiosk")
        self._changed = OnChange()

    def open(self, spool: Spool) -> None:
        """Open and catch up; what fails now is tried again later. Raises UserError: a newer version's file."""
        try:
            self.use(spool, lambda _store: None)
        except (StoreFault, sqlite3.Error) as fault:
            self._failed(fault)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def append(
        self, spool: Spool, drafts: Sequence[Draft], *, not_stored: Mapping[int, int]
    ) -> list[int | None]:
        """Append to the spool and remember; the number of each, None where the spool had taken it before.

        Raises what the spool raises.
        The memory's own failure costs only the memory, until it has caught up.
        """
        seqs = append_each(spool, drafts, not_stored=not_stored)
        work = catch_up if self._behind else _remembering(drafts, seqs)
        try:
            fresh = self.use(spool, lambda store: work(spool, store))
        except (StoreFault, sqlite3.Error) as fault:
            # Not even a fault of the spool may leave here: what is appended would be appended again.
            self._behind = True
            self._failed(fault)
            return seqs
        self._behind = False
        self._changed.clear("store")
        self.news.extend((spool.stream, one) for one in fresh)
        return seqs

    def newest(self, spool: Spool, limit: int) -> list[Kept]:
        """The newest measurements, oldest first. Raises StoreFault."""
        return self.use(spool, lambda store: store.newest(limit))

    def of_kinds(self, spool: Spool, kinds: Sequence[str], limit: int) -> list[Kept]:
        """The newest measurements of these kinds, oldest first. Raises StoreFault."""
        return self.use(spool, lambda store: store.of_kinds(kinds, limit))

    def unattributed(self, spool: Spool) -> int:
        """How many episodes count for nobody. Raises StoreFault."""
        return self.use(spool, lambda store: store.unattributed(GAP_MS))

    def attribute(self, spool: Spool, episode: Episode, resident: str | None) -> Attributed:
        """Make the measurements of an episode count for `resident`. Raises StoreFault."""

        def work(store: KioskStore) -> Attributed:
            recover(spool, store)
            chosen = store.between(
                episode.stream, episode.device, episode.kind, episode.first_seq, episode.last_seq
            )
            return attribute(spool, store, chosen, counts_for=episode.resident, resident=resident)

        return self.use(spool, work)

    def forget(self, spool: Spool, *, before_ms: int, most: int) -> int:
        """Let go of what is old or over the bound. Raises StoreFault."""
        return self.use(spool, lambda store: store.forget(before_ms, most))

    def forget_stream(self, spool: Spool, stream: str) -> None:
        """Let go of everything that bears this stream's numbers. Never raises: it costs only the page."""
        try:
            self.use(spool, lambda store: store.forget_stream(stream))
        except (StoreFault, sqlite3.Error) as fault:
            self._failed(fault)

    # -- the store ------------------------------------------------------------------------------------

    def use(self, spool: Spool, work: Callable[[KioskStore], T]) -> T:
        """Run `work` with the store, opened if need be. A damaged file is set aside, loudly, and made anew."""
        try:
            if self._store is None:
                self._store = self._opened(spool)
            return work(self._store)
        except StoreFault as fault:
            if not fault.damaged:
                raise
            self._set_aside(fault)
            self._store = self._opened(spool)
            return work(self._store)

    def _opened(self, spool: Spool) -> KioskStore:
        store = KioskStore(self._path)
        try:
            recover(spool, store)
            catch_up(spool, store)
        except BaseException:
            store.close()
            raise
        return store

    def _set_aside(self, fault: StoreFault) -> None:
        self.close()
        aside = self._path.with_name(f"{self._path.name}.damaged-{self._clock()}")
        self._log.error("kiosk.store_damaged", error=str(fault), set_aside=aside.name)
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))

    def _failed(self, fault: Exception) -> None:
        if self._changed("store", str(fault)):
            self._log.error("kiosk.store", error=str(fault))


def _remembering(
    drafts: Sequence[Draft], seqs: Sequence[int | None]
) -> Callable[[Spool, KioskStore], list[Fresh]]:
    return lambda spool, store: remember(spool, store, drafts, seqs)
