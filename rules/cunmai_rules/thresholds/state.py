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


Groups = dict[str, GroupState]
"""By the group's key. One that is missing has seen nothing."""

Rules = dict[str, RuleState]
"""By rule id: rules that are of no group."""


class Behind:
    """Readings by which groups and rules have still to be moved on: see `steady`."""

    __slots__ = ()

    def caught_up(self) -> tuple[Groups, Rules]:
        """The states after those readings."""
        raise NotImplementedError


class SubjectState:
    """All that the rules remember of one subject. Never changed: what is worked out late is what it always was."""

    __slots__ = ("_groups", "_rules", "behind", "hint", "profile")

    def __init__(
        self,
        groups: Groups | None = None,
        rules: Rules | None = None,
        profile: Profile = NO_GROUPS,
        hint: Hint = NO_HINT,
        behind: Behind | None = None,
    ) -> None:
        """`profile`: what the groups were last judged by. `hint`: of the last step, for the next.

        `behind`: stands in for groups and rules, until somebody asks for them.
        """
        self._groups: Groups = {} if groups is None else groups
        self._rules: Rules = {} if rules is None else rules
        self.profile = profile
        self.hint = hint
        self.behind = behind

    @property
    def groups(self) -> Groups:
        if self.behind is not None:
            self._catch_up(self.behind)
        return self._groups

    @property
    def rules(self) -> Rules:
        if self.behind is not None:
            self._catch_up(self.behind)
        return self._rules

    def _catch_up(self, behind: Behind) -> None:
        self._groups, self._rules = behind.caught_up()
        self.behind = None

    def under(self, profile: Profile) -> SubjectState:
        """The same under another profile."""
        return SubjectState(self.groups, self.rules, profile, self.hint)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SubjectState):
            return NotImplemented
        return self is other or (
            self.profile == other.profile and self.groups == other.groups and self.rules == other.rules
        )

    def __hash__(self) -> int:
        return hash(self.profile)

    def __repr__(self) -> str:
        return f"SubjectState({self.groups!r}, {self.rules!r}, {self.profile!r})"


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
        rule: states for key, group in state.groups.items() for rule, states in of_group(state, key, group)
    }


def rule_state(state: SubjectState, rule: str) -> RuleState:
    """What one rule remembers by itself; of a quiet one, nothing."""
    for group in state.groups.values():
        if rule in group.apart:
            return group.apart[rule]
    return state.rules.get(rule, _DEFAULTS)


def of_group(state: SubjectState, key: str, group: GroupState) -> Iterator[tuple[str, RuleState]]:
    for rule, version, digest in state.profile.groups.get(key, ()):
        yield rule, group.apart.get(rule) or quiet_state(group, version, digest)


_DEFAULTS = RuleState()
