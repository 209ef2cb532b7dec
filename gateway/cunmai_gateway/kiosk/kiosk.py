"""The kiosk between the radio and the page: who is checked in, what is live, what can be put right."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from cunmai_gateway.kiosk.attribution import Attributed, append_each
from cunmai_gateway.kiosk.cards import Cards
from cunmai_gateway.kiosk.episodes import Episode, episodes, numbers_of
from cunmai_gateway.kiosk.identify import Known, Refusal, identify
from cunmai_gateway.kiosk.live import FRESH_MS, LiveBoard
from cunmai_gateway.kiosk.memory import Memory
from cunmai_gateway.kiosk.sessions import Sessions
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.kiosk.snapshot import Backlog, snapshot
from cunmai_gateway.measurement import Measurement, NotClinicalReason
from cunmai_gateway.readings import Draft, to_reading
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import Retryable
from cunmai_runtime.logs import OnChange
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import DeviceCondition

LISTED_READINGS = 5_000
_MOST_MINE = 2_000
_MOST_HELD = 10_000
_REFRESH_S = 1.0
_FORGET_EVERY_S = 600.0
_DAY_MS = 86_400_000
KIOSK_DEVICE = "kiosk"
"""The device of what people enter by hand."""


@dataclass(frozen=True)
class Surroundings:
    """What the kiosk needs of the gateway around it."""

    spool: SpoolThread
    clock: Clock
    trust: Callable[[], ClockTrust]
    up: Callable[[], bool]
    """Connected to the broker."""
    appended: Callable[[str, int], None]
    """The spool holds readings of this stream up to this number: send them."""
    fault: Callable[[], str | None]
    """Why nothing can be stored now; None while all is well."""


class Kiosk:
    """Belongs to the event loop; its store to the spool's thread."""

    def __init__(
        self, settings: KioskSettings, data_dir: Path, devices: Mapping[str, str | None], around: Surroundings
    ) -> None:
        """`devices`: every device of the gateway, and the resident it is assigned to."""
        self.settings = settings
        self._at_kiosk = _at_kiosk(settings, devices)
        self._around = around
        self._resident_ids = re.compile(settings.resident_ids)
        self._cards = Cards(settings.cards, self._resident_ids)
        self.sessions = Sessions(settings.limits)
        self._live = LiveBoard(sorted(self._at_kiosk), around.clock())
        self._memory = Memory(data_dir / "kiosk.sqlite", around.clock)
        self._mine: deque[tuple[str, int]] = deque(maxlen=_MOST_MINE)
        """Stream and number of what was measured in this session."""
        self._backlog: Backlog | None = None
        """As last counted; None before the first count."""
        self._uncounted, self._uncounted_mine = 0, 0
        """Appended since the last count."""
        self._asked_s = 0.0
        self._log = structlog.get_logger("kiosk")
        self._changed = OnChange()

    # -- from the gateway -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the memory, conclude what a crash interrupted. The spool is open."""
        await self._around.spool.use(self._memory.open)

    async def close(self) -> None:
        """The spool is still open."""
        await self._around.spool.use(lambda _spool: self._memory.close())

    def configure(self, devices: Mapping[str, str | None]) -> None:
        """From now on these devices and assignments."""
        self._at_kiosk = _at_kiosk(self.settings, devices)
        self._live.configure(sorted(self._at_kiosk))

    def heard(self, device: str, measurement: Measurement, t_ms: int) -> None:
        """A measurement came, whatever becomes of it."""
        if measurement.kind == "device_status":
            self._live.condition(device, DeviceCondition(str(measurement.values["condition"])))
            return
        now_ms = self._around.clock()
        if now_ms - t_ms <= FRESH_MS and self._live.measured(device, measurement, t_ms):
            self.sessions.measured(t_ms, now_ms)

    def nothing(self, device: str, reason: NotClinicalReason) -> None:
        """A frame came that measures nobody."""
        self._live.nothing(device, reason, self._around.clock())

    def resident_of(self, device: str, assigned: str | None, t_ms: int | None) -> str | None:
        """For whom a reading counts: a home device's resident, else whoever was checked in at its time.

        None, too, where its time is not known by the kiosk's own clock.
        """
        if assigned is not None or device not in self._at_kiosk or t_ms is None:
            return assigned
        return self.sessions.resident_at(t_ms, self._around.clock())

    def append(self, spool: Spool, drafts: Sequence[Draft], not_stored: Mapping[int, int]) -> None:
        """On the spool's thread: append, and remember what can be attributed. Raises what the spool raises."""
        self._memory.append(spool, drafts, not_stored=not_stored)

    # -- from the page --------------------------------------------------------------------------------

    def check_in(self, text: str) -> Known | Refusal:
        """Begin a session for whoever this card, code or id stands for. The text is kept nowhere."""
        who = identify(text, self._cards.table(), self._resident_ids)
        if isinstance(who, Known):
            self.sessions.check_in(who.resident, self._around.clock())
            self._live.begin()
            self._take_news()
            self._mine.clear()
            self._uncounted_mine = 0
            if self._backlog is not None:
                self._backlog = replace(self._backlog, mine=0, mine_waiting=0)
            self._log.info("kiosk.checked_in", resident=who.resident)
        else:
            self._log.info("kiosk.check_in_refused", reason=who.value)
        return who

    def who(self, text: str) -> Known | Refusal:
        """Whom a text stands for, without checking in."""
        return identify(text, self._cards.table(), self._resident_ids)

    def check_out(self) -> bool:
        """End the session by hand."""
        return self.sessions.check_out(self._around.clock())

    def stay(self) -> bool:
        """The session goes on."""
        return self.sessions.stay(self._around.clock())

    def state(self) -> dict[str, Any]:
        """What the page shows; cheap enough for several times a second."""
        self._asked_s = asyncio.get_running_loop().time()
        now_ms = self._around.clock()
        return snapshot(
            now_ms=now_ms,
            session=self.sessions.current(now_ms),
            ended=self.sessions.last_ended(),
            limits=self.settings.limits,
            live=self._live.view(now_ms),
            backlog=self._delivery(),
            altitude_m=self.settings.altitude_m,
        )

    def _delivery(self) -> Backlog:
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

    async def recent(self) -> list[Episode]:
        """What was measured lately, in episodes, the newest first."""
        kept = await self._around.spool.use(lambda spool: self._memory.newest(spool, LISTED_READINGS))
        return episodes((one, numbers_of(one.kind, json.loads(one.body))) for one in kept)

    async def attribute(self, episode: Episode, resident: str | None) -> Attributed:
        """Make an episode count for `resident`. Raises Retryable where the disk refuses."""

        outcome, highest = await self._around.spool.use(
            lambda spool: (self._memory.attribute(spool, episode, resident), _highest(spool))
        )
        if outcome.corrected:
            self._around.appended(*highest)
            self._log.info("kiosk.attributed", readings=outcome.corrected, resident=resident)
        await self.refresh()
        return outcome

    async def report_site(self, values: dict[str, object], key: str) -> bool:
        """Enter the clinic's status, once per `key`. Raises NotInContract, Retryable."""
        measurement = Measurement("site_status", values, once_keys=(f"site:{key}",))
        draft = to_reading(
            measurement,
            device=KIOSK_DEVICE,
            resident=None,
            t_ms=self._around.clock(),
            clock=self._around.trust(),
        )
        seqs, highest = await self._around.spool.use(
            lambda spool: (append_each(spool, [draft]), _highest(spool))
        )
        self._around.appended(*highest)
        return seqs[0] is not None

    # -- keeping up -----------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Keep the numbers of the page fresh while somebody looks, and the store small. Until cancelled."""
        loop = asyncio.get_running_loop()
        forget_s = 0.0
        while True:
            if loop.time() >= forget_s:
                before_ms = self._around.clock() - self.settings.keep_days * _DAY_MS
                await self._guarded(
                    partial(self._memory.forget, before_ms=before_ms, most=self.settings.keep_readings)
                )
                forget_s = loop.time() + _FORGET_EVERY_S
            if loop.time() - self._asked_s < 5 * _REFRESH_S:
                await self.refresh()
            await asyncio.sleep(_REFRESH_S)

    async def refresh(self) -> None:
        """Count anew what the page shows of delivery."""
        self._take_news()
        mine, uncounted, uncounted_mine = list(self._mine), self._uncounted, self._uncounted_mine

        def count(spool: Spool) -> Backlog:
            return Backlog(
                waiting=spool.pending(),
                mine_waiting=_waiting(spool, mine),
                unattributed=self._memory.unattributed(spool),
            )

        counted = await self._guarded(count)
        if counted is not None and mine == list(self._mine)[: len(mine)]:
            self._backlog = counted
            self._uncounted -= uncounted
            self._uncounted_mine -= uncounted_mine

    def _take_news(self) -> None:
        session = self.sessions.current(self._around.clock())
        while self._memory.news:
            stream, fresh = self._memory.news.popleft()
            self._uncounted += 1
            if session and fresh.resident == session.resident and fresh.t_ms >= session.began_ms:
                self._mine.append((stream, fresh.seq))
                self._uncounted_mine += 1

    async def _guarded(self, work: Callable[[Spool], Any]) -> Any:
        """The page's own needs never end the gateway: a failing disk is logged, once, and shown."""
        try:
            result = await self._around.spool.use(work)
        except Retryable as error:
            if self._changed("store", str(error)):
                self._log.error("kiosk.not_counted", why=str(error))
            return None
        self._changed.clear("store")
        return result


def _at_kiosk(settings: KioskSettings, devices: Mapping[str, str | None]) -> set[str]:
    """The devices that stand at the kiosk: those that the settings name, else all that are nobody's own."""
    return {
        id_
        for id_, resident in devices.items()
        if resident is None and (not settings.devices or id_ in settings.devices)
    }


def _highest(spool: Spool) -> tuple[str, int]:
    return spool.stream, spool.measured()


def _waiting(spool: Spool, mine: Sequence[tuple[str, int]]) -> int:
    """How many of these some consumer still owes a receipt for. Another stream's count as waiting."""
    own = [seq for stream, seq in mine if stream == spool.stream]
    if not own:
        return len(mine)
    held = {one.seq for one in spool.held(min(own) - 1, max(own), _MOST_HELD)}
    return len(mine) - len(own) + len(held.intersection(own))
