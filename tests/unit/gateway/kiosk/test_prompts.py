"""Prompts: for that person alone, until they are answered, read or stale; never kept, never in the way."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from cunmai_gateway.kiosk.prompts import LONGEST_MS, MOST_HELD, MOST_SHOWN, USED_MS, Told
from cunmai_gateway.measurement import Measurement
from cunmai_wire.commands import Prompt
from cunmai_wire.readings import FollowUpMethod
from support.kiosk import NOW_MS, Bench, oximetry

REST = "请休息5分钟后再测一次。"
CUFF = Measurement("blood_pressure", {"systolic_mmhg": 150.0, "diastolic_mmhg": 92.0})


def prompt(id_: str = "p-1", resident: str | None = "R-1", **changed: Any) -> Prompt:
    fields: dict[str, Any] = {
        "v": 1, "id": id_, "at": NOW_MS, "command": "prompt", "resident": resident, "device": "oxi-1",
        "rule": "spo2-severe", "zh": REST, "en": "Rest 5 minutes, then measure again.",
        "until": NOW_MS + 600_000,
    }  # fmt: skip
    return Prompt.model_validate(fields | changed)


def ask(bench: Bench, one: Prompt) -> Told:
    return bench.call(lambda: bench.kiosk.prompt(one))


def shown(bench: Bench) -> list[str]:
    return [one["id"] for one in bench.state()["prompts"]]


def test_only_the_resident_it_is_about_sees_it(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(92, 92)
    assert ask(bench, prompt()) is Told.TAKEN
    (one,) = bench.state()["prompts"]
    assert (one["zh"], one["en"]) == (REST, "Rest 5 minutes, then measure again.")
    bench.check_in("R-2")
    assert shown(bench) == []
    bench.call(bench.kiosk.check_out)
    assert shown(bench) == [], "nobody's screen is another's, too"
    bench.check_in("R-1")
    assert shown(bench) == ["p-1"], "R-1 has come back from resting"


def test_it_ends_at_its_time_and_a_late_one_is_dropped(bench: Bench) -> None:
    bench.check_in("R-1")
    ask(bench, prompt(until=NOW_MS + 1000))
    bench.now_ms += 999
    assert shown(bench) == ["p-1"]
    bench.now_ms += 1
    assert shown(bench) == []
    assert ask(bench, prompt("p-2", until=bench.now_ms)) is Told.LATE
    assert shown(bench) == []


@pytest.mark.parametrize("step_ms", [LONGEST_MS, -3_000])
def test_a_wrong_clock_keeps_nothing_on_the_screen(bench: Bench, step_ms: int) -> None:
    ask(bench, prompt(until=NOW_MS + 10 * LONGEST_MS))
    bench.now_ms += step_ms
    bench.check_in("R-1")
    assert shown(bench) == []


def test_it_is_shown_once_and_gone_when_read(bench: Bench) -> None:
    bench.check_in("R-1")
    ask(bench, prompt())
    assert bench.call(lambda: bench.kiosk.dismiss("p-1")) is True
    assert shown(bench) == []
    assert ask(bench, prompt()) is Told.REPEATED, "MQTT may deliver it twice"
    assert bench.call(lambda: bench.kiosk.dismiss("p-1")) is False
    assert shown(bench) == []


def test_the_newest_of_a_rule_stands_in_for_the_one_before_and_all_are_bounded(bench: Bench) -> None:
    bench.check_in("R-1")
    ask(bench, prompt("p-1"))
    ask(bench, prompt("p-2"))
    assert shown(bench) == ["p-2"]
    for number in range(MOST_HELD + 5):
        ask(bench, prompt(f"q-{number}", rule=f"rule-{number}"))
    assert shown(bench) == [f"q-{number}" for number in range(MOST_HELD + 4, MOST_HELD + 4 - MOST_SHOWN, -1)]
    for number in range(MOST_HELD + 5):
        bench.call(partial(bench.kiosk.dismiss, f"q-{number}"))
    assert shown(bench) == [], "p-2 was over the bound"


def test_the_series_it_is_about_goes_on_and_a_new_attempt_answers_it(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(92, 92)
    ask(bench, prompt())
    bench.series(*[92] * 5)
    assert shown(bench) == ["p-1"], "the finger is still in: that is no second measurement"
    bench.now_ms += 18_000
    bench.series(92)
    assert shown(bench) == ["p-1"]
    bench.now_ms += 20_000
    bench.series(96)
    assert shown(bench) == []


def test_the_next_of_its_kind_answers_it_and_other_kinds_do_not(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.measure(CUFF, "bp-1")
    bench.now_ms += 1000
    ask(bench, prompt(device="bp-1"))
    bench.now_ms += 1000
    bench.series(97)
    assert shown(bench) == ["p-1"]
    bench.measure(CUFF, "bp-1", t_ms=bench.now_ms - 5_000)
    assert shown(bench) == ["p-1"], "what was measured before it is no answer to it"
    bench.measure(CUFF, "bp-1")
    assert shown(bench) == []


def test_a_device_that_was_not_heard_yet_answers_for_itself(bench: Bench) -> None:
    bench.check_in("R-1")
    ask(bench, prompt(device="bp-1"))
    bench.now_ms += 1000
    bench.series(97)
    assert shown(bench) == ["p-1"]
    bench.measure(CUFF, "bp-1")
    assert shown(bench) == []


def test_what_somebody_else_measures_answers_nothing(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(92)
    ask(bench, prompt())
    bench.now_ms += 30_000
    bench.check_in("R-2")
    bench.series(97)
    bench.now_ms += 30_000
    bench.check_in("R-1")
    assert shown(bench) == ["p-1"]


def test_a_finger_of_nobody_puts_no_answer(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(92)
    ask(bench, prompt())
    bench.now_ms += 30_000
    bench.measure(oximetry(92, "finger_off"))
    assert shown(bench) == ["p-1"]


def test_what_is_entered_by_hand_answers_a_question_about_it(bench: Bench) -> None:
    bench.check_in("R-1")
    began_ms = bench.state()["session"]["began_ms"]

    def enter(kind: str, values: dict[str, object], key: str) -> None:
        bench.run(bench.kiosk.entries.observe(Measurement(kind, values), key=key, began_ms=began_ms))

    enter("respiration", {"respiratory_rate_per_min": 31.0}, "11111111")
    ask(bench, prompt(device="kiosk", zh="请再数一次呼吸。"))
    assert bench.state()["prompts"][0]["rest_s"] is None
    bench.now_ms += 1000
    enter("follow_up", {"method": FollowUpMethod.CLINIC}, "22222222")
    assert shown(bench) == ["p-1"]
    bench.now_ms += 1000
    enter("respiration", {"respiratory_rate_per_min": 30.0}, "33333333")
    assert shown(bench) == []


def test_without_a_resident_whoever_used_the_device_lately_sees_it(bench: Bench) -> None:
    ask(bench, prompt("p-0", resident=None))
    assert shown(bench) == [], "nobody has used it"
    bench.series(92)
    ask(bench, prompt(resident=None))
    assert shown(bench) == ["p-1"]
    bench.now_ms += USED_MS
    assert shown(bench) == []
    bench.series(92)
    ask(bench, prompt("p-2", resident=None))
    assert shown(bench) == ["p-2"]
    bench.check_in("R-1")
    assert shown(bench) == []
    bench.call(bench.kiosk.check_out)
    assert shown(bench) == [], "by now somebody else may stand there"


def test_the_device_of_somebody_who_checked_in_is_nobodys(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(92)
    bench.call(bench.kiosk.check_out)
    ask(bench, prompt(resident=None))
    assert shown(bench) == []


def test_the_rest_that_it_asks_for_is_counted_down(bench: Bench) -> None:
    bench.check_in("R-1")
    ask(bench, prompt())
    rests = []
    for step_ms in (0, 1, 60_000, 240_000):
        bench.now_ms += step_ms
        bench.call(bench.kiosk.stay)
        bench.check_in("R-1")
        rests.append(bench.state()["prompts"][0]["rest_s"])
    assert rests == [300, 300, 240, 0]


def test_a_restart_forgets_it(bench: Bench) -> None:
    ask(bench, prompt())
    bench.close()
    bench.open()
    bench.check_in("R-1")
    assert shown(bench) == []
