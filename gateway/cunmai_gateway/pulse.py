"""The gateway's own pulse: vitals taken every few seconds, and the watchdog fed with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cunmai_gateway.notify import notify, watchdog_period_s
from cunmai_gateway.recorder import Recorder
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_gateway.stated import Stated
from cunmai_gateway.vitals import Vitals, VitalsCollector


class Pulse:
    """The watchdog is fed only here: where the loop or the spool's thread is stuck, it starves."""

    def __init__(
        self, spool: SpoolThread, recorder: Recorder, stated: Stated, vitals: VitalsCollector
    ) -> None:
        self._spool = spool
        self._recorder = recorder
        self._stated = stated
        self._vitals = vitals

    async def run(self, up: Callable[[], bool]) -> None:
        """Until cancelled. `up`: connected to the broker."""
        notify("READY=1")
        while True:
            try:
                self._vitals.newest = self._taken(up(), *await self._spool.use(_figures))
                status = self._vitals.newest.status()
            except SpoolUnavailable as error:  # to be told; starting us again would not mend a disk
                status = str(error)
            notify("WATCHDOG=1", f"STATUS={status}")
            await asyncio.sleep(watchdog_period_s())

    def _taken(self, up: bool, pending: int, lost_total: int, spool_bytes: int) -> Vitals:
        return Vitals(
            gateway=self._stated.identity.gateway,
            stream=self._stated.stream,
            measured=self._stated.measured,
            pending=pending,
            waiting=self._recorder.waiting,
            not_kept=self._recorder.not_kept,
            lost_total=lost_total,
            spool_bytes=spool_bytes,
            up=up,
            clock=self._stated.watch.trust(),
            clock_jumps=self._stated.watch.jumps,
            configuration_version=self._stated.configuration_version,
            fault=self._recorder.fault,
            warning=self._stated.warning,
        )


def _figures(spool: Spool) -> tuple[int, int, int]:
    return spool.pending(), spool.lost_total(), spool.bounds.used_bytes()
