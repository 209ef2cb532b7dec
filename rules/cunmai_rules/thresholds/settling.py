"""What a next reading like the one that was just judged will do, where that is little: see `steady`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from cunmai_rules.thresholds.events import Decision, Observation, Reason
from cunmai_rules.thresholds.glance import NO_MEMORY, Glance
from cunmai_rules.thresholds.judge import Judge
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.plan import NOTHING, Group, Plan, Single
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.shared import NOTHING_SHARED
from cunmai_rules.thresholds.signal import Given, Signal, is_decided_without, is_in_order
from cunmai_rules.thresholds.standing import MOST_BEHIND, OfGroup, OfRule, Recall, Says, Steady
from cunmai_rules.thresholds.state import GroupState, Memory, SubjectState
from cunmai_rules.thresholds.stay import FOR_EVER, Moves, Stay, stay_of

Judged = Mapping[str, tuple[Judge, Reason]]
"""By rule id: what it was that was judged, and what came of it."""


def steady_after(
    state: SubjectState, event: Observation, plan: Plan, judged: Judged, glance: Glance
) -> Steady | None:
    """`state`: after this reading, which was put to the rules of `judged`. None: something is about to change."""
    return _Settling(state, event, plan, judged, glance).outcome()


class _Settling:
    """Looks at each group and each rule that reads this kind; stops at the first that does more."""

    def __init__(
        self, state: SubjectState, event: Observation, plan: Plan, judged: Judged, glance: Glance
    ) -> None:
        self._state = state
        self._event = event
        self._plan = plan
        self._of_kind = plan.by_kind.get(event.kind, NOTHING)
        self._judged = judged
        self._glance = glance
        self._until_ms = FOR_EVER
        self._apart_ms = FOR_EVER
        self._decisions: list[Decision] = []
        self._groups: list[OfGroup] = []
        self._recalls: list[Recall] = []
        self._memories: list[tuple[Memory, Given]] = []
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
        recalls = tuple(self._recalls)
        return Steady(
            self._plan, event.quality, event.late, self._until_ms, self._apart_ms, tuple(self._groups), recalls,
            tuple(one for one in recalls if one.lasting), tuple(self._looking_back), tuple(self._by_newest),
            tuple(self._own_limits), tuple(self._rules), (*self._decisions, *of_kind.unfit),
            1 if self._looking_back else MOST_BEHIND, bool(event.quality), set(),
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
        recall = None
        if judge.signal is not None:
            if single.rule.plain:
                self._own_limits.append((single.rule, judge.signal))
            elif judge.usable:
                recall = self._recall(single, judge.state.memory or NO_MEMORY)
            if not single.rule.plain and not self._says_again(single, judge, judge.signal, recall):
                return False
        if stay.moves is not Moves.NOTHING or recall is not None:
            self._rules.append(OfRule(rule_id, stay.moves, recall))
        return True

    def _says_again(self, single: Single, judge: Judge, signal: Signal, recall: int | None) -> bool:
        """Whether it says the same of the same classes, and until when; or that it is to be asked each time."""
        memory = judge.state.memory or NO_MEMORY
        if recall is None and single.looks_back:
            return False
        if recall is not None:
            says = Says(single.rule, recall, signal)
            if single.looks_back and not is_in_order(memory):
                return False
            if single.looks_back and not self._decided_by_others(single, memory):
                self._looking_back.append(says)
                return True
            self._by_newest.append(says)
        now_ms = self._event.t_ms
        fresh = [one.key for one, _ in self._glance.given(single.rule)]
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

    def _decided_by_others(self, single: Single, memory: Memory) -> bool:
        """Whether the values that it looks back on change nothing now, whatever readings of this kind say.

        What another value of the same reading decides is not decided for long: when that value is in another
        class again, the count has moved on.
        """
        if single.scores:
            return False
        brought = {one.key for one, _ in self._glance.given(single.rule)}
        stale_ms = single.rule.rule.stale_after_s * 1000
        at = AtHand(memory, self._event.t_ms, stale_ms, self._plan.facts)
        return is_decided_without(single.rule, at, single.looks_back | brought)

    def _recall(self, single: Single, memory: Memory) -> int:
        """The place of this memory, which other rules with the same inputs may have in common."""
        rule = single.rule
        given, stale_ms = self._glance.given(rule), rule.rule.stale_after_s * 1000
        for place, (known, its) in enumerate(self._memories):
            if its is given and known is memory and self._recalls[place].stale_ms == stale_ms:
                return place
        self._memories.append((memory, given))
        inputs = tuple(one for one, _ in given)
        self._recalls.append(Recall(rule.rule.id, inputs, stale_ms, any(one.keeps > 1 for one in inputs)))
        return len(self._recalls) - 1
