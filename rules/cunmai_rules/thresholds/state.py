"""What the rules remember of one subject. Plain values that survive JSON unchanged.

A rule that is quiet (nothing is wrong, nothing is under way) has no state of its own: it is one of a group
that shares its evidence, and the group says for all of them when that evidence was and whether it still
counts. docs/decisions/0012 says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cunmai_rules.thresholds.hint import NO_HINT, Hint

Phase = Literal["unknown", "clear", "pending", "raised"]
Told = Literal["nobody", "review", "page"]


Memory = dict[str, tuple[tuple[int, float | str | bool], ...]]
"""By `kind.field`: when measured and the value, oldest first."""


class RuleState(NamedTuple):
    """One rule's memory of one subject. Times are milliseconds; 0 means never.

    phase: unknown - no evidence yet, or none for too long; clear; pending - the condition was met, not yet
    for long enough; raised.
    """

    phase: Phase = "unknown"
    held: bool = False
    """An earlier alarm that no reading has cleared: its grade stays, and it can be raised anew."""
    grade: str = "grey"
    """The grade last told."""
    since_ms: int = 0
    """pending: the spell's first reading. raised: the reading that raised it."""
    stream: str = ""
    """pending: of the spell's first reading."""
    seq: int = 0
    met_ms: int = 0
    """pending: the last reading that met the limit."""
    evidence_ms: int = 0
    """The last reading that counted."""
    clearing_ms: int = 0
    """raised or held: since when the clearing condition has held."""
    told: Told = "nobody"
    """raised: what was asked of people; a review becomes a page when live readings confirm it."""
    doubt_ms: int = 0
    """The first of the dangerous readings that were no evidence, since the last that was."""
    doubt_last_ms: int = 0
    doubt_told_ms: int = 0
    """When a task to measure again was last made of them; forgotten with the first evidence of a later hour."""
    version: str = ""
    """Of the file that the rule came from."""
    digest: str = ""
    """Of the rule that this state was made under. Another digest: the rule has changed."""
    memory: Memory | None = None
    """The newest values of each input, of rules that look at more than one value."""
    prompted_ms: int = 0
    """When the kiosk was last asked to prompt; forgotten with the first evidence when it may be again."""


_NEW = tuple.__new__
"""`_replace` takes four times as long, and these are done for every rule and reading."""


def with_evidence(state: RuleState, t_ms: int, memory: Memory | None) -> RuleState:
    """After a reading that counted: its time, the memory with it, and no doubt any more."""
    return _NEW(RuleState, (*state[:7], t_ms, *state[8:10], 0, *state[11:15], memory, state[16]))


def with_spell(state: RuleState, t_ms: int, memory: Memory | None) -> RuleState:
    """The same, of a reading that met the condition as those before it did."""
    return _NEW(RuleState, (*state[:6], t_ms, t_ms, *state[8:10], 0, *state[11:15], memory, state[16]))


def with_phase(state: RuleState, phase: Phase, grade: str) -> RuleState:
    """In another phase, or the same."""
    return _NEW(RuleState, (phase, state.held, grade, *state[3:]))


def with_memory(state: RuleState, memory: Memory | None) -> RuleState:
    """After a reading that is remembered, and decides nothing."""
    return _NEW(RuleState, (*state[:15], memory, state[16]))


class Member(NamedTuple):
    """A rule of a group, as it was when the group was last judged."""

    rule: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Which rules share evidence. Thousands of subjects have one in common: it is kept once, under its key."""

    key: str
    """Of all that it says."""
    digest: str = field(compare=False)
    """Of what its rules do: other words in a file leave it as it was."""
    groups: Mapping[str, tuple[Member, ...]] = field(compare=False)
    """By the group's key."""


def profile_of(groups: Mapping[str, tuple[Member, ...]]) -> Profile:
    """The profile of these groups."""
    does = sorted((key, rule, digest) for key, members in groups.items() for rule, _, digest in members)
    return Profile(_hash(groups), _hash(does), groups)


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


NO_GROUPS = profile_of({})


class GroupState(NamedTuple):
    """What the rules of one group remember together."""

    clear: bool = False
    """The quiet ones: clear, or (no evidence yet, or none for too long) unknown."""
    evidence_ms: int = 0
    apart: dict[str, RuleState] = {}  # noqa: RUF012 - never changed in place
    """By rule id: those that are not as the others are."""


class SubjectState(NamedTuple):
    """All that the rules remember of one subject. Never changed in place."""

    groups: dict[str, GroupState] = {}  # noqa: RUF012
    """By the group's key. One that is missing has seen nothing."""
    rules: dict[str, RuleState] = {}  # noqa: RUF012
    """By rule id: rules that are of no group."""
    profile: Profile = NO_GROUPS
    """What `groups` were last judged by."""
    hint: Hint = NO_HINT
    """Of the last step, for the next: see `steady`."""


NOTHING_SEEN = SubjectState()


def quiet_state(group: GroupState, version: str, digest: str) -> RuleState:
    """What a quiet rule of this group would remember by itself."""
    phase: Phase = "clear" if group.clear else "unknown"
    grade = "green" if group.clear else "grey"
    return RuleState(phase, False, grade, evidence_ms=group.evidence_ms, version=version, digest=digest)


def is_quiet(state: RuleState, clear: bool, evidence_ms: int) -> bool:
    """Whether a rule may go back among the quiet ones: nothing of its state is its own."""
    return (
        state.evidence_ms == evidence_ms
        and state.phase == ("clear" if clear else "unknown")
        and state.grade == ("green" if clear else "grey")
        and not state.held
        and not state.clearing_ms
        and state.told == "nobody"
        and not state.doubt_ms
        and not state.doubt_told_ms
        and not state.prompted_ms
        and state.memory is None
    )


def rule_states(state: SubjectState) -> dict[str, RuleState]:
    """What each rule remembers, the quiet ones too, by rule id."""
    return dict(state.rules) | {
        rule: states for key, group in state.groups.items() for rule, states in _of_group(state, key, group)
    }


def rule_state(state: SubjectState, rule: str) -> RuleState:
    """What one rule remembers by itself; of a quiet one, nothing."""
    for group in state.groups.values():
        if rule in group.apart:
            return group.apart[rule]
    return state.rules.get(rule, _DEFAULTS)


def _of_group(state: SubjectState, key: str, group: GroupState) -> Iterator[tuple[str, RuleState]]:
    for rule, version, digest in state.profile.groups.get(key, ()):
        yield rule, group.apart.get(rule) or quiet_state(group, version, digest)


class GradeNow(NamedTuple):
    """A rule's grade, and the version of the file that it was found by."""

    grade: str
    version: str


UNGRADED = GradeNow("grey", "")


def grade_differences(before: SubjectState, after: SubjectState) -> dict[str, tuple[GradeNow, GradeNow]]:
    """Where two states of one subject, under the same profile, differ in a grade."""
    was, now = _grades_that_may_differ(before, after), _grades_that_may_differ(after, before)
    pairs = {rule: (was.get(rule, UNGRADED), now.get(rule, UNGRADED)) for rule in was.keys() | now.keys()}
    return {rule: pair for rule, pair in pairs.items() if pair[0].grade != pair[1].grade}


def _grades_that_may_differ(state: SubjectState, other: SubjectState) -> dict[str, GradeNow]:
    found = {rule: GradeNow(one.grade, one.version) for rule, one in state.rules.items()}
    for key, group in state.groups.items():
        beside = other.groups.get(key, _NOTHING_SHARED)
        if group.clear != beside.clear or group.apart or beside.apart:
            found |= {rule: GradeNow(one.grade, one.version) for rule, one in _of_group(state, key, group)}
    return found


_DEFAULTS = RuleState()
_NOTHING_SHARED = GroupState()
