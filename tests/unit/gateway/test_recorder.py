"""From what was heard to the disk: a disk that takes nothing for a while, or for too long."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cunmai_gateway.devices import Heard
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.readings import Draft, to_reading
from cunmai_gateway.recorder import Recorder
from cunmai_gateway.settings import DeviceSettings
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_damage import open_spool, replace_damaged
from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import OximetryMode

DEVICE = DeviceSettings(id="oxi-1", driver="plx", address="F0:0D:00:00:18:22")
DAY_1_MS = 1_789_948_800_000
"""2026-09-21T00:00:00Z."""


def heard(number: int) -> Heard:
    values = {"mode": OximetryMode.SPOT, "spo2_pct": 97.0, "pulse_bpm": 72.0}
    return Heard(DEVICE, Measurement("oximetry", values), DAY_1_MS + number)


def make_draft(one: Heard, trust: ClockTrust) -> Draft:
    return to_reading(one.measurement, device=DEVICE.id, resident=None, t_ms=one.t_ms, clock=trust)


class Bench:
    """A recorder on a real spool, and what it said."""

    def __init__(self, path: Path, most_waiting: int) -> None:
        self.path = path
        self.spool = SpoolThread(
            lambda: open_spool(path, created_ms=1),
            replace_damaged=lambda fault: replace_damaged(path, fault, now_ms=DAY_1_MS),
        )
        self.told: list[tuple[str, int]] = []
        self.live: list[int] = []
        self.recorder = Recorder(
            self.spool,
            make_draft,
            lambda stream, seq: self.told.append((stream, seq)),
            most_waiting=most_waiting,
            retry_s=0.02,
        )
        self.recorder.listeners.append(lambda one: self.live.append(one.t_ms - DAY_1_MS))
        self.running: asyncio.Task[None] | None = None

    def hear(self, *numbers: int) -> list[bool]:
        return [self.recorder.hear(heard(number), ClockTrust.TRUSTED) for number in numbers]

    async def full(self) -> None:
        """From now on SQLite says that the disk is full. Needs a page to be full already."""
        await self.spool.use(lambda spool: spool._db.execute("PRAGMA max_page_count = 1"))

    async def room(self) -> None:
        await self.spool.use(lambda spool: spool._db.execute("PRAGMA max_page_count = 100000"))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)

    async def stored(self) -> list[int]:
        """The numbers that the readings on the disk were heard with."""

        def t_of(spool: Spool) -> list[int]:
            return [t - DAY_1_MS for (t,) in spool._db.execute("SELECT t_ms FROM reading ORDER BY seq")]

        return await self.spool.use(t_of)

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.running


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "spool.sqlite", most_waiting=300)
    await bench.spool.open()
    bench.running = asyncio.create_task(bench.recorder.run())
    yield bench
    await bench.stop()
    await bench.spool.close()


async def test_all_that_is_heard_is_stored_in_order_and_told(bench: Bench) -> None:
    assert all(bench.hear(*range(100)))
    await bench.until(lambda: bench.recorder.stored == 100)
    assert await bench.stored() == list(range(100))
    assert bench.told[-1][1] == 100


async def test_while_the_disk_is_full_listeners_hear_and_nothing_is_lost(bench: Bench) -> None:
    bench.hear(*range(20))
    await bench.until(lambda: bench.recorder.stored == 20)
    await bench.full()
    bench.hear(*range(20, 120))
    await bench.until(lambda: bench.recorder.fault)
    assert "磁盘已满" in str(bench.recorder.fault)
    assert bench.live == list(range(120))
    assert bench.recorder.waiting == 100
    await bench.room()
    await bench.until(lambda: bench.recorder.stored == 120)
    assert await bench.stored() == list(range(120))
    assert bench.recorder.fault is None
    assert bench.recorder.not_kept == 0


async def test_what_found_no_room_is_counted_on_the_disk_when_it_works_again(bench: Bench) -> None:
    bench.hear(*range(20))
    await bench.until(lambda: bench.recorder.stored == 20)
    await bench.full()
    bench.hear(*range(20, 70))
    await bench.until(lambda: bench.recorder.fault)  # 50 are in hand; 300 more fit
    taken = bench.hear(*range(70, 390))
    assert taken == [True] * 300 + [False] * 20
    assert bench.live == list(range(390))
    await bench.room()
    await bench.until(lambda: bench.recorder.stored == 370)
    await bench.until(lambda: not bench.recorder.waiting)
    assert await bench.stored() == list(range(370))
    counted = await bench.spool.use(lambda spool: spool.losses())
    assert [(loss.day, loss.reason, loss.count) for loss in counted] == [("2026-09-21", "not_stored", 20)]


async def test_stopped_in_the_middle_of_a_commit_nothing_is_stored_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "spool.sqlite", most_waiting=3000)
    await bench.spool.open()
    begun, go_on = threading.Event(), threading.Event()

    def slow(spool: Spool) -> None:
        append = spool.append

        def stalled(*args: object, **kwargs: object) -> list[int]:
            begun.set()
            assert go_on.wait(10)
            return append(*args, **kwargs)  # type: ignore[arg-type]

        spool.append = stalled  # type: ignore[method-assign]

    await bench.spool.use(slow)
    bench.running = asyncio.create_task(bench.recorder.run())
    bench.hear(*range(1000))
    assert await asyncio.to_thread(begun.wait, 10)
    await bench.stop()
    go_on.set()
    await bench.recorder.finish()
    assert await bench.stored() == list(range(1000)), "all 1000, though a group is 256"
    await bench.spool.close()


async def test_stopping_while_the_disk_is_full_ends(bench: Bench) -> None:
    bench.hear(*range(20))
    await bench.until(lambda: bench.recorder.stored == 20)
    await bench.full()
    bench.hear(*range(20, 30))
    await bench.until(lambda: bench.recorder.fault)
    await bench.stop()
    await bench.recorder.finish()
    assert bench.recorder.waiting == 10
    assert await bench.stored() == list(range(20))


async def test_a_read_only_disk_is_said_in_a_sentence(bench: Bench) -> None:
    await bench.spool.use(lambda spool: spool._db.execute("PRAGMA query_only = 1"))
    with pytest.raises(SpoolUnavailable, match=r"数据目录只读.*mounted read-only"):
        await bench.spool.use(lambda spool: spool.obeyed("c"))


async def test_damage_found_while_running_costs_no_new_reading(bench: Bench) -> None:
    """The file is overwritten under the running gateway: what is heard from then on is stored, once."""
    bench.hear(*range(200))
    await bench.until(lambda: bench.recorder.stored == 200)
    before = bench.told[-1][0]

    def spoil(spool: Spool) -> None:
        spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spool._db.execute("PRAGMA cache_size = 0")
        pages = bench.path.stat().st_size // 4096
        with bench.path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * 4096 * (pages - 1))
        spool._db.execute("PRAGMA shrink_memory")

    await bench.spool.use(spoil)
    bench.hear(*range(200, 210))
    await bench.until(lambda: bench.recorder.stored == 210)
    stream, highest = bench.told[-1]
    assert stream != before
    assert highest == 10
    assert await bench.stored() == list(range(200, 210))
