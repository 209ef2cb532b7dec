"""Oximeters that do not speak the Pulse Oximeter Service, from their bytes to a reading."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cunmai_sim import codec_vendor as codec
from cunmai_sim.scenario import Sample
from cunmai_sim.sensors import cuff
from cunmai_sim.vendor_oximeters import BERRY, CONTEC, PC60, YUWELL, Make, VendorOximeter
from support.radio_bench import RadioBench, listed

MAKES = [("yuwell", YUWELL), ("contec", CONTEC), ("berry", BERRY), ("pc60", PC60)]


def _nothing(_sample: Sample) -> bytes:
    return b""


# Devices whose frames a test gives as they were published or captured (tests/vectors/formats.json).
JUMPER = Make(
    "JPD-500F",
    "F0:0D:00:00:05:00",
    "CDEACB80-5235-4C07-8846-93A37EE6B86D",
    "CDEACB81-5235-4C07-8846-93A37EE6B86D",
    _nothing,
)
NONIN = Make(
    "Nonin323",
    "F0:0D:00:00:32:30",
    "46A970E0-0D5F-11E2-8B5E-0002A5D5C51B",
    "0AAD7EA0-0D60-11E2-8E3C-0002A5D5C51B",
    _nothing,
)
TAIDOC = Make(
    "TD8255",
    "F0:0D:00:00:82:55",
    "00001523-1212-EFDE-1523-785FEABCD123",
    "00001524-1212-EFDE-1523-785FEABCD123",
    _nothing,
    write="00001524-1212-EFDE-1523-785FEABCD123",
    answers={bytes.fromhex("514900000000a33d"): bytes.fromhex("514960000048a5e7")},
)
O2RING = Make(
    "O2Ring 1",
    "F0:0D:00:00:02:91",
    "14839AC4-7D7E-415C-9A42-167340CF2339",
    "0734594A-A8E7-4B1A-A6B1-CD5243059A57",
    _nothing,
    write="8B00ACE7-EB0B-49B0-BBE9-9AEE0A26E1A3",
    answers={
        bytes.fromhex("aa1be40000000066"): bytes.fromhex("5500ff00000f0060480055000a0100000003003233345d")
    },
)
OLD_O2RING = replace(
    O2RING,
    answers={bytes.fromhex("aa17e8000000001b"): bytes.fromhex("5500ff00000d005f460000000000500002080100a7")},
)


@pytest.mark.parametrize(
    ("driver", "make", "frame", "value"),
    [
        ("jumper", JUMPER, "81386344", (99, 56)),
        ("nonin", NONIN, "0a141c012c0005610048", (97, 72)),
        ("berry", BERRY, "ffaa07085e5d4b4ca000151430102700005a32c6", (94, 75)),
    ],
    ids=["jumper", "nonin", "berry V1.5"],
)
async def test_published_frames_become_readings(
    bench: RadioBench, driver: str, make: Make, frame: str, value: tuple[int, int]
) -> None:
    oximeter = await connected(bench, driver, make)
    await oximeter.send_raw(bytes.fromhex(frame))
    await bench.until(lambda: values(bench), "the reading")
    assert values(bench) == [value]


@pytest.mark.parametrize(
    ("driver", "make", "spo2_pct", "pulse_bpm"),
    [("taidoc", TAIDOC, 96, None), ("o2ring", O2RING, 96, 72), ("o2ring", OLD_O2RING, 95, 70)],
    ids=["taidoc", "o2ring", "o2ring with older firmware"],
)
async def test_a_device_that_must_be_asked_is_asked(
    bench: RadioBench, driver: str, make: Make, spo2_pct: float, pulse_bpm: float | None
) -> None:
    oximeter = VendorOximeter(bench.air, make)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", driver))
    await bench.until(lambda: len(bench.readings("oximetry")) >= 2, "an answer, and the next", 30)
    first = bench.readings("oximetry")[0]
    assert (first["spo2_pct"], first.get("pulse_bpm")) == (spo2_pct, pulse_bpm)
    assert bench.tally("oxi-1").malformed == 0


async def test_a_beurer_cuff_is_understood_by_its_own_driver_and_refused_by_the_standard_one(
    bench: RadioBench,
) -> None:
    quirk = cuff(bench.air, name="BM85")
    standard = cuff(bench.air, name="SIM-BP", address="F0:0D:00:00:18:11")
    for device in (quirk, standard):
        await device.start()
    that_day_ms = 1_786_500_000_000  # 2026-08-12T02:00Z, the day after the captured frame
    await bench.start(
        listed(quirk, "bm85", "beurer-bm85"),
        listed(standard, "bp", "blood-pressure"),
        clock=lambda: that_day_ms,
    )
    frame = bytes.fromhex("56760050000000ea07080b141b00003c000004")
    for device in (quirk, standard):
        await device.until_subscribed(device.measurement)
        await device.send(frame)
    await bench.until(lambda: bench.tally("bp").malformed == 1, "refused")
    await bench.until(lambda: bench.readings("blood_pressure"), "understood")
    (reading,) = bench.readings("blood_pressure")
    assert (reading["device"], reading["systolic_mmhg"], reading["pulse_bpm"]) == ("bm85", 118, 60)


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
