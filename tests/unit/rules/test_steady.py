"""A reading that is skipped leaves what judging it in full leaves: the same state, decisions and actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_rules.shipped import packs_dir
from cunmai_rules.thresholds import step as steps
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts, PersonalLimits
from cunmai_rules.thresholds.events import Action, Escalate, Observation, Tick
from cunmai_rules.thresholds.loader import build_rules, load_rules
from cunmai_rules.thresholds.plan import Plan, plan_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import NOTHING_SEEN, SubjectState
from cunmai_rules.thresholds.step import judge_in_full, judge_the_rest, step_by
from support.campaign import campaign
from support.rules import T0_MS

CAMPAIGN = campaign(80)
HYPERTENSION = frozenset({"hypertension", "diabetes"})
FACTS = (
    NOTHING_KNOWN,
    Facts(age_years=70.5, pregnant=False, conditions=HYPERTENSION, risk_colour="yellow", altitude_m=40),
    Facts(age_years=50, pregnant=False, conditions=HYPERTENSION | {"hypercapnic-failure"}, risk_colour="red"),
    Facts(age_years=30, pregnant=True, conditions=frozenset(), risk_colour="green", altitude_m=40),
    Facts(age_years=4, age_months=50, pregnant=False, conditions=frozenset(), altitude_m=40),
    Facts(age_years=70.5, pregnant=False, altitude_m=40, limits={"spo2-severe": PersonalLimits(88, 90)}),
)

OLD = FACTS[1]

VALUES: dict[str, dict[str, list[object]]] = {
    "oximetry": {
        "spo2_pct": [84.0, 85.0, 91.0, 91.5, 92.0, 92.5, 93.0, 94.0, 95.0, 95.4, 95.5, 96.0, 97.0, 99.0],
        "pulse_bpm": [40.0, 40.5, 70.0, 71.0, 90.5, 111.0, 131.0],
    },
    "heart_rate": {"heart_rate_bpm": [70.0, 91.0, 120.0]},
    "blood_pressure": {
        "systolic_mmhg": [90.0, 100.0, 100.5, 120.0, 140.0, 150.0, 181.0, 220.0],
        "diastolic_mmhg": [60.0, 89.0, 90.0, 110.0],
        "pulse_bpm": [70.0, 91.0],
    },
    "temperature": {"temperature_c": [35.0, 35.05, 36.05, 36.8, 37.0, 38.1, 39.1]},
    "respiration": {"respiratory_rate_per_min": [8.0, 10.0, 16.0, 17.0, 22.0, 25.0, 31.0, 45.0]},
    "assessment": {
        "consciousness": ["A", "C", "U"],
        "on_oxygen": [False, True],
        "febrile_or_crying": [False, True],
    },
    "glucose": {"glucose_mmol_l": [3.9, 5.0, 7.0, 16.7], "meal": ["fasting", "after_meal"]},
    "follow_up": {"method": ["phone", "visit"]},
    "ultrasound_exam": {
        "body_part": ["liver", ""], "device_serial": ["s"], "exam_t": [1, 2],
        "rsrp_dbm": [-111.0, -90.0], "uplink_mbps": [4.0, 20.0],
    },
    "ultrasound_report": {"status": ["final"]},
    "site_status": {
        "waiting_count": [8, 11, 25, 30, 50],
        "stock_days": [{}, {"a": 20.0, "b": 30.0}, {"a": 20.0, "b": 13.0}, {"a": 0.5}],
    },
    "device_status": {"battery_pct": [20.0, 25.0, 30.0], "condition": ["ok", "silent", "fault"]},
    "gateway_status": {
        "clock": ["trusted", "untrusted"], "lost_count": [0, 0, 1], "configuration_refused": [False, True],
    },
}  # fmt: skip
FLAGS = [(), (), (), (), ("from_storage",), ("low_perfusion",)]
Take = Callable[[SubjectState, Observation | Tick], steps.Step]


@cache
def shipped() -> RuleSet:
    return load_rules(packs_dir())


@st.composite
def histories(draw: st.DrawFn) -> list[Observation | Tick]:
    """Visits: runs of readings of one kind, most of them like the one before; now and then a tick between."""
    events: list[Observation | Tick] = []
    now_ms = T0_MS
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["oximetry", *kinds]))
        values = _values(draw, kind)
        late, flags = draw(st.sampled_from([False, False, False, True])), draw(st.sampled_from(FLAGS))
        step_s = draw(st.sampled_from([0, 1, 1, 1, 5, 29, 60, 299, 600, 3600, 86_400]))
        for _ in range(draw(st.integers(1, 12))):
            if draw(st.integers(0, 5)) == 0:
                values = values | _values(draw, kind)
            now_ms += step_s * 1000
            arrived_ms = draw(st.sampled_from([None, now_ms, now_ms, now_ms + 2000]))
            t_ms = now_ms - draw(st.sampled_from([0] * 12 + [1000, 60_000, 7_200_000]))
            events.append(Observation("s", len(events) + 1, kind, t_ms, values, flags, late, arrived_ms))
        now_ms += draw(st.sampled_from([0, 0, 1, 20, 601, 1800, 3601, 90_000])) * 1000
        if draw(st.integers(0, 4)) == 0:
            events.append(Tick(now_ms))
    return events


def _values(draw: st.DrawFn, kind: str) -> dict[str, object]:
    return {
        name: draw(st.sampled_from(those)) for name, those in VALUES[kind].items() if draw(st.integers(0, 9))
    }


@CAMPAIGN
@given(histories(), st.sampled_from(FACTS), st.sampled_from([1, 2, 5, 1000]))
def test_what_is_skipped_is_what_judging_in_full_finds(
    history: list[Observation | Tick], facts: Facts, looked_at_every: int
) -> None:
    """A state that nobody looks at is moved on by the next reading as it is: over a run of them, or at the end."""
    plan = plan_of(shipped(), facts)
    skipping, full = NOTHING_SEEN, NOTHING_SEEN
    for n, event in enumerate(history, 1):
        quick, plain = step_by(skipping, event, plan), judge_in_full(full, event, plan)
        assert (quick.decisions, quick.actions) == (plain.decisions, plain.actions)
        if n % looked_at_every == 0:
            assert quick.state == plain.state
        skipping, full = quick.state, plain.state
    assert skipping == full


def test_states_of_a_run_that_are_kept_are_what_they_were_when_somebody_looks_later() -> None:
    plan = plan_of(shipped(), OLD)
    quick, full, kept = NOTHING_SEEN, NOTHING_SEEN, []
    for n in range(200):
        values: dict[str, object] = {"spo2_pct": 96.0 + n % 3, "pulse_bpm": 70.0}
        event = Observation("s", n + 1, "oximetry", T0_MS + n * 1000, values, (), False)
        quick, full = step_by(quick, event, plan).state, judge_in_full(full, event, plan).state
        kept.append((quick, full))
    assert sum(state.behind is not None for state, _ in kept) > 190
    assert all(state == plain for state, plain in reversed(kept))


def test_of_one_state_two_readings_may_come_next() -> None:
    """The one in the order of time, and the one that a correction puts in its place."""
    plan = plan_of(shipped(), OLD)

    def reading(n: int, spo2: float) -> Observation:
        values: dict[str, object] = {"spo2_pct": spo2, "pulse_bpm": 70.0}
        return Observation("s", n, "oximetry", T0_MS + n * 1000, values, (), False)

    quick, full = NOTHING_SEEN, NOTHING_SEEN
    for n in range(1, 10):
        quick, full = (
            step_by(quick, reading(n, 97.0), plan).state,
            judge_in_full(full, reading(n, 97.0), plan).state,
        )
    ways = [[reading(10, 96.0), reading(11, 98.0)], [reading(10, 98.5), reading(12, 96.0)]]
    quick_ends, full_ends = [quick, quick], [full, full]
    for n in range(2):
        for way in range(2):
            quick_ends[way] = step_by(quick_ends[way], ways[way][n], plan).state
            full_ends[way] = judge_in_full(full_ends[way], ways[way][n], plan).state
    assert all(one.behind is not None for one in quick_ends)
    assert quick_ends == full_ends
    assert quick_ends[0] != quick_ends[1]
    assert quick == full


# -- that it does skip, and where it must not ------------------------------------------------------------------


def played(
    *values: float, every_s: int = 1, facts: Facts = OLD, after: int = 0
) -> tuple[Asked, list[Action]]:
    """An oximeter: how many readings after so many were put to rules, and all that was found."""
    plan = plan_of(shipped(), facts)
    actions: list[Action] = []
    state, in_full, in_part = NOTHING_SEEN, 0, 0
    for n, spo2 in enumerate(values):
        event = Observation(
            "s",
            n + 1,
            "oximetry",
            T0_MS + n * every_s * 1000,
            {"spo2_pct": spo2, "pulse_bpm": 70.0},
            (),
            False,
        )
        with (
            mock.patch.object(steps, "judge_in_full", wraps=judge_in_full) as full,
            mock.patch.object(steps, "judge_the_rest", wraps=judge_the_rest) as part,
        ):
            done = step_by(state, event, plan)
        in_full += full.call_count if n >= after else 0
        in_part += part.call_count if n >= after else 0
        state = done.state
        actions += done.actions
    return Asked(in_full, in_part), actions


class Asked(NamedTuple):
    in_full: int
    """Readings that were put to every rule."""
    in_part: int
    """And to those only that they concerned."""


def test_an_oximeter_that_wavers_within_normal_is_judged_in_full_twice() -> None:
    wavering = [95.0 + n * 7 % 4 for n in range(100)]
    assert played(*wavering)[0] == Asked(2, 0)


def test_an_alarm_that_goes_on_asks_rules_only_where_it_changes() -> None:
    # 90 each second: the first two, raised after 15 s, the panel's band after 60 s.
    asked, actions = played(*[90.0] * 100)
    assert asked == Asked(2, 2)
    assert actions == in_full([at(90.0, 70.0)] * 100, plan_of(shipped(), OLD))


@pytest.mark.parametrize(("every_s", "asked"), [(600, 0), (900, 0), (901, 3)])
def test_a_reading_that_comes_when_green_is_stale_is_never_skipped(every_s: int, asked: int) -> None:
    assert sum(played(*[97.0] * 5, every_s=every_s, after=2)[0]) == asked


def test_a_residents_own_limit_is_asked_where_only_it_is_passed() -> None:
    """Raised at 88 and cleared at 90, where the pack's own would be raised long since."""
    values = [91.0] * 130 + [87.5] * 40 + [91.0] * 100
    found = in_full([at(one, 70.0) for one in values], plan_of(shipped(), FACTS[5]))
    asked, actions = played(*values, facts=FACTS[5])
    assert actions == found
    raised = [one for one in actions if isinstance(one, Escalate) and one.rule == "spo2-severe"]
    assert len(raised) == 1
    assert asked.in_part > 2


def in_full(readings: Sequence[dict[str, object]], plan: Plan) -> list[Action]:
    """What is found of an oximeter's readings, a second apart, where every rule is asked each time."""
    found: list[Action] = []
    state = NOTHING_SEEN
    for n, values in enumerate(readings):
        done = judge_in_full(
            state, Observation("s", n + 1, "oximetry", T0_MS + n * 1000, values, (), False), plan
        )
        state = done.state
        found += done.actions
    return found


HEAD = "pack: counts\nversion: 1\ntitle: {zh: test, en: test}\nrules:\n"
TWO_OF_THREE = "{reads: oximetry.spo2_pct, unit: '%', below: 93, at_least: 2, of_last: 3}"


def same_both_ways(when: str, clear: str, *readings: dict[str, object]) -> list[Action]:
    """One rule over an oximeter's readings, a second apart; what is found, skipping or not."""
    rest = "title: {zh: t, en: t}, grade: red, lane: page, source: a test"
    rule = f"  - {{id: counted, when: {when}, clear: {clear}, {rest}}}\n"
    plan = plan_of(build_rules([("counts.yaml", (HEAD + rule).encode())]), OLD)
    skipping, full = NOTHING_SEEN, NOTHING_SEEN
    found: list[Action] = []
    for n, values in enumerate(readings):
        event = Observation("s", n + 1, "oximetry", T0_MS + n * 1000, values, (), False)
        quick, plain = step_by(skipping, event, plan), judge_in_full(full, event, plan)
        assert (quick.decisions, quick.actions, quick.state) == (plain.decisions, plain.actions, plain.state)
        skipping, full = quick.state, plain.state
        found += plain.actions
    return found


def at(spo2_pct: float, pulse_bpm: float) -> dict[str, object]:
    return {"spo2_pct": spo2_pct, "pulse_bpm": pulse_bpm}


def test_a_reading_without_the_value_that_is_counted_is_judged_in_full() -> None:
    """An oximeter that loses the saturation and goes on with the pulse."""
    both = at(98, 70)
    without: dict[str, object] = {"pulse_bpm": 70.0}
    same_both_ways(TWO_OF_THREE, "{at_or_above: 96}", both, both, both, without, both, without, without, both)


@pytest.mark.parametrize(
    "counted",
    [TWO_OF_THREE, "{reads: oximetry.spo2_pct, unit: '%', falls_by: 4, within_s: 60}"],
    ids=["count", "change"],
)
def test_a_count_that_another_value_made_irrelevant_has_moved_on_when_it_matters_again(counted: str) -> None:
    """A fast pulse takes the rule away while the saturation falls; when the pulse is slow again, it is met."""
    slow = "{reads: oximetry.pulse_bpm, unit: /min, below: 100}"
    fell = [at(97, 110)] * 3 + [at(97, 90)] + [at(90, 110)] * 2 + [at(97, 90), at(90, 90)]
    assert same_both_ways(f"{{all: [{slow}, {counted}]}}", "{for_s: 0}", *fell)


@pytest.mark.parametrize(
    "heard", ["{heard: oximetry, within_s: 60}", "{not: {not: {heard: oximetry, within_s: 60}}}"]
)
def test_a_rule_that_hears_the_kind_that_it_counts_is_asked_until_the_count_is_met(heard: str) -> None:
    """Each of these readings is heard: nothing but the count decides, and it changes while the values do not."""
    found = same_both_ways(f"{{all: [{heard}, {TWO_OF_THREE}]}}", "{for_s: 0}", at(97, 70), *[at(90, 70)] * 6)
    assert [one.rule for one in found if isinstance(one, Escalate)] == ["counted"]
    four = "{reads: oximetry.spo2_pct, unit: '%', below: 93, at_least: 4, of_last: 5}"
    found = same_both_ways(f"{{all: [{heard}, {four}]}}", "{for_s: 0}", *[at(90, 70)] * 6)
    assert [one.rule for one in found if isinstance(one, Escalate)] == ["counted"]
