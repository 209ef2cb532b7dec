"""What a village does to a gateway: damaged files, full disks, clocks that jump; seen from the server.

The gateway is real but for its radio: measurements are put into its recorder. Broker and spool are real.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cunmai_gateway.devices import Heard
from cunmai_gateway.gateway import Gateway
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.radio import Radio
from cunmai_gateway.readings import Draft
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_gateway.spool import Spool
from cunmai_runtime.clock import system_clock
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import ClockTrust
from cunmai_wire.readings import OximetryMode
from support.broker import Mosquitto
from support.consumer_peer import ConsumerPeer

pytestmark = pytest.mark.server

GATEWAY = "cz-01"
DEVICE = DeviceSettings(id="oxi-1", driver="plx", address="F0:0D:00:00:18:22")
PAGE = 4096
YEAR_MS = 365 * 86_400_000


class Clinic:
    """A gateway whose wall clock the test sets, and both consumers."""

    def __init__(self, folder: Path, port: int, peer: ConsumerPeer) -> None:
        self.settings = GatewaySettings(gateway=GATEWAY, data_dir=folder, mqtt=MqttSettings(port=port))
        self.peer = peer
        self.ahead_ms = 0
        self.trust = ClockTrust.TRUSTED
        self.gateway: Gateway
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.gateway = Gateway(
            self.settings,
            Radio(),
            clock=lambda: max(0, system_clock() + self.ahead_ms),
            trust=lambda: self.trust,
            limits=LaneLimits(resend_after_s=0.5),
        )
        self._running = asyncio.create_task(self.gateway.run())
        await self.until(lambda: self.gateway.up, "the gateway is connected")

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def until(self, condition: Callable[[], object], what: str, *receipting: str) -> None:
        async with asyncio.timeout(40):
            while not condition():
                if self._running is not None and self._running.done():
                    self._running.result()
                await asyncio.to_thread(self.peer.collect)
                if receipting:
                    self.peer.receipt(GATEWAY, *receipting)
        assert condition(), what

    def measure(self, pulse_bpm: float) -> None:
        values = {"mode": OximetryMode.SPOT, "spo2_pct": 97.0, "pulse_bpm": pulse_bpm}
        t_ms = max(0, system_clock() + self.ahead_ms)
        self.gateway.recorder.hear(Heard(DEVICE, Measurement("oximetry", values), t_ms), self.trust)

    def arrived(self) -> dict[float, dict[str, Any]]:
        return {reading["pulse_bpm"]: reading for reading in self.peer.readings}

    async def pending(self) -> int:
        return await self.gateway.pending()


@pytest.fixture
async def clinic(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Clinic]:
    peer = ConsumerPeer(mosquitto.port)
    peer.start()
    clinic = Clinic(tmp_path / "gw", mosquitto.port, peer)
    await clinic.until(lambda: peer.up, "the consumers are subscribed")
    yield clinic
    await clinic.stop()
    await asyncio.to_thread(peer.stop)


def fill(path: Path, readings: int) -> str:
    """A spool with a backlog of readings of pulse 1, 2, 3 …; its stream."""
    body = (
        '{"t":%d,"clock":"trusted","device":"oxi-1","quality":[],"kind":"oximetry","mode":"spot",'
        '"spo2_pct":97.0,"pulse_bpm":%d.0}'
    )
    now_ms = system_clock()
    with closing(Spool(path, created_ms=now_ms)) as spool:
        spool.append(
            [Draft("oximetry", now_ms, (body % (now_ms, n)).encode()) for n in range(1, readings + 1)]
        )
        return spool.stream


def spoil_page_of(path: Path, needle: bytes) -> None:
    raw = path.read_bytes()
    page = raw.index(needle) // PAGE
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(bytes(PAGE))


async def test_what_is_salvaged_of_a_damaged_spool_arrives_under_its_own_numbers(clinic: Clinic) -> None:
    old = fill(clinic.settings.spool_path, 300)
    spoil_page_of(clinic.settings.spool_path, b'"pulse_bpm":150.0')
    await clinic.start()
    clinic.measure(301)
    await clinic.until(lambda: {1, 300, 301} <= clinic.arrived().keys(), "both ends and a new one came")
    by_stream: dict[str, dict[int, float]] = {}
    for envelope in clinic.peer.envelopes:
        for reading in envelope["readings"]:
            by_stream.setdefault(envelope["stream"], {})[reading["seq"]] = reading["pulse_bpm"]
    (new,) = by_stream.keys() - {old}
    assert by_stream[new] == {1: 301}
    assert all(seq == pulse for seq, pulse in by_stream[old].items())
    assert 250 < len(by_stream[old]) < 300
    state = clinic.peer.states[-1]
    assert (state["stream"], [(loss["stream"], loss["reason"]) for loss in state["losses"]]) == (
        new,
        [(old, "damaged")],
    )
    clinic.peer.receipt(GATEWAY, "ingest", "rules")
    async with asyncio.timeout(20):
        while await clinic.pending():
            await asyncio.to_thread(clinic.peer.collect)
            clinic.peer.receipt(GATEWAY, "ingest", "rules")


async def test_what_is_dropped_at_the_bound_is_told_in_the_state(clinic: Clinic) -> None:
    fill(clinic.settings.spool_path, 100)
    with closing(Spool(clinic.settings.spool_path, created_ms=1)) as spool:
        spool._db.execute(
            "INSERT INTO loss VALUES (?, '2026-09-21', 'dropped', 12), (?, '2026-09-20', 'unjudged', 3)",
            [spool.stream, spool.stream],
        )
    await clinic.start()
    await clinic.until(lambda: any("losses" in state for state in clinic.peer.states), "the losses are told")
    state = clinic.peer.states[-1]
    assert [(loss["day"], loss["reason"], loss["count"]) for loss in state["losses"]] == [
        ("2026-09-21", "dropped", 12),
        ("2026-09-20", "unjudged", 3),
    ]
    assert state["lost_total"] == 15


@pytest.mark.parametrize(("measured", "ended"), [(60 * YEAR_MS, 0), (-80 * YEAR_MS, 0), (0, 5 * YEAR_MS)])
async def test_a_clock_that_jumps_holds_nothing_up(clinic: Clinic, measured: int, ended: int) -> None:
    """Live sending, sending again and receipts go on: none of them waits by the wall clock."""
    await clinic.start()
    clinic.measure(1)
    await clinic.until(lambda: 1 in clinic.arrived(), "before the jump")
    clinic.ahead_ms, clinic.trust = measured, ClockTrust.UNTRUSTED
    clinic.measure(2)
    await clinic.until(lambda: 2 in clinic.arrived(), "after the jump")
    clinic.ahead_ms, clinic.trust = ended, ClockTrust.TRUSTED
    clinic.measure(3)
    await clinic.until(lambda: clinic.peer.seqs.count(3) >= 2, "sent again, because nobody receipted it")
    assert [clinic.arrived()[n]["clock"] for n in (1, 2, 3)] == ["trusted", "untrusted", "trusted"]
    assert abs(clinic.arrived()[2]["t"] - max(0, system_clock() + measured)) < 60_000
    async with asyncio.timeout(20):
        while await clinic.pending():
            await asyncio.to_thread(clinic.peer.collect)
            clinic.peer.receipt(GATEWAY, "ingest", "rules")


async def test_a_boot_in_1970_measures_and_sends_and_trusts_nothing(clinic: Clinic) -> None:
    clinic.ahead_ms = -system_clock() + 30_000
    await clinic.start()
    clinic.trust = clinic.gateway._watch.trust()
    clinic.measure(1)
    await clinic.until(lambda: 1 in clinic.arrived(), "it came")
    assert clinic.arrived()[1]["clock"] == "untrusted"
    assert clinic.peer.envelopes[-1]["clock"] == "untrusted"
    assert clinic.arrived()[1]["t"] < 600_000


async def test_a_full_disk_stops_neither_live_values_nor_what_was_stored_before(clinic: Clinic) -> None:
    live: list[float] = []
    await clinic.start()
    clinic.gateway.recorder.listeners.append(
        lambda heard: live.append(float(str(heard.measurement.values["pulse_bpm"])))
    )
    for n in range(1, 51):
        clinic.measure(n)
    await clinic.until(lambda: 50 in clinic.arrived(), "before")
    spool = clinic.gateway._spool
    await spool.use(lambda spool: spool._db.execute("PRAGMA max_page_count = 1"))
    for n in range(51, 201):
        clinic.measure(n)
    await clinic.until(lambda: clinic.gateway.recorder.fault, "the disk is full")
    assert live == [float(n) for n in range(1, 201)]
    await spool.use(lambda spool: spool._db.execute("PRAGMA max_page_count = 100000"))
    await clinic.until(lambda: 200 in clinic.arrived(), "after", "ingest", "rules")
    assert sorted(set(clinic.peer.seqs)) == list(range(1, 201))
