"""Oximeters that do not speak the Pulse Oximeter Service, from their bytes to a reading."""

from __future__ import annotations

import asyncio

import pytest

from cunmai_sim import codec_vendor as codec
from cunmai_sim.scenario import Sample
from cunmai_sim.vendor_oximeters import BERRY, CONTEC, PC60, YUWELL, Make, VendorOximeter
from support.radio_bench import RadioBench, listed

MAKES = [("yuwell", YUWELL), ("contec", CONTEC), ("berry", BERRY), ("pc60", PC60)]


async def connected(bench: RadioBench, driver: str, make: Make) -> VendorOximeter:
    oximeter = VendorOximeter(bench.air, make)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", driver, resident="R-1"))
    async with asyncio.timeout(20):
        await oximeter.until_sending()
    return oximeter


def values(bench: RadioBench) -> list[tuple[float, float]]:
    return [(reading["spo2_pct"], reading["pulse_bpm"]) for reading in bench.readings("oximetry")]


@pytest.mark.parametrize(("driver", "make"), MAKES, ids=[driver for driver, _ in MAKES])
async def test_a_sample_becomes_a_reading_and_an_empty_clip_none(
    bench: RadioBench, driver: str, make: Make
) -> None:
    oximeter = await connected(bench, driver, make)
    assert await oximeter.send(Sample(0, None, None, None, finger=False))
    assert await oximeter.send(Sample(1, 93, 104, 2.1))
    await bench.until(lambda: values(bench), "the reading")
    assert values(bench) == [(93, 104)]
    (reading,) = bench.readings("oximetry")
    assert (reading["mode"], reading["resident"], reading["quality"]) == ("continuous", "R-1", [])
    assert bench.tally("oxi-1").not_clinical.total() == 1
    assert bench.tally("oxi-1").malformed == 0


@pytest.mark.parametrize(
    ("driver", "make"), [each for each in MAKES if each[0] != "berry"], ids=["yuwell", "contec", "pc60"]
)
async def test_frames_are_found_in_merged_split_and_spoilt_notifications(
    bench: RadioBench, driver: str, make: Make
) -> None:
    oximeter = await connected(bench, driver, make)
    first, second, third = (make.frame(Sample(n, 90 + n, 70 + n, 2.0)) for n in range(3))
    spoilt = second[:-1] + bytes([second[-1] ^ 0x01])
    await oximeter.send_raw(first + second[:4], second[4:])
    await oximeter.send_raw(b"\x00\x13" + spoilt)
    await oximeter.send_raw(third)
    await bench.until(lambda: len(values(bench)) == 3, "three readings")
    assert values(bench) == [(90, 70), (91, 71), (92, 72)]
    assert bench.tally("oxi-1").malformed >= 1


async def test_the_other_sum_of_the_ffe0_makers_is_taken_too(bench: RadioBench) -> None:
    oximeter = await connected(bench, "yuwell", YUWELL)
    await oximeter.send_raw(codec.yuwell_wave(40))
    await oximeter.send_raw(codec.yuwell_frame(Sample(1, 99, 79, 5.311), sum_with_header=False))
    await bench.until(lambda: values(bench), "the reading")
    assert values(bench) == [(99, 79)]
    assert bench.tally("oxi-1").not_clinical.total() == 0


async def test_a_contec_is_started(bench: RadioBench) -> None:
    oximeter = await connected(bench, "contec", CONTEC)
    assert oximeter.written[0] == bytes.fromhex("9b011c")


async def test_a_berry_of_a_hundred_frames_a_second_gives_one_reading_a_second(bench: RadioBench) -> None:
    oximeter = await connected(bench, "berry", BERRY)
    frame = codec.berry_bci_frame(Sample(0, 96, 71, None))
    for _ in range(30):
        await oximeter.send_raw(frame * 4)
    await bench.until(lambda: values(bench), "the reading")
    await bench.stop()
    assert values(bench) == [(96, 71)]


async def test_what_another_maker_sends_over_the_same_characteristic_is_refused(bench: RadioBench) -> None:
    """FFE0 and FFE4 are shared by makers whose frames have nothing in common."""
    oximeter = await connected(bench, "yuwell", YUWELL)
    for _ in range(40):  # twelve bytes each: more than a driver puts up with
        await oximeter.send_raw(bytes.fromhex("aa550f08016140005100c05b"))
    await bench.until(lambda: "fault" in bench.conditions("oxi-1"), "it is told")
    assert values(bench) == []
    fault = next(r for r in bench.readings("device_status") if r["condition"] == "fault")
    assert "not what this driver understands" in fault["reason"]
