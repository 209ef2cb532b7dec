"""What people enter by hand: once, for whoever is checked in, and nothing that nobody looked at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cunmai_gateway.kiosk.entering import EntryFault, assessment, respiration
from cunmai_gateway.kiosk.episodes import Episode
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.spool_thread import SpoolUnavailable
from cunmai_wire.readings import Consciousness, FollowUpMethod, ReportStatus
from support.kiosk import Bench, counted_for

EXAM: dict[str, object] = {
    "study_uid": "2.25.1",
    "series_uid": "2.25.2",
    "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1",
    "content_crc32": 1,
    "body_part": "ABDOMEN",
}


def observe(
    bench: Bench, measurement: Measurement | EntryFault, key: str, began_ms: int | None = None
) -> Any:
    assert isinstance(measurement, Measurement)
    if began_ms is None:
        began_ms = bench.call(bench.kiosk.state)["session"]["began_ms"]
    return bench.run(bench.kiosk.entries.observe(measurement, key=key, began_ms=began_ms))


def exam(bench: Bench, study: str, sop: str) -> None:
    measurement = Measurement("ultrasound_exam", EXAM | {"study_uid": study, "sop_instance_uid": sop})
    bench.measure(measurement, "bp-1")
    bench.now_ms += 1000


def own(reading: dict[str, Any]) -> dict[str, Any]:
    common = ("seq", "t", "clock", "device", "resident", "kind", "quality")
    return {name: value for name, value in reading.items() if name not in common}


@pytest.mark.parametrize(
    ("rate", "fault"),
    [(0, True), (1, False), (120, False), (121, True), (17.5, True), (-3, True), (1e300, True)],
)
def test_the_range_of_a_breath_count(rate: float, fault: bool) -> None:
    outcome = respiration(rate)
    if fault:
        assert outcome is EntryFault.BAD_RATE
    else:
        assert isinstance(outcome, Measurement)
        assert outcome.values == {"respiratory_rate_per_min": float(rate)}


@pytest.mark.parametrize(
    ("on_oxygen", "flow", "outcome"),
    [
        (True, 0.0, EntryFault.BAD_FLOW),
        (True, 60.0, {"on_oxygen": True, "oxygen_flow_l_min": 60.0}),
        (True, 60.5, EntryFault.BAD_FLOW),
        (False, 2.0, EntryFault.FLOW_WITHOUT_OXYGEN),
        (None, 2.0, EntryFault.FLOW_WITHOUT_OXYGEN),
        (False, None, {"on_oxygen": False}),
        (None, None, EntryFault.NOTHING_ENTERED),
    ],
)
def test_what_was_not_looked_at_is_absent(
    on_oxygen: bool | None, flow: float | None, outcome: object
) -> None:
    seen = assessment(None, on_oxygen, flow, None)
    assert (seen.values if isinstance(seen, Measurement) else seen) == outcome


def test_each_entry_is_one_reading_of_whoever_is_checked_in(bench: Bench) -> None:
    bench.check_in("R-7F3K")
    assert observe(bench, respiration(18), "11111111") is True
    assert observe(bench, assessment(Consciousness.CONFUSED, True, 2.0, None), "22222222") is True
    assert observe(bench, Measurement("follow_up", {"method": FollowUpMethod.HOME}), "33333333") is True
    readings = bench.readings()
    assert [(one["resident"], one["device"], one["t"], one["quality"]) for one in readings] == [
        ("R-7F3K", "kiosk", bench.now_ms, [])
    ] * 3
    assert [(one["kind"], own(one)) for one in readings] == [
        ("respiration", {"respiratory_rate_per_min": 18.0}),
        ("assessment", {"consciousness": "C", "on_oxygen": True, "oxygen_flow_l_min": 2.0}),
        ("follow_up", {"method": "home"}),
    ]
    assert bench.sent[-1] == (bench.stream, 3)
    state = bench.state()
    assert [one["kind"] for one in state["entered"]] == ["respiration", "assessment", "follow_up"]
    assert state["mine"]["kept"] == 3


def test_a_second_press_and_a_lost_answer_change_nothing(bench: Bench) -> None:
    bench.check_in("R-7F3K")
    began_ms = bench.state()["session"]["began_ms"]

    async def twice() -> list[Any]:
        measurement = respiration(18)
        assert isinstance(measurement, Measurement)
        both = (bench.kiosk.entries.observe(measurement, key="11111111", began_ms=began_ms) for _ in range(2))
        return await asyncio.gather(*both)

    assert sorted(bench.run(twice())) == [False, True]
    bench.close()
    bench.open()
    assert observe(bench, respiration(18), "11111111", began_ms) is False, (
        "after a restart, nobody checked in"
    )
    assert len(bench.readings()) == 1


def test_nobody_and_somebody_else_are_told_apart(bench: Bench) -> None:
    assert observe(bench, respiration(18), "11111111", 1) is EntryFault.CHECK_IN_FIRST
    bench.check_in("R-1")
    began_ms = bench.state()["session"]["began_ms"]
    bench.now_ms += 1000
    bench.check_in("R-2")
    assert observe(bench, respiration(18), "11111111", began_ms) is EntryFault.SOMEBODY_ELSE
    assert bench.readings() == []
    assert bench.state()["entered"] == []


def test_an_entry_keeps_the_visit_going_and_the_next_visit_begins_empty(bench: Bench) -> None:
    bench.check_in("R-1")
    began_ms = bench.state()["session"]["began_ms"]
    bench.now_ms += bench.settings.idle_s * 1000 - 1
    observe(bench, respiration(18), "11111111", began_ms)
    bench.now_ms += 2
    assert bench.state()["session"]["began_ms"] == began_ms
    bench.check_in("R-2")
    assert bench.state()["entered"] == []


def test_a_disk_that_takes_nothing_is_said_and_the_entry_can_be_made_again(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.use(lambda spool: spool._db.execute("PRAGMA query_only = 1"))
    with pytest.raises(SpoolUnavailable):
        observe(bench, respiration(18), "11111111")
    assert bench.state()["entered"] == []
    bench.use(lambda spool: spool._db.execute("PRAGMA query_only = 0"))
    assert observe(bench, respiration(18), "11111111") is True
    assert len(bench.readings()) == 1


def test_entries_are_put_right_like_other_readings_each_by_itself(bench: Bench) -> None:
    bench.check_in("R-1")
    observe(bench, respiration(81), "11111111")
    bench.now_ms += 5_000
    observe(bench, respiration(18), "22222222")
    observe(bench, assessment(Consciousness.ALERT, None, None, False), "33333333")
    right, wrong = (one for one in bench.run(bench.kiosk.recent()) if one.kind == "respiration")
    assert (right.spans, wrong.spans) == (
        {"respiratory_rate_per_min": (18.0, 18.0)},
        {"respiratory_rate_per_min": (81.0, 81.0)},
    )
    bench.run(bench.kiosk.attribute(wrong, None))
    (seen,) = (one for one in bench.run(bench.kiosk.recent()) if one.kind == "assessment")
    assert seen.words == {"consciousness": "A", "febrile_or_crying": False}
    bench.run(bench.kiosk.attribute(seen, "R-2"))
    assert list(counted_for(bench.readings()).values()) == [None, "R-1", "R-2"]
    assert bench.readings()[-1]["consciousness"] == "A"


def test_what_was_entered_for_nobody_is_counted_one_by_one(bench: Bench) -> None:
    bench.check_in("R-1")
    for key in ("11111111", "22222222"):
        observe(bench, respiration(18), key)
    for one in bench.run(bench.kiosk.recent()):
        bench.run(bench.kiosk.attribute(one, None))
    assert bench.state()["unattributed"] == 2 == len(bench.run(bench.kiosk.recent()))


def test_a_report_belongs_to_its_exam(bench: Bench) -> None:
    bench.check_in("R-7F3K")
    for study, sop in (("2.25.1", "2.25.10"), ("2.25.1", "2.25.11"), ("2.25.2", "2.25.20")):
        exam(bench, study, sop)
    bench.call(bench.kiosk.check_out)
    exam(bench, "2.25.3", "2.25.30")
    listed = bench.run(bench.kiosk.entries.exams())
    assert [(one.study_uid, one.images, one.resident, one.report) for one in listed] == [
        ("2.25.3", 1, None, None), ("2.25.2", 1, "R-7F3K", None), ("2.25.1", 2, "R-7F3K", None),
    ]  # fmt: skip

    def report(study: str, status: ReportStatus, key: str) -> Any:
        return bench.run(bench.kiosk.entries.report(study, status, key=key))

    assert report("2.25.1", ReportStatus.PRELIMINARY, "11111111") is True
    assert report("2.25.1", ReportStatus.PRELIMINARY, "11111111") is False
    bench.now_ms += 1
    assert report("2.25.1", ReportStatus.FINAL, "22222222") is True
    assert report("2.25.3", ReportStatus.FINAL, "33333333") is True
    assert report("2.25.9", ReportStatus.FINAL, "44444444") is EntryFault.NO_SUCH_EXAM
    made = [one for one in bench.readings() if one["kind"] == "ultrasound_report"]
    assert [(one.get("resident"), one["device"], own(one)) for one in made] == [
        ("R-7F3K", "bp-1", {"study_uid": "2.25.1", "status": "preliminary"}),
        ("R-7F3K", "bp-1", {"study_uid": "2.25.1", "status": "final"}),
        (None, "bp-1", {"study_uid": "2.25.3", "status": "final"}),
    ]
    listed = bench.run(bench.kiosk.entries.exams())
    assert [(one.study_uid, one.report) for one in listed] == [
        ("2.25.3", "final"), ("2.25.2", None), ("2.25.1", "final"),
    ]  # fmt: skip


def test_a_report_counts_for_whom_the_exam_counts_now(bench: Bench) -> None:
    exam(bench, "2.25.1", "2.25.10")
    (found,) = bench.run(bench.kiosk.recent())
    assert isinstance(found, Episode)
    bench.run(bench.kiosk.attribute(found, "R-2"))
    bench.run(bench.kiosk.entries.report("2.25.1", ReportStatus.FINAL, key="11111111"))
    assert bench.readings()[-1]["resident"] == "R-2"
