"""Readings in any order: the same state and the same findings as in the order of time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_rules.thresholds.applies import Facts, PersonalLimits
from cunmai_rules.thresholds.events import Amend, Decision, Escalate, GradeChange, Observation, Retract
from cunmai_rules.thresholds.memory import NOTHING_YET, Memory, dump_memory, key_of, load_memory
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import rule_states
from cunmai_rules.thresholds.window import Outcome, judge, reach, take_back, tick
from support.campaign import campaign
from support.oracle import Oracle
from support.rules import T0_MS, no_profiles, oximetry_rules
from support.several import CHANGED, IN_OTHER_WORDS, SEVERAL, WIDE

MINUTE = 60_000


@dataclass
class Subject:
    """One subject: its memory, through JSON each time, its readings as a journal has them, what was told."""

    rules: RuleSet
    memory: Memory = NOTHING_YET
    journal: dict[tuple[int, str, int], Observation] = field(default_factory=dict)
    findings: dict[str, Escalate] = field(default_factory=dict)
    grades: dict[str, str] = field(default_factory=dict)
    decisions: dict[tuple[int, str, int], tuple[Decision, ...]] = field(default_factory=dict)

    def takes(self, *events: Observation) -> Outcome:
        self.restarts()
        after = reach(self.memory, events)
        past = [] if after is None else [event for key, event in self.journal.items() if key > after]
        outcome = judge(self.memory, events, self.rules, past=past)
        self.journal |= {key_of(event): event for event in events}
        return self._carry(outcome)

    def passes(self, now_ms: int) -> Outcome:
        self.restarts()
        return self._carry(tick(self.memory, now_ms, self.rules))

    def is_corrected(self, event: Observation) -> Outcome:
        outcome = take_back(self.memory, key_of(event), self.rules, past=list(self.journal.values()))
        del self.journal[key_of(event)]
        return self._carry(outcome)

    def restarts(self) -> None:
        profile = self.memory.rules.profile
        again = load_memory(dump_memory(self.memory), {profile.key: profile}.get)
        assert again == self.memory
        self.memory = again

    def _carry(self, outcome: Outcome) -> Outcome:
        self.memory = outcome.memory
        self.decisions |= outcome.decisions
        for action in outcome.actions:
            match action:
                case Escalate():
                    self.findings.setdefault(action.key, action)
                case Amend():
                    del self.findings[action.key]
                    self.findings[action.found.key] = action.found
                case Retract():
                    del self.findings[action.key]  # what was never told cannot be taken back
                case GradeChange():
                    assert self.grades.get(action.rule, "grey") == action.previous
                    self.grades[action.rule] = action.grade
        return outcome

    @property
    def stands(self) -> tuple[object, ...]:
        """Everything that the order of arrival must not change."""
        grades = {rule: grade for rule, grade in self.grades.items() if grade != "grey"}
        return self.memory.rules, sorted(self.findings), grades


def spo2(seq: int, at_s: float, value: float, *quality: str, late: bool = False) -> Observation:
    return Observation("s", seq, "oximetry", T0_MS + int(at_s * 1000), {"spo2_pct": value}, quality, late)


# -- the property -----------------------------------------------------------------------------------------


@st.composite
def readings(draw: st.DrawFn, most: int = 24) -> list[Observation]:
    """A visit of up to 25 minutes: two kinds, flags, late ones, equal times, two streams."""
    found = []
    for seq in range(1, draw(st.integers(1, most)) + 1):
        at_ms = T0_MS + draw(st.integers(0, 50)) * 30_000
        if draw(st.integers(0, 4)) == 0:
            kind, values = "temperature", {"temperature_c": draw(st.sampled_from([37.0, 38.0, 39.0]))}
        else:
            kind, values = "oximetry", {"spo2_pct": draw(st.sampled_from([88.0, 93.0, 94.0, 95.0, 97.0]))}
        quality = ("low_perfusion",) if draw(st.integers(0, 5)) == 0 else ()
        stream = draw(st.sampled_from(["a", "b"]))
        late = draw(st.integers(0, 4)) == 0
        found.append(Observation(stream, seq, kind, at_ms, values, quality, late))
    return found


def in_order(subject: Subject, events: list[Observation], until_ms: int) -> None:
    for event in sorted(events, key=key_of):
        subject.takes(event)
    subject.passes(until_ms)


def in_any_order(draw: Any, subject: Subject, events: list[Observation], until_ms: int) -> None:
    """Each reading at least once, in any order, some together, with ticks and reloads between."""
    waiting = draw(st.permutations(events))
    again = draw(st.lists(st.sampled_from(events), max_size=8))
    waiting = list(draw(st.permutations([*waiting, *again])))
    now_ms = T0_MS
    while waiting:
        do = draw(st.sampled_from(["one", "one", "one", "some", "tick", "reload"]))
        if do == "tick":
            now_ms = min(until_ms, now_ms + draw(st.integers(0, 20)) * 60_000)
            subject.passes(now_ms)
        elif do == "reload" and subject.rules is not CHANGED:
            subject.rules = IN_OTHER_WORDS if subject.rules is WIDE else WIDE
        else:
            count = draw(st.integers(2, 5)) if do == "some" else 1
            subject.takes(*waiting[:count])
            del waiting[:count]
    subject.rules = WIDE if subject.rules is IN_OTHER_WORDS else subject.rules
    subject.passes(until_ms)


CAMPAIGN = campaign(60)


@CAMPAIGN
@given(st.data())
def test_any_interleaving_ends_as_the_ordered_run(data: st.DataObject) -> None:
    events = data.draw(readings())
    until_ms = T0_MS + 40 * MINUTE
    ordered, other = Subject(WIDE), Subject(WIDE)
    in_order(ordered, events, until_ms)
    in_any_order(data.draw, other, events, until_ms)
    assert other.stands == ordered.stands


@CAMPAIGN
@given(st.data())
def test_a_changed_rule_between_two_visits_does_not_matter_to_the_order_within_each(
    data: st.DataObject,
) -> None:
    first, second = data.draw(readings(10)), data.draw(readings(10))
    hour = 60 * MINUTE
    second = [
        Observation(e.stream, 100 + e.seq, e.kind, e.t_ms + hour, e.values, e.quality, e.late) for e in second
    ]
    ordered, other = Subject(WIDE), Subject(WIDE)
    for subject, play in (
        (ordered, in_order),
        (other, lambda subject, events, until: in_any_order(data.draw, subject, events, until)),
    ):
        play(subject, first, T0_MS + 40 * MINUTE)
        subject.rules = CHANGED
        play(subject, second, T0_MS + hour + 40 * MINUTE)
    assert other.stands == ordered.stands


@CAMPAIGN
@given(st.data())
def test_a_correction_leaves_what_there_would_be_without_the_reading(data: st.DataObject) -> None:
    events = data.draw(readings())
    wrong = data.draw(st.sampled_from(events))
    until_ms = T0_MS + 40 * MINUTE
    ordered, other = Subject(WIDE), Subject(WIDE)
    in_order(ordered, [event for event in events if event is not wrong], until_ms)
    in_any_order(data.draw, other, events, until_ms)
    other.is_corrected(wrong)
    other.passes(until_ms)
    assert other.stands[1:] == ordered.stands[1:]
    assert {r: s for r, s in rule_states(other.memory.rules).items() if s.evidence_ms} == {
        r: s for r, s in rule_states(ordered.memory.rules).items() if s.evidence_ms
    }


# -- stories -------------------------------------------------------------------------------------------------


def test_a_reading_of_two_minutes_ago_completes_a_spell() -> None:
    """Out of order, but not late: it used to be passed over."""
    subject = Subject(oximetry_rules())
    subject.takes(spo2(1, 0, 90))
    subject.takes(spo2(3, 20, 94))
    assert subject.findings == {}
    subject.takes(spo2(2, 16, 90))
    assert [found.t_ms - T0_MS for found in subject.findings.values()] == [16_000]


def test_what_was_found_before_is_not_found_again() -> None:
    subject = Subject(oximetry_rules())
    subject.takes(spo2(1, 0, 90), spo2(3, 15, 90))
    assert subject.takes(spo2(2, 7, 94)).actions == ()


def test_a_reading_that_came_late_takes_a_finding_back() -> None:
    subject = Subject(oximetry_rules())
    subject.takes(spo2(1, 0, 90), spo2(3, 15, 90))
    assert len(subject.findings) == 1
    subject.takes(spo2(2, 7, 97))
    assert subject.findings == {}
    assert subject.grades == {"spo2-low": "grey"}


def test_a_spell_that_lapsed_while_its_confirmation_was_on_the_way() -> None:
    subject = Subject(oximetry_rules())
    subject.takes(spo2(1, 0, 90))
    subject.passes(T0_MS + 700_000)
    assert [found.reason for found in subject.findings.values()] == ["spell_unconfirmed"]
    subject.takes(spo2(2, 600, 90))
    assert [found.reason for found in subject.findings.values()] == ["limit_met"]


def test_a_reading_from_before_the_window_changes_no_state_and_asks_for_a_review() -> None:
    subject = Subject(oximetry_rules())
    for n in range(200):
        subject.takes(spo2(n + 2, n * 60, 97))
    before = subject.memory.rules
    outcome = subject.takes(spo2(1, 60.5, 80, late=True))
    assert [action.reason for action in outcome.actions if isinstance(action, Escalate)] == [
        "out_of_order_dangerous"
    ]
    assert subject.memory.rules == before


def test_a_reading_that_is_very_late_is_judged_by_itself() -> None:
    """Its neighbours may have been forgotten."""
    subject = Subject(oximetry_rules())
    subject.takes(spo2(1, 0, 97), spo2(3, 60, 97))
    day_later = T0_MS + 86_400_000
    late = Observation("s", 2, "oximetry", T0_MS + 30_000, {"spo2_pct": 80.0}, (), True, day_later)
    assert reach(subject.memory, [late]) is None
    outcome = subject.takes(late)
    assert [action.reason for action in outcome.actions if isinstance(action, Escalate)] == [
        "out_of_order_dangerous"
    ]


def test_the_past_is_needed_only_where_the_order_is_broken_and_only_since_a_checkpoint() -> None:
    subject = Subject(oximetry_rules())
    for n in range(120):
        event = spo2(n + 1, n * 60, 97)
        assert reach(subject.memory, [event]) is None
        subject.takes(event)
    near, far = subject.memory.mid.key, subject.memory.base.key
    assert reach(subject.memory, [spo2(200, 118.5 * 60, 97)]) == near
    assert reach(subject.memory, [spo2(200, (near[0] - T0_MS) / 1000 - 30, 97)]) == far
    assert 30 * MINUTE <= subject.memory.newest[0] - far[0] <= 62 * MINUTE


def test_another_visit_does_not_need_the_readings_of_the_last() -> None:
    subject = Subject(oximetry_rules())
    subject.takes(spo2(1, 0, 97), spo2(2, 60, 97))
    subject.takes(spo2(3, 40 * 86_400, 97))
    assert subject.memory.base.key == (T0_MS + 60_000, "s", 2)


def test_many_readings_in_little_time_bound_the_window_too() -> None:
    subject = Subject(oximetry_rules())
    for n in range(0, 3000, 100):
        subject.takes(*[spo2(n + i + 1, (n + i) / 10, 97) for i in range(100)])
    inside = [key for key in subject.journal if key > subject.memory.base.key]
    assert 1000 <= len(inside) <= 2100


def test_our_clock_set_back_begins_the_window_anew() -> None:
    subject = Subject(oximetry_rules())
    day = 86_400_000
    ahead = Observation("s", 1, "oximetry", T0_MS + day, {"spo2_pct": 97.0}, (), False, T0_MS + day)
    subject.takes(ahead)
    for n in range(20):
        t_ms = T0_MS + n * 1000
        subject.takes(Observation("s", n + 2, "oximetry", t_ms, {"spo2_pct": 80.0}, (), False, t_ms))
    assert [found.t_ms - T0_MS for found in subject.findings.values()] == [15_000]


# -- states that earlier versions wrote ---------------------------------------------------------------------


DIGESTS_THEN = {
    "low": "358cc7aa7adb",
    "two-of-three": "115941934a16",
    "falls-while-hot": "97f8cf53a09b",
    "no-temperature": "d91c25085e1f",
}


def written_before() -> list[dict[str, Any]]:
    """What versions 2 and 3 wrote for six subjects under `SEVERAL`, captured from them.

    The digests of its rules are those of today: what a digest is made of has changed since.
    """
    text = (Path(__file__).parent / "states_of_versions_2_and_3.jsonl").read_text()
    for rule, digest in DIGESTS_THEN.items():
        text = text.replace(digest, SEVERAL.by_id[rule].digest)
    return [json.loads(line) for line in text.splitlines()]


WRITTEN = written_before()


@pytest.mark.parametrize("version", ["state", "memory"])
@pytest.mark.parametrize("written", WRITTEN, ids=[one["name"] for one in WRITTEN])
def test_a_state_of_an_earlier_version_goes_on(written: dict[str, Any], version: str) -> None:
    """Nothing is told that was told before, nothing told is forgotten, and what is under way goes on."""
    subject = Subject(
        SEVERAL, load_memory(json.dumps(written[version]), no_profiles), grades=dict(written["grades"])
    )
    before = dict(subject.memory.rules.rules)
    assert {rule: list(state)[:14] for rule, state in before.items()} == {
        rule: packed[:14] for rule, packed in written["state"]["rules"].items()
    }
    assert subject.passes(T0_MS + 41_000).actions == ()
    assert rule_states(subject.memory.rules) == before
    oracle = Oracle(SEVERAL, states=before)
    for event in (spo2(11, 3600, 92), spo2(12, 3660, 92), spo2(13, 3700, 97), spo2(14, 3760, 97)):
        found = subject.takes(event).actions
        actions, _ = oracle.takes(event)
        assert sorted(map(repr, found)) == sorted(map(repr, actions))
    assert subject.grades["low"] == "green"


def test_a_state_of_an_earlier_version_under_a_changed_rule_keeps_its_alarm() -> None:
    (raised,) = [one for one in WRITTEN if one["name"] == "raised"]
    subject = Subject(
        CHANGED, load_memory(json.dumps(raised["memory"]), no_profiles), grades=dict(raised["grades"])
    )
    subject.takes(spo2(11, 100, 91))
    assert subject.grades["low"] == "red"
    assert not [found for found in subject.findings.values() if found.rule == "low"]


def test_a_state_of_a_newer_version_is_not_touched() -> None:
    with pytest.raises(ValueError, match="state version 99 is not 4"):
        load_memory('{"v": 99, "rules": {}}', no_profiles)


@pytest.mark.parametrize("spo2", [88.0, 97.0])
def test_own_limits_that_are_the_rules_own_lose_nothing_and_raise_nothing_again(spo2: float) -> None:
    """The rules do the same as before, and one of them stands alone from now on: so does what it remembers."""
    rules, memory = oximetry_rules(), NOTHING_YET
    usual = Facts(altitude_m=40)
    own = Facts(altitude_m=40, limits={"spo2-low": PersonalLimits(93, 95)})
    told: list[str] = []
    for n in range(60):
        values: dict[str, object] = {"spo2_pct": spo2}
        event = Observation("s", n + 1, "oximetry", T0_MS + n * 1000, values, (), False, T0_MS + n * 1000)
        outcome = judge(memory, [event], rules, own if 20 <= n < 40 else usual)
        memory = outcome.memory
        told += [type(one).__name__ for one in outcome.actions]
    assert told == (["GradeChange", "Escalate"] if spo2 < 93 else ["GradeChange"])
    for facts in (own, usual):
        after = tick(memory, T0_MS + 3_600_000, rules, facts)
        grades = {rule: state.grade for rule, state in rule_states(after.memory.rules).items()}
        assert grades == {"spo2-low": "red" if spo2 < 93 else "grey"}
