"""The indexed step finds exactly what every rule finds by itself: the same grades, actions and reasons."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts, PersonalLimits
from cunmai_rules.thresholds.events import Action, GradeChange, Observation, Reason, Tick
from cunmai_rules.thresholds.loader import build_rules
from cunmai_rules.thresholds.plan import plan_of, reasons_by_rule
from cunmai_rules.thresholds.ruleset import RuleSet, digest_of
from cunmai_rules.thresholds.state import NOTHING_SEEN, SubjectState, rule_states
from cunmai_rules.thresholds.step import due_ms, step
from support.campaign import campaign
from support.oracle import Oracle
from support.rules import T0_MS, through_json

CAMPAIGN = campaign(60)


@dataclass
class Both:
    """One subject, judged by the indexed step and by the oracle."""

    rules: RuleSet
    facts: Facts = NOTHING_KNOWN
    state: SubjectState = NOTHING_SEEN
    oracle: Oracle = field(init=False)
    as_json: bool = True
    """Whether the state is written and read between events. What is not need not be judged in full."""

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.rules, self.facts)

    def changes(self, rules: RuleSet, facts: Facts, t_ms: int) -> None:
        """Other rules or facts: what follows is told at once, as the window does it."""
        self.rules, self.facts = rules, facts
        self.oracle.rules, self.oracle.facts = rules, facts
        self.takes(Tick(t_ms))

    def takes(self, event: Observation | Tick) -> None:
        state = through_json(self.state) if self.as_json else self.state
        done = step(state, event, self.rules, self.facts)
        actions, reasons = self.oracle.takes(event)
        assert sorted(map(_said, done.actions)) == sorted(map(_said, actions))
        if isinstance(event, Observation):
            assert reasons_by_rule(done.decisions, plan_of(self.rules, self.facts)) == reasons
        self.state = done.state
        self._same_grades()

    def _same_grades(self) -> None:
        grades = {rule: one.grade for rule, one in rule_states(self.state).items() if one.grade != "grey"}
        assert grades == self.oracle.grades


def _said(action: Action) -> str:
    if isinstance(action, GradeChange) and action.reason in (Reason.RULE_REMOVED, Reason.NOT_APPLICABLE):
        return f"{action.rule} {action.grade} {action.previous} {action.reason} {action.t_ms}"
    return repr(action)


# -- many rules, any readings --------------------------------------------------------------------------------

VALUES = (
    ("oximetry.spo2_pct", "%", (85.0, 90.0, 93.0, 95.0)),
    ("oximetry.pulse_bpm", "/min", (50.0, 100.0, 120.0)),
    ("temperature.temperature_c", "Cel", (36.0, 38.0)),
)
SIDES = {
    "at_or_below": ("above", "at_or_above"),
    "below": ("above", "at_or_above"),
    "at_or_above": ("below", "at_or_below"),
    "above": ("below", "at_or_below"),
}


@st.composite
def plain_rules(draw: st.DrawFn, rule_id: str) -> str:
    reads, unit, limits = draw(st.sampled_from(VALUES))
    side = draw(st.sampled_from(sorted(SIDES)))
    limit, clear_by = draw(st.sampled_from(limits)), draw(st.sampled_from([0.0, 0.0, 2.0]))
    clear_side = draw(st.sampled_from(SIDES[side]))
    if not clear_by and side.startswith("at_or") and clear_side.startswith("at_or"):
        clear_side = SIDES[side][0]
    clear = limit + clear_by if "below" in side else limit - clear_by
    spell = draw(st.sampled_from(["", ", for_s: 60", ", for_s: 120, gap_s: 100"]))
    clear_for = draw(st.sampled_from(["", ", for_s: 60"]))
    more = draw(
        st.lists(
            st.sampled_from(["quality: {accept: [from_storage], doubt_after_s: 60}", "stale_after_s: 300"]),
            unique=True,
        )
    )
    applies = draw(st.sampled_from(["", "", "applies: {pregnant: true}", "applies: {age_years: {below: 5}}"]))
    return _rule(
        rule_id,
        f"{{reads: {reads}, unit: '{unit}', {side}: {limit}{spell}}}",
        f"clear: {{{clear_side}: {clear}{clear_for}}}",
        draw(st.sampled_from(["red", "yellow"])),
        draw(st.sampled_from(["page", "review"])),
        *more,
        *([applies] if applies else []),
    )


def _rule(rule_id: str, when: str, clear: str, grade: str, lane: str, *more: str) -> str:
    lines = [f"when: {when}", clear, f"grade: {grade}", f"lane: {lane}", "source: a test", *more]
    body = "".join(f"    {line}\n" for line in lines if line)
    return f"  - id: {rule_id}\n    title: {{zh: t, en: t}}\n{body}"


OTHERS = (
    _rule(
        "two-of-three",
        "{reads: oximetry.spo2_pct, unit: '%', below: 95, at_least: 2, of_last: 3}",
        "clear: {at_or_above: 96}",
        "yellow",
        "review",
    ),
    _rule(
        "no-temperature", "{nothing_heard: temperature, after: oximetry, for_s: 300}", "", "yellow", "review"
    ),
    _rule(
        "hot-and-low",
        "{all: [{reads: oximetry.spo2_pct, unit: '%', below: 93},"
        " {reads: temperature.temperature_c, unit: Cel, at_or_above: 38}]}",
        "clear: {for_s: 0}",
        "red",
        "page",
    ),
)


@st.composite
def rule_sets(draw: st.DrawFn) -> list[RuleSet]:
    """A rule set and what it may become: rules that go, come, and judge differently, or in other words."""
    names = [f"rule-{n}" for n in range(draw(st.integers(1, 12)))]
    texts = {name: draw(plain_rules(name)) for name in names}
    others = draw(st.lists(st.sampled_from(OTHERS), unique=True))
    sets = [_build([*texts.values(), *others])]
    for _ in range(draw(st.integers(0, 2))):
        for name in draw(st.lists(st.sampled_from(names), max_size=4, unique=True)):
            if draw(st.booleans()):
                texts.pop(name, None)
            else:
                texts[name] = draw(plain_rules(name))
        sets.append(_build([*texts.values(), *others, *([] if texts or others else OTHERS[:1])]))
    words = [text.replace("a test", "signed") for text in (*texts.values(), *others)] or [OTHERS[0]]
    return [*sets, _build(words)]


def _build(texts: list[str]) -> RuleSet:
    head = "pack: many\nversion: 1\ntitle: {zh: test, en: test}\nrules:\n"
    return build_rules([("many.yaml", (head + "".join(texts)).encode())])


FACTS = (
    NOTHING_KNOWN,
    Facts(pregnant=True, age_years=30.5),
    Facts(pregnant=False, age_years=4.9),
    Facts(pregnant=False, age_years=40, limits={"rule-0": PersonalLimits(88, 90)}),
    Facts(altitude_m=3000),
)


@pytest.mark.parametrize("as_json", [True, False])
@CAMPAIGN
@given(data=st.data())
def test_the_index_finds_what_every_rule_finds_by_itself(data: st.DataObject, as_json: bool) -> None:
    draw = data.draw
    sets = draw(rule_sets())
    usable_facts = [facts for facts in FACTS if not facts.limits or _can_have_own(sets)]
    both = Both(sets[0], draw(st.sampled_from(usable_facts)), as_json=as_json)
    now_ms = T0_MS
    for seq in range(1, draw(st.integers(1, 30)) + 1):
        now_ms += draw(st.sampled_from([0, 30, 60, 60, 120, 301, 1000])) * 1000
        what = draw(st.sampled_from(["reading"] * 8 + ["past", "clock", "tick", "rules", "facts"]))
        match what:
            case "tick":
                both.takes(Tick(now_ms))
            case "rules":
                both.changes(draw(st.sampled_from(sets)), both.facts, now_ms)
            case "facts":
                both.changes(both.rules, draw(st.sampled_from(usable_facts)), now_ms)
            case "past":
                both.takes(draw(readings(seq, now_ms - draw(st.sampled_from([60_000, 3_600_000])), now_ms)))
            case "clock":
                now_ms -= draw(st.sampled_from([600_000, 7_200_000]))
                both.takes(draw(readings(seq, now_ms, now_ms)))
            case _:
                both.takes(draw(readings(seq, now_ms, draw(st.sampled_from([None, now_ms])))))


def _can_have_own(sets: list[RuleSet]) -> bool:
    """The limits of `FACTS` are for rules on low values."""
    return all(
        "rule-0" not in rules.by_id or rules.by_id["rule-0"].rule.when.direction.low_side  # type: ignore[union-attr]
        for rules in sets
    )


@st.composite
def readings(draw: st.DrawFn, seq: int, t_ms: int, arrived_ms: int | None) -> Observation:
    quality = draw(st.sampled_from([(), (), (), ("low_perfusion",), ("from_storage",)]))
    if draw(st.integers(0, 3)) == 0:
        kind = "temperature"
        values = {"temperature_c": draw(st.sampled_from([36.0, 37.0, 38.0, 39.0]))}
    else:
        kind = "oximetry"
        values = {
            name: draw(st.sampled_from(those))
            for name, those in (
                ("spo2_pct", [84.0, 85.0, 90.0, 91.0, 93.0, 94.0, 95.0, 98.0]),
                ("pulse_bpm", [50.0, 70.0, 100.0, 120.0]),
            )
            if draw(st.integers(0, 4))
        }
    return Observation("s", seq, kind, t_ms, values, quality, draw(st.booleans()), arrived_ms)


# -- limits, found by bisection ------------------------------------------------------------------------------


@pytest.mark.parametrize("side", sorted(SIDES))
@pytest.mark.parametrize("value", [92.9, 93, 93.0, 93.1])
def test_every_side_of_a_limit_is_met_as_the_rule_itself_says(side: str, value: float) -> None:
    clear = SIDES[side][0]
    texts = [
        _rule(f"rule-{n}", f"{{reads: oximetry.spo2_pct, unit: '%', {side}: {limit}}}", f"clear: {{{clear}: {limit}}}",
              "red", "page")
        for n, limit in enumerate([92, 93, 93, 94])
    ]  # fmt: skip
    if side in ("below", "above"):
        texts = [text.replace("clear: {below", "clear: {at_or_below") for text in texts]
    both = Both(_build(texts))
    both.takes(Observation("s", 1, "oximetry", T0_MS, {"spo2_pct": value}, (), False))
    met = {rule for rule, one in rule_states(both.state).items() if one.grade == "red"}
    by_hand = {
        "at_or_below": {92.9: "123", 93: "123", 93.1: "3"},
        "below": {92.9: "123", 93: "3", 93.1: "3"},
        "at_or_above": {92.9: "0", 93: "012", 93.1: "012"},
        "above": {92.9: "0", 93: "0", 93.1: "012"},
    }
    assert met == {f"rule-{n}" for n in by_hand[side][value]}


def test_a_table_meets_low_limits_by_its_lowest_entry_and_high_ones_by_its_highest() -> None:
    reads = "reads: site_status.stock_days, unit: d"
    low = _rule("short", f"{{{reads}, below: 14}}", "clear: {at_or_above: 14}", "yellow", "review")
    high = _rule("much", f"{{{reads}, above: 300}}", "clear: {at_or_below: 300}", "yellow", "review")
    both = Both(_build([low, high]))
    days = {"a": 10.0, "b": 301.0}
    both.takes(Observation("s", 1, "site_status", T0_MS, {"stock_days": days}, (), False))
    assert both.oracle.grades == {"short": "yellow", "much": "yellow"}


# -- what is kept --------------------------------------------------------------------------------------------


def test_quiet_rules_keep_one_state_together_and_are_named_together() -> None:
    texts = [
        _rule(f"rule-{n}", f"{{reads: oximetry.spo2_pct, unit: '%', below: {60 + n}}}",
              f"clear: {{at_or_above: {60 + n}}}", "red", "page")
        for n in range(30)
    ]  # fmt: skip
    both = Both(_build(texts))
    both.takes(Observation("s", 1, "oximetry", T0_MS, {"spo2_pct": 97.0}, (), False))
    ((key, group),) = both.state.groups.items()
    assert (key, group.evidence_ms, group.apart, both.state.rules) == (
        "oximetry.spo2_pct//900",
        T0_MS,
        {},
        {},
    )
    done = step(
        both.state, Observation("s", 2, "oximetry", T0_MS + 1000, {"spo2_pct": 88.5}, (), False), both.rules
    )
    assert {decision.rule: decision.reason for decision in done.decisions} == {
        "rule-29": Reason.LIMIT_MET,
        key: Reason.NORMAL,
    }
    assert set(done.state.groups[key].apart) == {"rule-29"}


def test_the_next_tick_is_that_of_the_rule_that_is_due_first() -> None:
    low = _rule("low", "{reads: oximetry.spo2_pct, unit: '%', below: 90, for_s: 60, gap_s: 100}",
                "clear: {at_or_above: 90}", "red", "page")  # fmt: skip
    other = low.replace("id: low", "id: other").replace("below: 90", "below: 80")
    both = Both(_build([low, other]))
    both.takes(Observation("s", 1, "oximetry", T0_MS, {"spo2_pct": 97.0}, (), False))
    assert due_ms(both.state, both.rules) == T0_MS + 900_001
    both.takes(Observation("s", 2, "oximetry", T0_MS + 1000, {"spo2_pct": 85.0}, (), False))
    assert due_ms(both.state, both.rules) == T0_MS + 101_001
    assert due_ms(both.state, _build([low])) == 0
    assert due_ms(both.state, _build([low.replace("a test", "signed"), other])) == T0_MS + 101_001


def test_residents_who_differ_only_in_what_no_rule_asks_have_one_plan() -> None:
    rules = _build([_rule("r1", "{reads: oximetry.spo2_pct, unit: '%', below: 90}", "clear: {at_or_above: 90}",
                          "red", "page", "applies: {age_years: {at_or_above: 16}}")])  # fmt: skip
    everybody = Facts(age_years=70.1), Facts(age_years=81.7, risk_colour="red"), Facts(age_years=15.9)
    old, older, child = (plan_of(rules, facts) for facts in everybody)
    assert old.profile is older.profile
    assert (old.by_kind is older.by_kind, old.facts.age_years) == (True, 70.1)
    assert (old.digest, child.digest, set(child.rules)) == (older.digest, digest_of([]), set())
