"""Late readings and corrections through the journal: judged in their place, and what no longer holds withdrawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from cunmai_rules.escalation.states import Status
from cunmai_rules.thresholds.loader import build_rules
from cunmai_rules.thresholds.state import rule_state, rule_states
from cunmai_wire.events import Answer
from cunmai_wire.topics import Channel, gateway_topic
from support.rules import OXIMETRY
from support.rules_bench import STREAM, Bench


def escalations(bench: Bench) -> list[tuple[str, str, str, str]]:
    """Subject, lane, status and why it was closed, oldest first."""
    return [
        (body["subject"], body["lane"], body["status"], body.get("closed_because") or "")
        for body in (
            json.loads(row[0]) for row in bench.rows("SELECT body FROM escalation ORDER BY opened_ms, id")
        )
    ]


def corrected(reading: dict[str, Any], seq: int, resident: str | None) -> dict[str, Any]:
    earlier = {"stream": STREAM, "seq": reading["seq"], "resident": reading["resident"]}
    return reading | {"seq": seq, "resident": resident, "corrects": earlier}


def all_corrected(readings: Sequence[dict[str, Any]], resident: str | None) -> list[dict[str, Any]]:
    return [corrected(reading, 100 + reading["seq"], resident) for reading in readings]


def grades(bench: Bench) -> list[tuple[str, str]]:
    events = [json.loads(body) for (body,) in bench.rows("SELECT body FROM event ORDER BY n")]
    return [(one["resident"], one["grade"]) for one in events if one["type"] == "grade_changed"]


def test_a_reading_that_comes_two_minutes_later_completes_its_spell(bench: Bench) -> None:
    start = bench.now_ms
    readings = [bench.reading(90, t=start + at_s * 1000) for at_s in (0, 16, 30)]
    readings[2]["spo2_pct"] = 94
    bench.now_ms += 120_000
    bench.deliver(readings[0], readings[2])
    assert escalations(bench) == []
    bench.deliver(readings[1])
    assert escalations(bench) == [("R-7F3K", "page", "open", "")]
    ((t_ms, seq),) = bench.rows("SELECT reading_t_ms, seq FROM finding")
    assert (t_ms, seq) == (start + 16_000, 2)


def test_a_page_that_comes_to_light_after_its_episode_goes_to_review(bench: Bench) -> None:
    start = bench.now_ms
    low = [bench.reading(90, t=start + at_s * 1000) for at_s in (0, 16)]
    normal = [bench.reading(97, t=start + at_s * 1000) for at_s in (20, 55)]
    bench.now_ms += 120_000
    bench.deliver(*normal)
    bench.deliver(*low)
    assert escalations(bench) == [("R-7F3K", "review", "open", "")]
    assert grades(bench) == [("R-7F3K", "green")]


def test_a_backlog_newest_first_ends_as_in_order(bench: Bench) -> None:
    start = bench.now_ms - 20 * 60_000
    readings = [bench.reading(90 if 30 <= n < 60 else 97, t=start + n * 1000) for n in range(120)]
    for reading in reversed(readings):
        bench.deliver(reading)
    backwards = bench.engine._judgements.memory("R-7F3K").rules
    assert [lane for _, lane, _, _ in escalations(bench)] == ["review"]
    ((about_ms,),) = bench.rows("SELECT reading_t_ms FROM finding")
    assert about_ms == start + 45_000  # the time of the alarm moved as the earlier readings came
    others = [reading | {"seq": 1000 + reading["seq"], "resident": "R-2"} for reading in readings]
    bench.deliver(*others)
    in_order = bench.engine._judgements.memory("R-2").rules
    assert {rule: state.phase for rule, state in rule_states(backwards).items()} == {"spo2-low": "clear"}
    assert backwards == in_order


def test_what_a_late_reading_disproves_is_withdrawn(bench: Bench) -> None:
    start = bench.now_ms
    bench.deliver(bench.reading(90, t=start))
    bench.now_ms += 15_000
    late = bench.reading(97, t=start + 7000)
    bench.deliver(bench.reading(90))
    assert escalations(bench) == [("R-7F3K", "page", "open", "")]
    bench.deliver(late)
    assert escalations(bench) == [("R-7F3K", "page", "closed", "withdrawn")]
    assert grades(bench)[-1] == ("R-7F3K", "grey")
    bench.notifier.send_due()
    assert bench.sink.taken == {}


def test_what_was_withdrawn_can_be_found_again(bench: Bench) -> None:
    """The normal reading in between was somebody else's."""
    start = bench.now_ms
    bench.deliver(bench.reading(90, t=start))
    bench.now_ms += 15_000
    between = bench.reading(97, t=start + 7000)
    bench.deliver(bench.reading(90))
    bench.deliver(between)
    bench.deliver(corrected(between, 10, "R-OTHER"))
    assert sorted(status for _, _, status, _ in escalations(bench)) == ["closed", "open"]


@pytest.mark.parametrize("at_a_time", [20, 7])
def test_a_correction_takes_the_page_from_the_wrong_resident_to_the_right_one(
    bench: Bench, at_a_time: int
) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident="R-WRONG") for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    assert escalations(bench) == [("R-WRONG", "page", "open", "")]
    bench.now_ms += 60_000
    corrections = all_corrected(readings, "R-RIGHT")
    for start in range(0, 20, at_a_time):
        bench.deliver(*corrections[start : start + at_a_time])
    assert sorted(escalations(bench)) == [
        ("R-RIGHT", "page", "open", ""),
        ("R-WRONG", "page", "closed", "withdrawn"),
    ]
    assert bench.history().count("reissued") == 1
    bench.passes(1)
    assert len(bench.told) == 1  # the first page was never sent, and is not
    assert grades(bench) == [("R-WRONG", "red"), ("R-WRONG", "grey"), ("R-RIGHT", "red")]
    assert bench.engine._judgements.memory("R-WRONG").rules.groups == {}
    assert bench.engine._judgements.around("R-WRONG", 0, 2**53) == []


def test_what_is_reissued_is_the_gravest_of_what_was_taken_back(bench: Bench) -> None:
    deep = OXIMETRY + (
        b"  - {id: spo2-yellow, title: {zh: t, en: t}, grade: yellow, lane: page, source: a test,\n"
        b"     when: {reads: oximetry.spo2_pct, unit: '%', below: 88}, clear: {at_or_above: 95}}\n"
        b"  - {id: a-deep, title: {zh: t, en: t}, grade: red, lane: page, source: a test,\n"
        b"     when: {reads: oximetry.spo2_pct, unit: '%', below: 85}, clear: {at_or_above: 95}}\n"
    )
    bench.engine.rules = build_rules([("oximetry.yaml", deep)])
    for number in range(4):  # whichever of the two comes first in the journal
        reading = bench.reading(80, resident=f"R-WRONG-{number}")
        bench.deliver(reading)
        bench.deliver(corrected(reading, 100 + reading["seq"], f"R-RIGHT-{number}"))
    grades = bench.rows("SELECT body FROM escalation WHERE subject LIKE 'R-RIGHT%' AND lane = 'page'")
    assert [json.loads(body)["grade"] for (body,) in grades] == ["red"] * 4


DEEP_OR_FAST = OXIMETRY.split(b"rules:")[0] + (
    b"rules:\n"
    b"  - {id: deep, title: {zh: t, en: t}, grade: red, lane: page, source: a test,\n"
    b"     when: {reads: oximetry.spo2_pct, unit: '%', below: 85}, clear: {at_or_above: 95}}\n"
    b"  - {id: fast, title: {zh: t, en: t}, grade: yellow, lane: page, source: a test,\n"
    b"     when: {reads: oximetry.pulse_bpm, unit: '/min', at_or_above: 140}, clear: {at_or_below: 130}}\n"
)


@pytest.mark.parametrize("seen", [False, True])
def test_a_red_that_is_corrected_to_a_resident_with_a_yellow_page_is_paged(bench: Bench, seen: bool) -> None:
    bench.engine.rules = build_rules([("oximetry.yaml", DEEP_OR_FAST)])
    bench.deliver(bench.reading(97, resident="R-RIGHT", pulse_bpm=150))
    bench.passes(1)
    ((yellow,),) = bench.rows("SELECT id FROM escalation")
    if seen:
        bench.desk.answer(yellow, "village", Answer.SEEN, bench.now_ms)
    bench.passes(60)
    wrong = bench.reading(80, resident="R-WRONG")
    bench.deliver(wrong)
    bench.passes(1)
    told = len(bench.told)
    bench.deliver(corrected(wrong, 500, "R-RIGHT"))
    bench.passes(1)
    assert len(bench.told) == told + 1
    assert ("R-RIGHT", "page", "seen" if seen else "open", "") in escalations(bench)
    red = next(one for one in bench.desk.escalations.of_subject("R-RIGHT") if one.id != yellow)
    assert (red.lane, red.status, red.grade) == ("page", "open", "red")
    bench.desk.answer(yellow, "village", Answer.CONTACTED, bench.now_ms)
    assert bench.desk.escalations.hold(red.id) == red  # who answers the yellow has said nothing of the red


@pytest.mark.parametrize("at_a_time", [20, 7, 1])
def test_a_visit_is_corrected_in_parts_by_a_rule_that_raises_at_one_reading(
    bench: Bench, at_a_time: int
) -> None:
    bench.engine.rules = build_rules([("oximetry.yaml", DEEP_OR_FAST)])
    readings = [bench.reading(80, t=bench.now_ms + n * 1000, resident="R-WRONG") for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    corrections = all_corrected(readings, "R-RIGHT")
    for start in range(0, 20, at_a_time):
        bench.deliver(*corrections[start : start + at_a_time])
    assert sorted(escalations(bench)) == [
        ("R-RIGHT", "page", "open", ""),
        ("R-WRONG", "page", "closed", "withdrawn"),
    ]
    assert bench.history().count("reissued") == 1


def test_a_task_that_was_answered_is_not_paged_when_the_rest_is_corrected(bench: Bench) -> None:
    bench.engine.rules = build_rules([("oximetry.yaml", DEEP_OR_FAST)])
    readings = [bench.reading(80, t=bench.now_ms + n * 1000, resident="R-WRONG") for n in range(2)]
    bench.deliver(*readings)
    bench.deliver(corrected(readings[0], 100, "R-RIGHT"))
    (task,) = bench.desk.escalations.of_subject("R-RIGHT")
    bench.desk.answer(task.id, "village", Answer.CONTACTED, bench.now_ms)
    bench.deliver(corrected(readings[1], 101, "R-RIGHT"))
    assert ("R-RIGHT", "review", "closed", "answered_contacted") in escalations(bench)
    assert "reissued" not in bench.history()


def test_a_late_red_is_a_task_beside_a_yellow_page(bench: Bench) -> None:
    bench.engine.rules = build_rules([("oximetry.yaml", DEEP_OR_FAST)])
    bench.deliver(bench.reading(97, pulse_bpm=150))
    bench.now_ms += 25 * 60_000
    bench.deliver(bench.reading(80, t=bench.now_ms - 20 * 60_000))
    assert escalations(bench) == [("R-7F3K", "page", "open", ""), ("R-7F3K", "review", "open", "")]


def test_a_correction_leaves_what_the_others_readings_say(bench: Bench) -> None:
    bench.desaturate(20, 88)
    extra = bench.reading(97)
    bench.deliver(extra)
    bench.deliver(corrected(extra, 50, "R-OTHER"))
    assert rule_state(bench.engine._judgements.memory("R-7F3K").rules, "spo2-low").phase == "raised"
    assert escalations(bench) == [("R-7F3K", "page", "open", "")]


def test_an_answered_page_stays_answered_when_its_readings_are_corrected(bench: Bench) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000) for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    ((id_,),) = bench.rows("SELECT id FROM escalation")
    bench.desk.answer(id_, "village", Answer.CONTACTED, bench.now_ms)
    bench.deliver(*all_corrected(readings, None))
    assert escalations(bench)[0] == ("R-7F3K", "page", "closed", "answered_contacted")
    history = [type_ for (type_,) in bench.rows("SELECT type FROM history ORDER BY n")]
    assert "withdrawn" in history


def test_a_correction_that_comes_before_the_reading(bench: Bench) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident="R-WRONG") for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*all_corrected(readings, "R-RIGHT"))
    bench.deliver(*readings)
    # Nobody has heard of it yet: it is as fresh as it was measured.
    assert escalations(bench) == [("R-RIGHT", "page", "open", "")]
    assert bench.rows("SELECT count(*) FROM observation WHERE corrected = 1") == [(20,)]


def test_a_correction_in_the_same_message_as_its_reading_pages(bench: Bench) -> None:
    """The uplink was away for as long as it took to check in."""
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident=None) for n in range(20)]
    bench.now_ms += 60_000
    bench.deliver(*readings, *all_corrected(readings, "R-RIGHT"))
    assert escalations(bench) == [("R-RIGHT", "page", "open", "")]


def test_a_correction_of_hours_ago_goes_to_review_though_nobody_has_heard_of_it(bench: Bench) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident=None) for n in range(20)]
    bench.now_ms += 6 * 3_600_000
    bench.deliver(*readings, *all_corrected(readings, "R-RIGHT"))
    assert escalations(bench) == [("R-RIGHT", "review", "open", "")]


@pytest.mark.parametrize("corrections_first", [False, True])
def test_what_nobody_has_heard_of_and_goes_on_now_pages_though_it_began_long_ago(
    bench: Bench, corrections_first: bool
) -> None:
    """The uplink was away for eight minutes: the first of it is of the past, and the last of it is of now."""
    readings = [bench.reading(88, t=bench.now_ms + n * 10_000, resident=None) for n in range(48)]
    bench.now_ms += 480_000
    corrections = all_corrected(readings, "R-RIGHT")
    bench.deliver(*corrections, *readings) if corrections_first else bench.deliver(*readings, *corrections)
    assert escalations(bench) == [("R-RIGHT", "review", "open", ""), ("R-RIGHT", "page", "open", "")]


def test_corrections_that_come_one_by_one_and_newest_first_page(bench: Bench) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident=None) for n in range(20)]
    bench.now_ms += 60_000
    for reading in reversed(readings):
        bench.deliver(corrected(reading, 100 + reading["seq"], "R-RIGHT"))
    assert escalations(bench) == [("R-RIGHT", "page", "open", "")]


def test_an_alarm_that_a_correction_brought_and_somebody_dealt_with_does_not_page_again(bench: Bench) -> None:
    """As it is with readings that were the resident's from the first."""
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident=None) for n in range(20)]
    bench.now_ms += 60_000
    bench.deliver(*readings, *all_corrected(readings, "R-RIGHT"))
    ((page,),) = bench.rows("SELECT id FROM escalation")
    with bench.db.transaction():
        bench.desk.answer(page, "village", Answer.CONTACTED, bench.now_ms)
    bench._seq += 100
    for _ in range(200):
        bench.now_ms += 30_000
        bench.deliver(bench.reading(88, resident="R-RIGHT"))
        bench.engine.tick()
    assert escalations(bench) == [("R-RIGHT", "page", "closed", "answered_contacted")]


def test_corrections_of_what_is_over_by_now_go_to_review(bench: Bench) -> None:
    """The recovery came first: nobody need run."""
    low = [bench.reading(88, t=bench.now_ms + n * 1000, resident=None) for n in range(20)]
    well = [bench.reading(98, t=bench.now_ms + n * 1000, resident=None) for n in range(20, 80)]
    bench.now_ms += 100_000
    bench.deliver(*all_corrected(well, "R-RIGHT"))
    bench.deliver(*all_corrected(low, "R-RIGHT"))
    assert escalations(bench) == [("R-RIGHT", "review", "open", "")]


@pytest.mark.parametrize("in_one_message", [True, False])
def test_a_page_that_is_taken_back_and_confirmed_by_a_live_reading_is_paged_once(
    bench: Bench, in_one_message: bool
) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident=None) for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    bench.now_ms += 30_000
    corrections = all_corrected(readings, "R-RIGHT")
    live = bench.reading(88, seq=200, resident="R-RIGHT")
    if in_one_message:
        bench.deliver(*corrections, live)
    else:
        bench.deliver(*corrections)
        bench.deliver(live)
    found = escalations(bench)
    assert [one for one in found if one[1:3] == ("page", "open")] == [("R-RIGHT", "page", "open", "")]
    assert bench.rows(
        "SELECT count(*) FROM notice WHERE escalation IN "
        "(SELECT id FROM escalation WHERE body LIKE '%R-RIGHT%')"
    ) == [(1,)]


def test_a_page_is_issued_again_also_where_the_last_correction_is_not_the_newest(bench: Bench) -> None:
    """The reading that completes the alarm came two messages before: it is not that one that is corrected now."""
    readings = [bench.reading(88, t=bench.now_ms + n * 10_000, resident=None) for n in range(3)]
    bench.now_ms += 30_000
    for reading in readings:
        bench.deliver(reading)
    for n in (1, 2, 0):
        bench.deliver(corrected(readings[n], 100 + readings[n]["seq"], "R-RIGHT"))
    assert escalations(bench) == [
        ("?cz-01/oxi-1", "page", "closed", "withdrawn"),
        ("R-RIGHT", "page", "open", ""),
    ]


def test_a_second_correction_of_what_has_counted_is_of_the_past(bench: Bench) -> None:
    readings = [bench.reading(97, t=bench.now_ms + n * 1000, resident="R-WRONG") for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    bench.deliver(*all_corrected(readings, "R-OTHER"))
    low = [corrected(reading, 200 + reading["seq"], "R-RIGHT") | {"spo2_pct": 88} for reading in readings]
    bench.deliver(*low)
    assert escalations(bench) == [("R-RIGHT", "review", "open", "")]


def test_an_old_reading_that_is_corrected_takes_what_it_raised_with_it(bench: Bench) -> None:
    """Beyond the window: the state stays, the finding does not."""
    readings = [bench.reading(88, t=bench.now_ms + n * 1000) for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    bench.now_ms += 7 * 86_400_000
    bench.desaturate(2, 97)
    bench.now_ms += 86_400_000
    bench.desaturate(2, 97)
    bench.deliver(*all_corrected(readings, "R-RIGHT"))
    assert ("R-7F3K", "page", "closed", "withdrawn") in escalations(bench)


def test_a_correction_sent_twice_changes_nothing(bench: Bench) -> None:
    readings = [bench.reading(88, t=bench.now_ms + n * 1000, resident="R-WRONG") for n in range(20)]
    bench.now_ms += 20_000
    bench.deliver(*readings)
    corrections = all_corrected(readings, "R-RIGHT")
    bench.deliver(*corrections)
    before = escalations(bench), bench.rows("SELECT id, state FROM subject ORDER BY id")
    bench.deliver(*corrections)
    bench.restart()
    bench.deliver(*corrections, *readings)
    assert (escalations(bench), bench.rows("SELECT id, state FROM subject ORDER BY id")) == before


def test_nobody_corrects_the_readings_of_another_gateway(bench: Bench) -> None:
    reading = bench.reading(88)
    bench.deliver(reading)
    bench.receipts.clear()
    other = "1c8fa063-7a3f-4f1f-8e54-4b9b42a3d112"
    envelope = {
        "v": 1, "gateway": "evil-gw", "stream": other, "sent": bench.now_ms, "clock": "trusted",
        "readings": [corrected(reading, 1, None)],
    }  # fmt: skip
    bench.deliver_raw(gateway_topic("evil-gw", Channel.READINGS), json.dumps(envelope).encode())
    assert bench.receipts == []
    assert bench.rows("SELECT corrected FROM observation") == [(0,)]


def test_a_finding_that_another_reading_of_the_same_moment_holds_up_stands(bench: Bench) -> None:
    """Two devices of one millisecond: the one that the finding names was somebody else's."""
    both = [bench.reading(80, device=device) for device in ("oxi-1", "oxi-2")]
    bench.engine.rules = build_rules([("deep.yaml", OXIMETRY.replace(b"for_s: 15", b"for_s: 0"))])
    bench.deliver(*both)
    ((stream, seq),) = bench.rows("SELECT stream, seq FROM finding WHERE withdrawn_ms IS NULL")
    named = next(one for one in both if one["seq"] == seq)
    earlier = {"stream": stream, "seq": seq, "resident": "R-7F3K"}
    bench.deliver(
        bench.reading(80, device=named["device"], resident="R-OTHER", t=named["t"], corrects=earlier)
    )
    other = next(one["seq"] for one in both if one["seq"] != seq)
    assert bench.rows(
        "SELECT seq FROM finding WHERE withdrawn_ms IS NULL AND escalation IN"
        " (SELECT id FROM escalation WHERE subject = 'R-7F3K')"
    ) == [(other,)]  # fmt: skip
    (mine,) = [one for one in bench.desk.escalations.newest(10) if one.resident == "R-7F3K"]
    assert mine.status is not Status.CLOSED
