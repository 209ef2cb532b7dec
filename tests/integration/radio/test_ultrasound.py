"""Ultrasound exams over the air: whole after every fault, resumed rather than begun anew, each once."""

from __future__ import annotations

import zlib
from dataclasses import asdict, replace
from datetime import UTC, datetime

from cunmai_sim.exam import LinkFigures, Patient, encode_exam, make_exam
from cunmai_sim.sensors import thermometer
from cunmai_sim.ultrasound import Faults, Ultrasound
from support.radio_bench import RadioBench, listed

MADE_AT = datetime(2026, 3, 4, 7, 6, 7, tzinfo=UTC)


def uids(bench: RadioBench) -> list[str]:
    return [reading["sop_instance_uid"] for reading in bench.readings("ultrasound_exam")]


async def test_an_exam_with_its_link_figures_and_without_its_patient(bench: RadioBench) -> None:
    link = LinkFigures(uplink_mbps=86.4, round_trip_ms=23.5, rsrp_dbm=-91.0)
    machine = Ultrasound(
        bench.air, exams=[make_exam(1, MADE_AT, link=link), make_exam(2, MADE_AT, link=None)]
    )
    await machine.start()
    await bench.start(listed(machine, "us-1", "ultrasound"))
    await bench.until(lambda: len(uids(bench)) == 2, "both exams")
    first, second = bench.readings("ultrasound_exam")
    assert {name: first[name] for name in asdict(link)} == asdict(link)
    assert not asdict(link).keys() & second.keys()
    assert first["exam_t"] == int(MADE_AT.timestamp() * 1000)
    await bench.until(lambda: machine.delivered_ids == [1, 2], "both are told to be delivered")
    told = str(bench.readings())
    assert not [value for value in asdict(Patient()).values() if len(value) > 1 and value in told]


async def test_a_lost_link_is_resumed_at_the_last_good_byte(bench: RadioBench) -> None:
    exam = make_exam(3, MADE_AT, images=200)
    half = len(exam.content) // 2
    machine = Ultrasound(bench.air, exams=[exam], faults=Faults(lose_radio_after_bytes=half))
    await machine.start()
    await bench.start(listed(machine, "us-1", "ultrasound"))
    await bench.until(lambda: uids(bench), "the exam", 30)
    assert machine.connections_count == 2
    assert machine.counts.starts == 2
    # What was in flight when the link went is sent again, and not the half that had come. How much was in
    # flight is the radio's matter: a few hundred bytes over Bumble, up to 1.5 kB over BlueZ.
    assert machine.counts.payload_bytes < len(exam.content) + half * 0.8
    assert bench.readings("ultrasound_exam")[0]["content_crc32"] == zlib.crc32(exam.content)


async def test_drops_bit_flips_and_stale_packets(bench: RadioBench) -> None:
    exam = make_exam(4, MADE_AT, images=600)
    faults = Faults(drop_rate=0.03, flip_rate=0.03, stale_packets=3, seed=5)
    machine = Ultrasound(bench.air, exams=[exam], faults=faults)
    await machine.start()
    await bench.start(listed(machine, "us-1", "ultrasound"))
    await bench.until(lambda: uids(bench), "the exam", 60)
    assert machine.counts.packets_dropped
    assert machine.counts.packets_flipped
    assert bench.readings("ultrasound_exam")[0]["content_crc32"] == zlib.crc32(exam.content)


async def test_a_copy_is_one_reading_and_a_reissue_another(bench: RadioBench) -> None:
    exam = make_exam(5, MADE_AT)
    machine = Ultrasound(bench.air, exams=[exam, exam])  # two ids, one content
    await machine.start()
    await bench.start(listed(machine, "us-1", "ultrasound"))
    await bench.until(lambda: machine.delivered_ids == [1, 2], "both were fetched")
    reissued = encode_exam(exam.dataset, replace(LinkFigures(), uplink_mbps=1.0))
    machine.add_exam(reissued)
    machine.lose_radio()
    await bench.until(lambda: 3 in machine.delivered_ids, "the re-issue was fetched")
    await bench.stop()
    crcs = [reading["content_crc32"] for reading in bench.readings("ultrasound_exam")]
    assert crcs == [exam.crc32, reissued.crc32]
    assert len(set(uids(bench))) == 1


async def test_an_exam_that_cannot_be_read_is_left_and_the_next_is_taken(bench: RadioBench) -> None:
    machine = Ultrasound(bench.air)
    machine.shelf.add(b"not a zlib stream")
    machine.add_exam(make_exam(6, MADE_AT))
    await machine.start()
    await bench.start(listed(machine, "us-1", "ultrasound"))
    await bench.until(lambda: uids(bench), "the good one")
    assert bench.tally("us-1").malformed == 1


async def test_what_is_no_ultrasound_machine_is_told(bench: RadioBench) -> None:
    device = thermometer(bench.air)
    await device.start()
    await bench.start(listed(device, "us-1", "ultrasound"))
    await bench.until(lambda: "fault" in bench.conditions("us-1"), "the fault")
