"""The standard health services, from a device's frame to a reading on the spool."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from cunmai_sim import codec_health as codec
from cunmai_sim.common_services import DeviceClock
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from cunmai_sim.sensors import Sensor, cuff, heart_rate_belt, scale, thermometer
from cunmai_wire.base import ClockTrust
from support.radio_bench import RadioBench, listed

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 2, 8, 0, 0, tzinfo=CHINA)
NOW_MS = int(NOW.timestamp() * 1000)
LOCAL = NOW.replace(tzinfo=None)


def clock() -> int:
    return NOW_MS


@pytest.mark.parametrize(
    ("driver", "make", "frame", "expected"),
    [
        (
            "blood-pressure",
            cuff,
            codec.encode_blood_pressure(
                codec.BloodPressure(142, 91, 108, pulse_bpm=77, status=codec.CuffStatus.IRREGULAR_PULSE)
            ),
            {
                "kind": "blood_pressure",
                "systolic_mmhg": 142,
                "diastolic_mmhg": 91,
                "mean_arterial_mmhg": 108,
                "pulse_bpm": 77,
                "quality": ["irregular_pulse"],
            },
        ),
        (
            "thermometer",
            thermometer,
            codec.encode_temperature(codec.Temperature(38.4)),
            {"kind": "temperature", "temperature_c": 38.4, "quality": []},
        ),
        (
            "heart-rate",
            heart_rate_belt,
            codec.encode_heart_rate(81, contact=True),
            {"kind": "heart_rate", "heart_rate_bpm": 81, "quality": []},
        ),
        (
            "weight",
            scale,
            codec.encode_weight(codec.Weight(61.5)),
            {"kind": "weight", "weight_kg": 61.5, "quality": []},
        ),
    ],
    ids=["blood-pressure", "thermometer", "heart-rate", "weight"],
)
async def test_a_measurement_becomes_one_reading(
    bench: RadioBench,
    driver: str,
    make: Callable[..., Sensor],
    frame: bytes,
    expected: dict[str, Any],
) -> None:
    sensor = make(bench.air)
    await sensor.start()
    await bench.start(listed(sensor, "d-1", driver, resident="R-1"), clock=clock)
    await sensor.until_subscribed(sensor.measurement)
    assert await sensor.send(frame)
    await bench.until(lambda: bench.readings(expected["kind"]), "the reading")
    (reading,) = bench.readings(expected["kind"])
    common = {"device": "d-1", "resident": "R-1", "t": NOW_MS, "clock": "trusted"}
    assert {name: reading[name] for name in (*common, *expected)} == common | expected


async def test_the_connection_tells_who_the_device_is_and_sets_its_clock(bench: RadioBench) -> None:
    device = cuff(bench.air, clock=DeviceClock(LOCAL - timedelta(seconds=75)))
    await device.start()
    await bench.start(listed(device, "bp-1", "blood-pressure"), clock=clock)
    await device.until_subscribed(device.measurement)
    await bench.until(lambda: bench.readings("device_status"), "the status")
    (status,) = bench.readings("device_status")
    assert status["condition"] == "connected"
    told = ("battery_pct", "manufacturer", "model", "firmware", "clock_offset_s")
    assert [status[name] for name in told] == [87, "Cunmai", "SIM-BP", "1.4.2", -75.0]
    assert -128 <= status["rssi_dbm"] <= 20
    assert device.clock.written == [LOCAL]


@pytest.mark.parametrize(
    ("shows", "trust"),
    [(LOCAL, ClockTrust.TRUSTED), (LOCAL - timedelta(days=1), ClockTrust.UNTRUSTED)],
    ids=["right already", "ours is not to be believed"],
)
async def test_a_clock_is_left_alone(bench: RadioBench, shows: datetime, trust: ClockTrust) -> None:
    device = cuff(bench.air, clock=DeviceClock(shows))
    await device.start()
    await bench.start(listed(device, "bp-1", "blood-pressure"), clock=clock, trust=trust)
    await device.until_subscribed(device.measurement)
    assert device.clock.written == []


async def test_what_a_cuff_kept_bears_its_own_time_and_counts_once(bench: RadioBench) -> None:
    device = cuff(bench.air, clock=DeviceClock(LOCAL + timedelta(minutes=5)))
    await device.start()
    await bench.start(listed(device, "bp-1", "blood-pressure"), clock=clock)
    yesterday = LOCAL - timedelta(hours=20) + timedelta(minutes=5)  # by a clock that is five minutes ahead
    frame = codec.encode_blood_pressure(codec.BloodPressure(150, 95, 113, yesterday))
    old = codec.encode_blood_pressure(codec.BloodPressure(111, 66, 81, LOCAL - timedelta(days=200)))
    await device.until_subscribed(device.measurement)
    for each in (frame, old, frame):
        await device.send(each)
    await device.send(codec.encode_blood_pressure(codec.BloodPressure(120, 80, 93)))
    await bench.until(lambda: len(bench.readings("blood_pressure")) >= 2, "both readings")
    stored, live = bench.readings("blood_pressure")
    assert (stored["systolic_mmhg"], stored["t"]) == (150, NOW_MS - 20 * 3_600_000)
    assert stored["quality"] == ["from_storage"]
    assert (live["systolic_mmhg"], live["t"], live["quality"]) == (120, NOW_MS, [])
    assert dict(bench.tally("bp-1").not_clinical) == {"too_old": 1}


async def test_an_oximeter_that_rubbish_comes_from_disturbs_no_other(bench: RadioBench) -> None:
    good = Oximeter(bench.air)
    bad = Oximeter(bench.air, address="F0:0D:00:00:18:99", name="SIM-BAD")
    await good.start()
    await bad.start()
    await bench.start(listed(good, "good", "plx"), listed(bad, "bad", "plx"))
    await good.until_subscribed(good.continuous)
    await bad.until_subscribed(bad.continuous)
    for number in range(200, 250):
        await bad.send_raw(bytes([number]) * 20)
        await good.send_continuous(Sample(number, 90 + number % 10, 70, 1.5))
    await bench.until(lambda: len(bench.readings("oximetry")) == 50, "every good reading")
    assert [reading["device"] for reading in bench.readings("oximetry")] == ["good"] * 50
    assert bench.conditions("good") == ["connected"]
    await bench.until(lambda: "fault" in bench.conditions("bad"), "the bad one is told to be at fault")
    assert bench.tally("bad").malformed >= 20


async def test_a_device_that_is_another_than_its_driver_says_is_told_and_left(bench: RadioBench) -> None:
    device = thermometer(bench.air)
    await device.start()
    await bench.start(listed(device, "bp-1", "blood-pressure"))
    await bench.until(lambda: "fault" in bench.conditions("bp-1"), "the fault")
    fault = next(r for r in bench.readings("device_status") if r["condition"] == "fault")
    assert "2A35" in fault["reason"]


def test_the_moment_used_here_is_in_the_clinics_zone() -> None:
    assert datetime.fromtimestamp(NOW_MS / 1000, UTC).hour == 0
