"""A kiosk without a radio: measurements are put in by hand, the clock moves by hand, the spool is real."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from cunmai_gateway.kiosk.around import Surroundings
from cunmai_gateway.kiosk.kiosk import Kiosk
from cunmai_gateway.kiosk.server import serve
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.measurement import Measurement, NotClinicalReason
from cunmai_gateway.readings import Draft, to_reading
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolThread
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import OximetryMode
from support.servers import free_port, listening, wait_until

T = TypeVar("T")

NOW_MS = 1_790_000_000_000
CONSUMERS = ("ingest", "rules")


def oximetry(spo2_pct: float, *quality: str, mode: str = "continuous") -> Measurement:
    """One frame of an oximeter."""
    values = {"mode": OximetryMode(mode), "spo2_pct": spo2_pct, "pulse_bpm": 72.0, "perfusion_index_pct": 3.0}
    return Measurement("oximetry", values, quality)


class Bench:
    """The kiosk and its surroundings on an event loop of their own thread."""

    def __init__(
        self, folder: Path, *, assigned: dict[str, str | None] | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        self.assigned: dict[str, str | None] = {"oxi-1": None} if assigned is None else assigned
        self.settings = KioskSettings(**({"port": free_port(), "altitude_m": 40} | settings))
        self.now_ms = NOW_MS
        self.up = True
        self.fault: str | None = None
        self.sent: list[tuple[str, int]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._tasks: list[asyncio.Task[None]] = []
        self.open()

    # -- life -----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start, as after a power cut: everything that is not on the disk is forgotten."""
        self.spool = SpoolThread(lambda: Spool(self.folder / "spool.sqlite", created_ms=self.now_ms))
        around = Surroundings(
            self.spool,
            lambda: self.now_ms,
            trust=lambda: ClockTrust.TRUSTED,
            up=lambda: self.up,
            appended=lambda stream, seq: self.sent.append((stream, seq)),
            fault=lambda: self.fault,
        )
        self.stream = self.run(self.spool.open())
        self.kiosk = self.call(lambda: Kiosk(self.settings, self.folder, self.assigned, around))
        self.run(self.kiosk.open())

    def close(self) -> None:
        for task in self._tasks:
            self.call(task.cancel)
            self.run(_ended(task))
        self._tasks.clear()
        self.run(self.kiosk.close())
        self.run(self.spool.close())

    def end(self) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def serve(self) -> str:
        """Serve the page; its address."""
        self._tasks = [self.call(lambda: self._loop.create_task(self.kiosk.watch())),
                       self.call(lambda: self._loop.create_task(serve(self.kiosk)))]  # fmt: skip
        wait_until(lambda: listening(self.settings.port), what="the kiosk's page is up")
        return f"http://127.0.0.1:{self.settings.port}"

    # -- the loop -------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the kiosk's loop and wait."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def call(self, work: Callable[[], T]) -> T:
        """Call in the kiosk's loop and wait."""

        async def called() -> T:
            return work()

        return self.run(called())

    def use(self, work: Callable[[Spool], T]) -> T:
        """Use the spool on its thread."""
        return self.run(self.spool.use(work))

    # -- what happens ---------------------------------------------------------------------------------

    def connected(self, device: str = "oxi-1", condition: str = "connected") -> None:
        values: dict[str, object] = {"condition": condition, "reason": condition}
        self.call(lambda: self.kiosk.heard(device, Measurement("device_status", values), self.now_ms))

    def draft(self, measurement: Measurement, device: str = "oxi-1", t_ms: int | None = None) -> Draft:
        at_ms = self.now_ms if t_ms is None else t_ms
        resident = self.call(lambda: self.kiosk.resident_of(device, self.assigned[device], at_ms))
        return to_reading(measurement, device=device, resident=resident, t_ms=at_ms, clock=ClockTrust.TRUSTED)

    def measure(self, measurement: Measurement, device: str = "oxi-1", t_ms: int | None = None) -> None:
        """One measurement, heard and stored, as the gateway does it."""
        at_ms = self.now_ms if t_ms is None else t_ms
        self.call(lambda: self.kiosk.heard(device, measurement, at_ms))
        if self.fault is None:
            draft = self.draft(measurement, device, at_ms)
            self.use(lambda spool: self.kiosk.append(spool, [draft], {}))

    def series(self, *spo2_pcts: float, device: str = "oxi-1", every_ms: int = 1000) -> None:
        """Frames of an oximeter, one a second."""
        for spo2_pct in spo2_pcts:
            self.measure(oximetry(spo2_pct), device)
            self.now_ms += every_ms

    def finger_off(self, device: str = "oxi-1") -> None:
        self.call(lambda: self.kiosk.nothing(device, NotClinicalReason.NO_VALUE))

    def check_in(self, text: str) -> Any:
        return self.call(lambda: self.kiosk.check_in(text))

    def state(self) -> dict[str, Any]:
        """The snapshot, its numbers counted now."""
        self.run(self.kiosk.refresh())
        return self.call(self.kiosk.state)

    def receipt_all(self) -> None:
        """Both consumers hold everything."""
        for consumer in CONSUMERS:
            self.use(lambda spool, name=consumer: spool.receipt(name, [(1, spool.measured())]))  # type: ignore[misc]

    def readings(self) -> list[dict[str, Any]]:
        """What is in the spool, with its numbers."""
        held = self.use(lambda spool: spool.held(0, 2**53 - 1, 10**6))
        return [json.loads(reading.json()) for reading in held]


async def _ended(task: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.contextmanager
def kiosk_bench(folder: Path, **settings: Any) -> Iterator[Bench]:
    """A bench that is ended."""
    bench = Bench(folder, **settings)
    try:
        yield bench
    finally:
        bench.end()


def counted_for(readings: list[dict[str, Any]]) -> dict[tuple[int, int], str | None]:
    """What a consumer makes of readings: for whom each measurement counts, by its time and first number.

    A reading that another one corrects counts no more; each correction must name whom it took it from.
    """
    by_seq = {reading["seq"]: reading for reading in readings}
    origin: dict[int, int] = {}
    counts: dict[int, str | None] = {}
    for seq in sorted(by_seq):
        reading = by_seq[seq]
        corrects = reading.get("corrects")
        if corrects is None:
            origin[seq] = seq
        else:
            earlier = corrects["seq"]
            assert earlier in counts, f"{seq} corrects {earlier}, which counts no more or never came"
            assert counts.pop(earlier) == corrects.get("resident"), "it names whom it is taken from"
            assert earlier < seq
            origin[seq] = origin[earlier]
            for name in ("t", "device", "kind", "spo2_pct", "quality"):
                assert by_seq[earlier].get(name) == reading.get(name), name
        counts[seq] = reading.get("resident")
    heads = {origin[seq]: resident for seq, resident in counts.items()}
    assert len(heads) == len(counts), "each measurement counts once"
    return {(by_seq[seq]["t"], seq): heads[seq] for seq in sorted(heads)}
