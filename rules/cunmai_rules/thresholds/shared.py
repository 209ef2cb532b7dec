"""What one reading, or the passing of time, does to a group of rules that share their evidence. Pure.

Only the rules whose limit is met, and those that stand apart already, are judged by themselves. For all the
others one line says it: the same phase, the same evidence, the same reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from cunmai_rules.thresholds.events import Action, Decision, GradeChange, Observation, Reason
from cunmai_rules.thresholds.judge import Judge
from cunmai_rules.thresholds.plan import Group
from cunmai_rules.thresholds.state import GroupState, RuleState, is_quiet, quiet_state
from cunmai_wire.events import Grade

NONE_APART: dict[str, RuleState] = {}
NOTHING_SHARED = GroupState()
NEW = RuleState()


@dataclass(slots=True)
class Said:
    """What is found on the way."""

    decisions: list[Decision] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    judged: dict[str, tuple[Judge, Reason]] = field(default_factory=dict)
    """Each rule that the reading was put to by itself, by id."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """One grade that all quiet rules take at once."""

    grade: Grade
    previous: Grade
    reason: Reason
    t_ms: int
    late: bool


def observe(group: Group, before: GroupState, event: Observation, said: Said) -> GroupState:
    """Take one reading of the group's kind."""
    ends = group.ends(event.values)
    if ends is None:
        said.decisions.append(group.says[Reason.NO_VALUE])
        return before
    met = group.may_be_met_by(*ends)
    usable = group.trusts(event.quality)
    t_ms = event.t_ms
    if (
        before.clear
        and usable
        and not met
        and not before.apart
        and before.evidence_ms <= t_ms <= before.evidence_ms + group.stale_ms
    ):  # the usual case, which `_together` would find as well
        said.decisions.append(group.normal)
        return GroupState(True, t_ms, NONE_APART)
    clear, evidence_ms, reason, turns = _together(group, before, event, usable)
    if not met and not before.apart:
        said.decisions.append(group.says[reason])
        _tell(group, NONE_APART, turns, said)
        return GroupState(clear, evidence_ms, NONE_APART)
    visited = {rule.rule.id: rule for rule in met}
    for rule_id in before.apart:
        visited[rule_id] = group.rules[rule_id]
    apart: dict[str, RuleState] = {}
    for rule_id, rule in visited.items():
        judge = Judge(rule, before.apart.get(rule_id) or quiet_state(before, rule.version, rule.digest))
        judged = judge.observe(event)
        said.judged[rule_id] = judge, judged
        said.decisions.append(Decision(rule_id, judged))
        said.actions += judge.actions
        if not is_quiet(judge.state, clear, evidence_ms):
            apart[rule_id] = judge.state
    if len(visited) < len(group.rules):
        said.decisions.append(group.says[reason])
        _tell(group, visited, turns, said)
    return GroupState(clear, evidence_ms, apart)


def _together(
    group: Group, before: GroupState, event: Observation, usable: bool
) -> tuple[bool, int, Reason, tuple[_Turn, ...]]:
    """What a reading that meets no limit of theirs means for the quiet rules: as `Judge.observe` has it."""
    clear, evidence_ms, t_ms = before.clear, before.evidence_ms, event.t_ms
    if event.arrived_ms is not None and evidence_ms > event.arrived_ms:
        evidence_ms = t_ms  # our own clock was ahead: see `Judge`
    if t_ms < evidence_ms:
        return clear, evidence_ms, Reason.OUT_OF_ORDER if usable else Reason.QUALITY_GATED, ()
    turns: tuple[_Turn, ...] = ()
    if clear and t_ms > evidence_ms + group.stale_ms:
        turns = (_stale(evidence_ms + group.stale_ms + 1),)
        clear = False
    if not usable:
        return clear, evidence_ms, Reason.QUALITY_GATED, turns
    if not clear:
        turns = (*turns, _Turn(Grade.GREEN, Grade.GREY, Reason.NORMAL, t_ms, event.late))
    return True, t_ms, Reason.NORMAL, turns


def advance(group: Group, before: GroupState, now_ms: int, said: Said) -> GroupState:
    """Do what has fallen due before `now_ms`."""
    clear = before.clear
    if clear and now_ms > before.evidence_ms + group.stale_ms:
        clear = False
        if len(before.apart) < len(group.rules):
            said.decisions.append(group.says[Reason.STALE])
            _tell(group, before.apart, (_stale(before.evidence_ms + group.stale_ms + 1),), said)
    apart: dict[str, RuleState] = {}
    for rule_id, state in before.apart.items():
        judge = Judge(group.rules[rule_id], state)
        reason = judge.advance(now_ms)
        if reason is not None:
            said.decisions.append(Decision(rule_id, reason))
        said.actions += judge.actions
        if not is_quiet(judge.state, clear, before.evidence_ms):
            apart[rule_id] = judge.state
    return GroupState(clear, before.evidence_ms, apart or NONE_APART)


def due_ms(group: Group, state: GroupState) -> int | None:
    """When the passing of time next changes anything that anyone sees, or None."""
    times: list[int] = []
    if state.clear and len(state.apart) < len(group.rules):
        times.append(state.evidence_ms + group.stale_ms + 1)
    for rule_id, one in state.apart.items():
        due = Judge(group.rules[rule_id], one).due_ms() if one.phase in ("pending", "clear") else None
        times += [] if due is None else [due]
    return min(times, default=None)


def put_together(group: Group, states: Mapping[str, RuleState]) -> GroupState:
    """The group's state from each rule's own. Rules that are missing have seen nothing."""
    every = {rule_id: states.get(rule_id, NEW) for rule_id in group.rules}
    votes = Counter((one.phase == "clear", one.evidence_ms) for one in every.values())
    clear, evidence_ms = max(votes, key=lambda vote: (votes[vote], vote[1], vote[0]))
    apart = {rule_id: one for rule_id, one in every.items() if not is_quiet(one, clear, evidence_ms)}
    return GroupState(clear, evidence_ms, apart or NONE_APART)


def _stale(t_ms: int) -> _Turn:
    return _Turn(Grade.GREY, Grade.GREEN, Reason.STALE, t_ms, late=False)


def _tell(group: Group, but: Collection[str], turns: tuple[_Turn, ...], said: Said) -> None:
    for turn in turns:
        said.actions += [
            GradeChange(rule_id, rule.version, turn.grade, turn.previous, turn.reason, turn.t_ms, turn.late)
            for rule_id, rule in group.rules.items()
            if rule_id not in but
        ]
