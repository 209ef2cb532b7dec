"""The kiosk between the radio and the page: who is checked in, what is live, what can be put right."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from cunmai_gateway.kiosk.around import Surroundings
from cunmai_gateway.kiosk.attribution import Attributed
from cunmai_gateway.kiosk.cards import Cards
from cunmai_gateway.kiosk.entries import KIOSK_DEVICE, Entries
from cunmai_gateway.kiosk.episodes import Episode, episodes, numbers_of
from cunmai_gateway.kiosk.identify import Known, Refusal, identify
from cunmai_gateway.kiosk.live import FRESH_MS, LiveBoard
from cunmai_gateway.kiosk.memory import Memory
from cunmai_gateway.kiosk.prompts import Prompts, Told
from cunmai_gateway.kiosk.sessions import Sessions
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.kiosk.snapshot import snapshot
from cunmai_gateway.kiosk.standing import Standing
from cunmai_gateway.measurement import Measurement, NotClinicalReason
from cunmai_gateway.readings import Draft
from cunmai_gateway.spool import Spool
from cunmai_wire.commands import Prompt
from cunmai_wire.readings import DeviceCondition, OximetryMode

LISTED_READINGS = 5_000
_REFRESH_S = 1.0
_FORGET_EVERY_S = 600.0
_DAY_MS = 86_400_000


class Kiosk:
    """Belongs to the event loop; its store to the spool's thread."""

    def __init__(
        self, settings: KioskSettings, data_dir: Path, devices: Mapping[str, str | None], around: Surroundings
    ) -> None:
        """`devices`: every device of the gateway, and the resident it is assigned to."""
        self.settings = settings
        self._devices = devices
        self._at_kiosk = _at_kiosk(settings, devices)
        self._around = around
        self._resident_ids = re.compile(settings.resident_ids)
        self._cards = Cards(settings.cards, self._resident_ids)
        self.sessions = Sessions(settings.limits)
        self._live = LiveBoard(sorted(self._at_kiosk), around.clock())
        self._memory = Memory(data_dir / "kiosk.sqlite", around.clock)
        self._standing = Standing(self._memory, self.sessions, around)
        self._prompts = Prompts()
        self.entries = Entries(self._memory, self.sessions, around, self._entered)
        self._asked_s = 0.0
        self._log = structlog.get_logger("kiosk")

    # -- from the gateway -----------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the memory, conclude what a crash interrupted. The spool is open."""
        await self._around.spool.use(self._memory.open)

    async def close(self) -> None:
        """The spool is still open."""
        await self._around.spool.use(lambda _spool: self._memory.close())

    def configure(self, devices: Mapping[str, str | None]) -> None:
        """From now on these devices and assignments."""
        self._devices = devices
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
            resident = self.resident_of(device, self._devices.get(device), t_ms)
            series = measurement.values.get("mode") == OximetryMode.CONTINUOUS
            self._prompts.measured(device, measurement.kind, resident, t_ms, series=series)

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

    def prompt(self, prompt: Prompt) -> Told:
        """The rules ask whoever stands here for something."""
        told = self._prompts.take(prompt, self._around.clock())
        self._log.info("kiosk.prompt", id=prompt.id, rule=prompt.rule, outcome=told.value)
        return told

    def _entered(self, kind: str, resident: str | None, t_ms: int) -> None:
        self._prompts.measured(KIOSK_DEVICE, kind, resident, t_ms, series=False)

    def forget_stream(self, spool: Spool, stream: str) -> None:
        """On the spool's thread: the numbers of this stream name other readings, so none can be corrected."""
        self._memory.forget_stream(spool, stream)

    # -- from the page --------------------------------------------------------------------------------

    def check_in(self, text: str) -> Known | Refusal:
        """Begin a session for whoever this card, code or id stands for. The text is kept nowhere."""
        who = identify(text, self._cards.table(), self._resident_ids)
        if isinstance(who, Known):
            self.sessions.check_in(who.resident, self._around.clock())
            self._live.begin()
            self._standing.begin()
            self.entries.begin()
            self._prompts.checked_in()
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

    def dismiss(self, prompt_id: str) -> bool:
        """Somebody has read a prompt. False where it was over."""
        return self._prompts.dismiss(prompt_id)

    def state(self) -> dict[str, Any]:
        """What the page shows; cheap enough for several times a second."""
        self._asked_s = asyncio.get_running_loop().time()
        now_ms = self._around.clock()
        session = self.sessions.current(now_ms)
        shown = self._prompts.view(session.resident if session else None, now_ms)
        return snapshot(
            now_ms=now_ms,
            session=session,
            ended=self.sessions.last_ended(),
            limits=self.settings.limits,
            live=self._live.view(now_ms),
            backlog=self._standing.now(),
            altitude_m=self.settings.altitude_m,
        ) | {
            "prompts": [one.as_json() for one in shown],
            "entered": self.entries.listed() if session else [],
        }

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

    # -- keeping up -----------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Keep the numbers of the page fresh while somebody looks, and the store small. Until cancelled."""
        loop = asyncio.get_running_loop()
        forget_s = 0.0
        while True:
            if loop.time() >= forget_s:
                before_ms = self._around.clock() - self.settings.keep_days * _DAY_MS
                await self._standing.guarded(
                    partial(self._memory.forget, before_ms=before_ms, most=self.settings.keep_readings)
                )
                forget_s = loop.time() + _FORGET_EVERY_S
            if loop.time() - self._asked_s < 5 * _REFRESH_S:
                await self.refresh()
            await asyncio.sleep(_REFRESH_S)

    async def refresh(self) -> None:
        """Count anew what the page shows of delivery."""
        await self._standing.refresh()


def _at_kiosk(settings: KioskSettings, devices: Mapping[str, str | None]) -> set[str]:
    """The devices that stand at the kiosk: those that the settings name, else all that are nobody's own."""
    return {
        id_
        for id_, resident in devices.items()
        if resident is None and (not settings.devices or id_ in settings.devices)
    }


def _highest(spool: Spool) -> tuple[str, int]:
    return spool.stream, spool.measured()
