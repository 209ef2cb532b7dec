"""What a next reading like the one that was just judged will do, where that is little: see `steady`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cunmai_rules.thresholds.events import Decision, Observation, Reason
from cunmai_rules.thresholds.judge import Judge
from cunmai_rules.thresholds.plan import NOTHING, Group, Plan, Single
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.shared import NOTHING_SHARED
from cunmai_rules.thresholds.signal import Signal, given_by, is_in_order
from cunmai_rules.thresholds.state import GroupState, Memory, SubjectState
from cunmai_rules.thresholds.stay import FOR_EVER, Moves, Stay, stay_of
from cunmai_rules.thresholds.steady import OfGroup, OfRule, Recall, Says, Steady

Judged = Mapping[str, tuple[Judge, Reason]]
"""By rule id: what it was that was judged, and what came of it."""


def steady_after(state: SubjectState, event: Observation, plan: Plan, judged: Judged) -> Steady | None:
    """`state`: after this reading, which was put to the rules of `judged`. None: something is about to change."""
    return _Settling(state, event, plan, judged).outcome()


class _Settling:
    """Looks at each group and each rule that reads this kind; stops at the first that does more."""

    def __init__(self, state: SubjectState, event: Observation, plan: Plan, judged: Judged) -> None:
        self._state = state
        self._event = event
        self._plan = plan
        self._of_kind = plan.by_kind.get(event.kind, NOTHING)
        self._judged = judged
        self._until_ms = FOR_EVER
        self._apart_ms = FOR_EVER
        self._decisions: list[Decision] = []
        self._groups: list[OfGroup] = []
        self._recalls: list[Recall] = []
        self._memories: list[Memory] = []
        self._looking_back: list[Says] = []
        self._by_newest: list[Says] = []
        self._own_limits: list[tuple[VersionedRule, Signal]] = []
        self._rules: list[OfRule] = []

    def outcome(self) -> Steady | None:
        of_kind, event = self._of_kind, self._event
        if not all(self._group(group) for group in of_kind.groups):
            return None
        if not all(self._single(single) for single in of_kind.singles):
            return None
        return Steady(
            self._plan, event.quality, event.late, self._until_ms, self._apart_ms, tuple(self._groups),
            tuple(self._recalls), tuple(self._looking_back), tuple(self._by_newest), tuple(self._own_limits),
            tuple(self._rules), (*self._decisions, *of_kind.unfit), bool(event.quality),
        )  # fmt: skip

    def _stays(self, rule_id: str) -> Stay | None:
        judge, reason = self._judged[rule_id]
        stay = stay_of(judge, reason, self._event)
        if stay is not None:
            self._until_ms = min(self._until_ms, stay.until_ms)
            self._apart_ms = min(self._apart_ms, stay.apart_ms)
        return stay

    # -- groups ---------------------------------------------------------------------------------------

    def _group(self, group: Group) -> bool:
        ends = group.ends(self._event.values)
        if ends is None:
            self._decisions.append(group.says[Reason.NO_VALUE])
            return True
        state = self._state.groups.get(group.key, NOTHING_SHARED)
        is_evidence = group.trusts(self._event.quality)
        if not self._quiet_ones_stay(group, state, is_evidence=is_evidence):
            return False
        moves: dict[str, Moves] = {}
        says: list[tuple[VersionedRule, Signal]] = []
        met = group.may_be_met_by(*ends)
        for rule_id in dict.fromkeys([*(rule.rule.id for rule in met), *state.apart]):
            stay, signal = self._stays(rule_id), self._judged[rule_id][0].signal
            if stay is None or signal is None:
                return False
            self._decisions.append(Decision(rule_id, stay.reason))
            says.append((group.rules[rule_id], signal))
            moves[rule_id] = stay.moves
        if len(moves) < len(group.rules):
            self._decisions.append(group.says[Reason.NORMAL if is_evidence else Reason.QUALITY_GATED])
        if is_evidence:
            apart = tuple((rule_id, moves[rule_id]) for rule_id in state.apart)
            self._groups.append(OfGroup(group, met, tuple(says), apart))
        return True

    def _quiet_ones_stay(self, group: Group, state: GroupState, *, is_evidence: bool) -> bool:
        if is_evidence:
            self._apart_ms = min(self._apart_ms, group.stale_ms)
            return state.clear and state.evidence_ms == self._event.t_ms
        if state.clear:
            self._until_ms = min(self._until_ms, state.evidence_ms + group.stale_ms)
        return state.evidence_ms <= self._event.t_ms

    # -- rules of no group ----------------------------------------------------------------------------

    def _single(self, single: Single) -> bool:
        rule_id = single.rule.rule.id
        stay = self._stays(rule_id)
        if stay is None:
            return False
        self._decisions.append(single.says[stay.reason])
        judge, _ = self._judged[rule_id]
        recall = -1
        if judge.signal is not None:
            if single.rule.plain:
                self._own_limits.append((single.rule, judge.signal))
            elif not self._says_again(single, judge):
                return False
            elif judge.usable:
                recall = self._recall(single, judge.state.memory or {})
                says = self._looking_back if single.looks_back else self._by_newest
                says.append(Says(single.rule, recall, judge.signal))
        if stay.moves is not Moves.NOTHING or recall >= 0:
            self._rules.append(OfRule(rule_id, stay.moves, recall))
        return True

    def _says_again(self, single: Single, judge: Judge) -> bool:
        """Whether it says the same of the same classes, and until when; a rule that looks back is asked each time."""
        memory = judge.state.memory or {}
        if single.looks_back:
            return judge.usable and is_in_order(memory)
        now_ms, fresh = self._event.t_ms, {one.key for one, _ in given_by(self._event, single.rule)}
        for name, within_ms in single.needs:
            values = memory.get(name)
            if name in fresh or not values:
                continue
            measured_ms = values[-1][0]
            if measured_ms >= now_ms:
                return False  # of two values of one moment, which is newer is decided by name: not so with the next
            if measured_ms + within_ms >= now_ms:
                self._until_ms = min(self._until_ms, measured_ms + within_ms)
        return True

    def _recall(self, single: Single, memory: Memory) -> int:
        """The place of this memory, which other rules with the same inputs may have in common."""
        rule = single.rule
        inputs = tuple(one for one, _ in given_by(self._event, rule))
        stale_ms = rule.rule.stale_after_s * 1000
        for place, known in enumerate(self._memories):
            one = self._recalls[place]
            if one.stale_ms == stale_ms and one.inputs == inputs and (known is memory or known == memory):
                return place
        self._memories.append(memory)
        self._recalls.append(Recall(rule.rule.id, inputs, stale_ms))
        return len(self._recalls) - 1
