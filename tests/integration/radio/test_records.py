"""Stored records: each once, whatever happens to the radio or to the gateway in the middle."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from cunmai_sim.codec_health import Glucose
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from cunmai_sim.sensors import GlucoseMeter
from support.radio_bench import RadioBench, listed

CHINA = timezone(timedelta(hours=8))
NOW = datetime.now(CHINA).replace(microsecond=0)
LOCAL = NOW.replace(tzinfo=None)


def storing(bench: RadioBench, count: int) -> Oximeter:
    oximeter = Oximeter(bench.air, storing=True)
    for number in range(count):
        oximeter.store(
            Sample(0, 80 + number % 20, 60 + number, None), LOCAL - timedelta(hours=count - number)
        )
    return oximeter


def spo2(bench: RadioBench) -> list[float]:
    return [reading["spo2_pct"] for reading in bench.readings("oximetry")]


async def test_stored_spot_checks_are_fetched_at_each_connection_and_count_once(bench: RadioBench) -> None:
    oximeter = storing(bench, 5)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"))
    await bench.until(lambda: len(spo2(bench)) == 5, "the stored records")
    first = bench.readings("oximetry")[0]
    assert first["t"] == int((NOW - timedelta(hours=5)).timestamp() * 1000)
    assert (first["mode"], first["quality"], first["clock"]) == ("spot", ["from_storage"], "unknown")

    await oximeter.vanish()
    oximeter.store(Sample(0, 99, 99, None), LOCAL - timedelta(minutes=30))
    await oximeter.appear()
    await bench.until(lambda: 99 in spo2(bench), "what was measured while it was away")
    assert spo2(bench) == [80, 81, 82, 83, 84, 99]
    assert len(oximeter.access.store.requests) == 2


async def test_a_link_that_drops_in_the_middle_costs_and_doubles_nothing(bench: RadioBench) -> None:
    oximeter = storing(bench, 20)
    oximeter.access.lose_radio_after_records = 7
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"))
    await bench.until(lambda: len(oximeter.access.store.requests) == 2, "a second transfer")
    await bench.until(lambda: oximeter.access.records_sent == 27, "the second transfer is whole")
    await bench.until(lambda: len(spo2(bench)) >= 20, "all records")
    await bench.stop()
    assert spo2(bench) == [80 + number % 20 for number in range(20)]


async def test_a_gateway_that_restarts_in_the_middle_costs_and_doubles_nothing(bench: RadioBench) -> None:
    oximeter = storing(bench, 200)
    device = listed(oximeter, "oxi-1", "plx")
    await oximeter.start()
    await bench.start(device)
    await bench.until(lambda: oximeter.access.records_sent >= 5, "some records")
    await bench.stop()
    assert len(spo2(bench)) < 200, "the restart came too late to test anything"
    await bench.start(device)
    await bench.until(lambda: len(spo2(bench)) >= 200, "all records")
    await bench.stop()
    await bench.start(device)
    await bench.until(lambda: len(oximeter.access.store.requests) == 3, "a third transfer")
    await bench.until(lambda: oximeter.access.records_sent >= 405, "the third transfer is whole")
    await bench.stop()
    assert spo2(bench) == [80 + number % 20 for number in range(200)]


async def test_records_without_a_date_count_once_each_even_where_they_look_alike(bench: RadioBench) -> None:
    oximeter = Oximeter(bench.air, storing=True)
    for spo2_pct in (97, 97, 95):
        oximeter.store(Sample(0, spo2_pct, 70, None), None)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"))
    await bench.until(lambda: len(spo2(bench)) == 3, "all three")
    oximeter.lose_radio()
    await bench.until(lambda: oximeter.access.records_sent == 6, "they were sent again")
    await bench.stop()
    assert spo2(bench) == [97, 97, 95]
    assert {tuple(r["quality"]) for r in bench.readings("oximetry")} == {
        ("device_clock_not_set", "from_storage")
    }
    assert {r["clock"] for r in bench.readings("oximetry")} == {"untrusted"}


async def test_a_live_spot_check_that_is_stored_too_counts_once(bench: RadioBench) -> None:
    oximeter = storing(bench, 0)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"))
    await oximeter.until_subscribed(oximeter.spot_check, oximeter.access.characteristic)
    await bench.until(lambda: oximeter.access.store.requests, "asked, and told that there is none")
    at = datetime.now(CHINA).replace(tzinfo=None, microsecond=0)
    await oximeter.send_spot(Sample(0, 96, 71, None), timestamp=at)
    oximeter.store(Sample(0, 96, 71, None), at)
    oximeter.store(Sample(0, 91, 80, None), at - timedelta(hours=1))
    oximeter.lose_radio()
    await bench.until(lambda: 91 in spo2(bench), "the other record")
    assert sorted(spo2(bench)) == [91, 96]


# -- glucose ----------------------------------------------------------------------------------------


def glucose(bench: RadioBench) -> list[tuple[float, str | None]]:
    return [(reading["glucose_mmol_l"], reading.get("meal")) for reading in bench.readings("glucose")]


def seqs(*numbers: int) -> list[bytes]:
    return [bytes([1, 3, 1]) + number.to_bytes(2, "little") for number in numbers]


async def test_a_context_is_joined_to_its_measurement(bench: RadioBench) -> None:
    meter = GlucoseMeter(bench.air)
    meter.measure(5.4, LOCAL - timedelta(hours=3), meal=3)
    meter.measure(7.8, LOCAL - timedelta(hours=2))
    meter.measure(6.1, LOCAL - timedelta(hours=1), meal=2)
    await meter.start()
    await bench.start(listed(meter, "glu-1", "glucose"))
    await bench.until(lambda: len(glucose(bench)) == 3, "three records")
    assert [round(value, 3) for value, _ in glucose(bench)] == [5.4, 7.8, 6.1]
    assert [meal for _, meal in glucose(bench)] == ["fasting", None, "after_meal"]


async def test_after_a_reconnect_only_what_is_new_is_asked_for(bench: RadioBench) -> None:
    meter = GlucoseMeter(bench.air)
    for hours in (5, 4, 3):
        meter.measure(5 + hours / 10, LOCAL - timedelta(hours=hours))
    await meter.start()
    await bench.start(listed(meter, "glu-1", "glucose"))
    await bench.until(lambda: len(glucose(bench)) == 3, "the stored records")
    await meter.vanish()
    meter.measure(9.9, LOCAL)
    await meter.appear()
    await bench.until(lambda: len(glucose(bench)) == 4, "the new record")
    assert meter.access.store.requests == [b"\x01\x01", *seqs(3)]
    assert meter.access.records_sent == 5


async def test_a_meter_that_was_reset_is_read_from_the_beginning(bench: RadioBench) -> None:
    meter = GlucoseMeter(bench.air)
    for hours in (5, 4, 3):
        meter.measure(5 + hours / 10, LOCAL - timedelta(hours=hours))
    await meter.start()
    await bench.start(listed(meter, "glu-1", "glucose"))
    await bench.until(lambda: len(glucose(bench)) == 3, "the stored records")
    await meter.vanish()
    meter.access.store.records.clear()
    for number in (1, 2, 3, 4):  # counts anew, and past where it was
        meter.store(Glucose(number, LOCAL - timedelta(minutes=10 - number), 8 + number / 10))
    await meter.appear()
    await bench.until(lambda: len(glucose(bench)) == 7, "the four records after the reset")
    assert meter.access.store.requests == [b"\x01\x01", *seqs(3), b"\x01\x01"]


async def test_a_drop_between_a_record_and_its_context_does_not_lose_the_context(bench: RadioBench) -> None:
    meter = GlucoseMeter(bench.air)
    for hours in (4, 3, 2):
        meter.measure(5 + hours / 10, LOCAL - timedelta(hours=hours), meal=1)
    meter.access.lose_radio_after_records = 2
    await meter.start()
    await bench.start(listed(meter, "glu-1", "glucose"))
    await bench.until(lambda: len(glucose(bench)) == 3, "all records")
    assert [meal for _, meal in glucose(bench)] == ["before_meal"] * 3
