"""What the page is told at each moment of a visit, and that it has a sentence for all of it."""

from __future__ import annotations

import json
from itertools import chain

import pytest

from cunmai_gateway.kiosk import words
from cunmai_gateway.kiosk.entering import BY_HAND, EntryFault
from cunmai_gateway.kiosk.guard import _STATUS
from cunmai_gateway.kiosk.identify import Refusal
from cunmai_gateway.kiosk.live import Signal
from cunmai_gateway.kiosk.pages import script_words
from cunmai_gateway.kiosk.sessions import EndReason
from cunmai_gateway.kiosk.snapshot import Delivery
from cunmai_gateway.kiosk.stability import Settling
from cunmai_gateway.measurement import Measurement, NotClinicalReason
from cunmai_wire.quality import QualityFlag
from cunmai_wire.readings import Consciousness, FollowUpMethod, ReportStatus
from support.kiosk import Bench, oximetry


def seen(bench: Bench) -> tuple[str, str, str]:
    state = bench.state()
    return state["step"], state["signal"], state["hint"]


def test_a_visit_from_beginning_to_end(bench: Bench) -> None:
    assert seen(bench) == ("who", "starting", "starting")
    bench.now_ms += 31_000
    assert seen(bench) == ("who", "device_off", "device_off")
    bench.connected()
    assert seen(bench) == ("who", "nobody", "nobody")
    bench.check_in("R-7F3K")
    assert seen(bench) == ("insert", "nobody", "nobody")
    bench.series(90, 94)
    assert seen(bench) == ("measuring", "measuring", "varies")
    bench.series(*[97] * 8)
    state = bench.state()
    assert (state["step"], state["hint"], state["sound"]) == ("measuring", "varies", True)
    assert state["values"] == {"spo2_pct": 97.0, "pulse_bpm": 72.0, "perfusion_index_pct": 3.0}
    bench.series(*[97] * 8)
    assert seen(bench) == ("result", "measuring", "stable")
    bench.finger_off()
    assert seen(bench) == ("result", "nobody", "nobody")
    (result,) = bench.state()["results"]
    assert result == {
        "kind": "oximetry",
        "values": {"spo2_pct": 97.0, "pulse_bpm": 72.0},
        "advice": "usual",
    }
    bench.now_ms += 45_000
    state = bench.state()
    assert (state["step"], state["session"], state["ended"]["reason"]) == ("who", None, "taken_off")
    bench.now_ms += 61_000
    assert bench.state()["ended"] is None


def test_the_time_left_is_told(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.now_ms += 30_500
    assert bench.state()["session"]["ends_in_s"] == 90
    bench.series(97)
    assert bench.state()["session"]["ends_in_s"] == 44


def test_another_check_in_takes_nothing_over(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(*[97] * 17)
    assert bench.state()["results"]
    bench.check_in("R-2")
    state = bench.state()
    assert (state["results"], state["mine"]["kept"], state["progress"]["share"]) == ([], 0, 0.0)


def test_a_value_that_has_left_where_it_settled_is_no_result_any_more(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(*[97] * 17, 94)
    state = bench.state()
    assert (state["step"], state["results"]) == ("measuring", [])
    bench.finger_off()
    assert bench.state()["step"] == "insert"


def test_flags_are_said_and_their_value_is_not_sound(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.measure(oximetry(88, QualityFlag.LOW_PERFUSION))
    state = bench.state()
    assert (state["step"], state["hint"], state["sound"]) == ("measuring", "flag_low_perfusion", False)


def test_a_finger_off_flag_is_nobody_and_does_not_keep_the_session(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.measure(oximetry(97))
    for _ in range(45):
        bench.now_ms += 1000
        bench.measure(oximetry(97, QualityFlag.FINGER_OFF))
    assert bench.state()["step"] == "who"


@pytest.mark.parametrize(
    "reason", [one for one in NotClinicalReason if one is not NotClinicalReason.NO_VALUE]
)
def test_a_frame_that_measures_nobody_says_why(bench: Bench, reason: NotClinicalReason) -> None:
    bench.connected()
    bench.call(lambda: bench.kiosk.nothing("oxi-1", reason))
    assert seen(bench)[1:] == ("not_clinical", f"not_clinical_{reason}")


def test_a_value_that_stopped_coming_is_not_shown_as_live(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.series(97, 97)
    bench.now_ms += 5_000
    assert seen(bench)[:2] == ("insert", "nobody")
    bench.connected(condition="disconnected")
    bench.now_ms += 30_000
    assert seen(bench)[1] == "device_off"


def test_a_cuffs_value_is_a_result_at_once(bench: Bench) -> None:
    bench.check_in("R-1")
    values: dict[str, object] = {"systolic_mmhg": 150.0, "diastolic_mmhg": 92.0, "pulse_bpm": 70.0}
    bench.measure(Measurement("blood_pressure", values), "bp-1")
    state = bench.state()
    assert (state["step"], state["results"][0]["advice"]) == ("result", "unknown")
    bench.series(97)
    assert bench.state()["step"] == "measuring"


def test_a_spot_check_is_a_result_at_once_unless_it_is_flagged_or_from_storage(bench: Bench) -> None:
    bench.check_in("R-1")
    for flag in (QualityFlag.QUESTIONABLE, QualityFlag.FROM_STORAGE):
        bench.measure(oximetry(93, flag, mode="spot"))
        assert bench.state()["results"] == []
    bench.measure(oximetry(93, mode="spot"))
    state = bench.state()
    assert (state["step"], state["results"][0]["advice"]) == ("result", "tell")


def test_a_home_device_is_not_shown_at_the_kiosk(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.connected("oxi-home")
    bench.series(88, device="oxi-home")
    assert bench.state()["signal"] == "starting"
    assert bench.state()["mine"]["kept"] == 0


def test_the_disk_takes_nothing_and_the_live_value_is_still_there(bench: Bench) -> None:
    bench.fault = "disk full"
    bench.check_in("R-1")
    bench.series(97)
    state = bench.state()
    assert (state["step"], state["values"]["spo2_pct"]) == ("measuring", 97)
    assert (state["all"]["delivery"], state["all"]["problem"]) == ("not_kept", "disk full")


def test_every_code_has_its_sentence_in_both_languages() -> None:
    hints = {
        *(signal.value for signal in Signal if signal not in (Signal.MEASURING, Signal.NOT_CLINICAL)),
        *(reason.value for reason in Settling),
        *(f"flag_{flag.value}" for flag in QualityFlag),
        *(f"not_clinical_{reason.value}" for reason in NotClinicalReason),
    }
    assert hints <= set(words.HINTS)
    assert set(words.ENDED) == set(EndReason)
    assert set(words.REFUSALS) == set(Refusal)
    assert {*Delivery} <= set(words.DELIVERY)
    assert set(words.ADVICE) == set(words.ADVICE_MARKS) == set(words.NEXT)
    assert set(_STATUS) <= set(words.ANSWERS)
    assert set(EntryFault) <= set(words.ANSWERS)
    assert set(words.KINDS) >= BY_HAND
    chosen = {"consciousness": Consciousness, "method": FollowUpMethod, "status": ReportStatus}
    assert all(set(words.CHOICES[name]) == set(values) for name, values in chosen.items())
    tables = (words.PAGE, words.OBSERVE, *words.CHOICES.values(), words.HINTS, words.ADVICE, words.ENDED,
              words.REFUSALS, words.ANSWERS, words.DELIVERY, words.KINDS, words.NEXT)  # fmt: skip
    pairs = list(chain.from_iterable(table.values() for table in tables))
    assert all(zh.strip() and en.strip() for zh, en in pairs)
    assert all(any("一" <= char <= "鿿" for char in zh) for zh, en in pairs if zh != "English")


def test_the_scripts_words_cannot_end_their_element() -> None:
    for text in (script_words("zh"), script_words("en")):
        assert "<" not in text
        units = {name: value["unit"] for name, value in json.loads(text)["value"].items()}
        assert (units["spo2_pct"], units["thermal_index"], units["rsrp_dbm"]) == ("%", "", "dBm")


def test_devices_and_assignments_may_change_while_it_runs(bench: Bench) -> None:
    bench.connected()
    bench.check_in("R-1")
    bench.call(lambda: bench.kiosk.configure({"oxi-1": "R-2", "oxi-new": None}))
    assert bench.state()["signal"] == "starting", "the connected one is somebody's own now"
    now_ms = bench.now_ms
    ask = bench.kiosk.resident_of
    who = bench.call(lambda: [ask("oxi-1", "R-2", now_ms), ask("oxi-new", None, now_ms)])
    assert who == ["R-2", "R-1"]
    bench.call(lambda: bench.kiosk.configure({}))
    assert bench.state()["signal"] == "no_device"


def test_a_stored_record_is_attributed_by_its_time_and_not_shown_as_live(bench: Bench) -> None:
    bench.check_in("R-1")
    taken_ms = bench.now_ms
    bench.now_ms += 20_000
    bench.check_in("R-2")
    bench.connected()
    bench.measure(oximetry(88, QualityFlag.FROM_STORAGE), t_ms=taken_ms)
    assert [one["resident"] for one in bench.readings()] == ["R-1"]
    assert seen(bench)[:2] == ("insert", "nobody")
    assert bench.call(lambda: bench.kiosk.resident_of("oxi-1", None, None)) is None


def test_a_stored_record_of_this_session_does_not_pass_for_a_finger_in_the_clip(bench: Bench) -> None:
    bench.check_in("R-1")
    bench.now_ms += 20_000
    bench.measure(oximetry(88, QualityFlag.FROM_STORAGE), t_ms=bench.now_ms - 19_000)
    assert bench.state()["session"]["ends_because"] == "idle"
