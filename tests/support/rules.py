"""Rules built from text, readings built from a few numbers, and a story's state carried along."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Action, Escalate, GradeChange, Observation, Tick
from cunmai_rules.thresholds.loader import build_rules
from cunmai_rules.thresholds.packed import pack_profile, pack_state, unpack_profile, unpack_state
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.state import NOTHING_SEEN, Profile, SubjectState
from cunmai_rules.thresholds.step import step

T0_MS = 1_767_323_045_000
"""2026-01-02T03:04:05Z."""

OXIMETRY = b"""\
pack: oximetry
version: 7
title: {zh: test, en: test}
rules:
  - id: spo2-low
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15, gap_s: 600}
    clear: {at_or_above: 95, for_s: 30}
    quality: {accept: [from_storage]}
    lane: page
    stale_after_s: 900
    source: a test
"""


def oximetry_rules(raw: bytes = OXIMETRY) -> RuleSet:
    return build_rules([("oximetry.yaml", raw)])


def one_rule(when: str, clear: str | None = None, **more: str) -> RuleSet:
    """A pack of one rule, `r1`, from the YAML of its parts."""
    parts = {"grade": "red", "lane": "page", "when": when, **({"clear": clear} if clear else {}), **more}
    lines = "".join(f"    {name}: {value}\n" for name, value in parts.items())
    text = (
        "pack: test\nversion: 1\ntitle: {zh: test, en: test}\nrules:\n"
        f"  - id: r1\n    title: {{zh: test, en: test}}\n    source: a test\n{lines}"
    )
    return build_rules([("test.yaml", text.encode())])


def no_profiles(_key: str) -> Profile | None:
    """For states that have none."""
    return None


def through_json(state: SubjectState) -> SubjectState:
    """As after a restart."""
    again = unpack_state(
        json.loads(json.dumps(pack_state(state))), unpack_profile(pack_profile(state.profile))
    )
    assert again == state
    return again


@dataclass
class Story:
    """One subject's readings and ticks, in order. The state goes through JSON at every step."""

    rules: RuleSet = field(default_factory=oximetry_rules)
    state: SubjectState = NOTHING_SEEN
    actions: list[Action] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    facts: Facts = NOTHING_KNOWN
    _seq: int = 0

    def reads(
        self,
        at_s: float,
        spo2_pct: float | None,
        *quality: str,
        late: bool = False,
        arrived_s: float | None = None,
    ) -> Story:
        """A reading measured `at_s` seconds into the story."""
        self._seq += 1
        values = {"mode": "continuous"} | ({} if spo2_pct is None else {"spo2_pct": spo2_pct})
        t_ms = T0_MS + int(at_s * 1000)
        arrived_ms = None if arrived_s is None else T0_MS + int(arrived_s * 1000)
        return self._step(Observation("s", self._seq, "oximetry", t_ms, values, quality, late, arrived_ms))

    def sees(self, at_s: float, kind: str, *quality: str, **values: object) -> Story:
        """A reading of any kind, live."""
        self._seq += 1
        t_ms = T0_MS + int(at_s * 1000)
        return self._step(Observation("s", self._seq, kind, t_ms, values, quality, late=False))

    def passes(self, at_s: float) -> Story:
        """Time has come to `at_s`."""
        return self._step(Tick(T0_MS + int(at_s * 1000)))

    def _step(self, event: Observation | Tick) -> Story:
        outcome = step(through_json(self.state), event, self.rules, self.facts)
        self.state = outcome.state
        self.actions += outcome.actions
        self.reasons += [decision.reason for decision in outcome.decisions]
        return self

    @property
    def escalations(self) -> list[tuple[str, str, float]]:
        """Lane, reason and the second it is about."""
        return [
            (action.lane.value, action.reason.value, (action.t_ms - T0_MS) / 1000)
            for action in self.actions
            if isinstance(action, Escalate)
        ]

    @property
    def keys(self) -> set[str]:
        """What identifies each escalation: a repeated key is the same one."""
        return {action.key for action in self.actions if isinstance(action, Escalate)}

    @property
    def priorities(self) -> list[str]:
        """Of each escalation."""
        return [action.priority.value for action in self.actions if isinstance(action, Escalate)]

    @property
    def sources(self) -> list[tuple[str, int] | None]:
        """The reading that each escalation is about."""
        return [
            (action.source.stream, action.source.seq) if action.source else None
            for action in self.actions
            if isinstance(action, Escalate)
        ]

    @property
    def grades(self) -> list[tuple[str, float]]:
        """Each new grade, and the second it is about."""
        return [
            (action.grade.value, (action.t_ms - T0_MS) / 1000)
            for action in self.actions
            if isinstance(action, GradeChange)
        ]


def story(when: str, clear: str | None = "{for_s: 0}", **more: str) -> Story:
    """Of one rule, that clears at once where nothing else is said."""
    return Story(rules=one_rule(when, clear, **more))
