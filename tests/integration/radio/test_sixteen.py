"""Sixteen oximeters at once: no reading lost. The long form, and its cost, is bench/sixteen_oximeters.py."""

from __future__ import annotations

import asyncio
import os

from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from support.radio_bench import RadioBench, listed

OXIMETERS = 16
SECONDS = int(os.environ.get("CUNMAI_TEST_SIXTEEN_S", "60"))
"""Simulated seconds; 600 for the full ten minutes."""


def sample(number: int) -> Sample:
    """Values that no other of 6000 frames has: SpO2 81 to 100, pulse 40 to 339."""
    return Sample(number, 81 + number % 20, 40 + number // 20, 1.5)


async def test_sixteen_oximeters_at_once_lose_nothing(bench: RadioBench) -> None:
    ward = [
        Oximeter(bench.air, address=f"F0:0D:00:16:00:{index:02X}", name=f"SIM-{index:02d}")
        for index in range(OXIMETERS)
    ]
    for oximeter in ward:
        await oximeter.start()
    await bench.start(*(listed(oximeter, oximeter.name, "plx") for oximeter in ward))
    async with asyncio.timeout(120):
        for oximeter in ward:
            await oximeter.until_subscribed(oximeter.continuous, oximeter.spot_check)
    for second in range(SECONDS):
        for oximeter in ward:
            assert await oximeter.send_continuous(sample(second))
        await asyncio.sleep(0)
    await bench.until(
        lambda: sum(bench.tally(oximeter.name).readings for oximeter in ward) >= OXIMETERS * (SECONDS + 1),
        "every frame and every connection",
        120,
    )
    await bench.stop()

    readings = bench.readings()
    assert [reading["seq"] for reading in readings] == list(range(1, len(readings) + 1))
    sent = [(each.spo2_pct, each.pulse_bpm) for each in map(sample, range(SECONDS))]
    for oximeter in ward:
        came = [(r["spo2_pct"], r["pulse_bpm"]) for r in bench.readings("oximetry", oximeter.name)]
        assert came == sent, oximeter.name
        assert bench.conditions(oximeter.name) == ["connected"]
