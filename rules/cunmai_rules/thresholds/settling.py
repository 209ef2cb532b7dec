"""What a next reading like the one that was just judged will do, where that is little: see `steady`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cunmai_rules.thresholds.events import Decision, Observation, Reason
from cunmai_rules.thresholds.glance import NO_MEMORY, Glance
from cunmai_rules.thresholds.judge import Judge
from cunmai_rules.thresholds.leaves import AtHand
from cunmai_rules.thresholds.plan import NOTHING, Group, Plan, Single
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.shared import NOTHING_SHARED
from cunmai_rules.thresholds.signal import Signal, is_decided_without, is_in_order
from cunmai_rules.thresholds.standing import OfGroup, OfRule, Part, Recall, Steady, steady_of
from cunmai_rules.thresholds.state import Memory, SubjectState
from cunmai_rules.thresholds.stay import FOR_EVER, Moves, Stay, stay_of

Judged = Mapping[str, tuple[Judge, Reason]]
"""By rule id: what it was that was judged, and what came of it."""


def steady_after(
    state: SubjectState,
    event: Observation,
    plan: Plan,
    judged: Judged,
    glance: Glance,
    stood: Sequence[Part | None],
) -> Steady:
    """`state`: after this reading, which was put to the rules of `judged`; `stood`: those parts were not asked."""
    of_kind = plan.by_kind.get(event.kind, NOTHING)
    settling = _Settling(state, event, plan, judged, glance, stood)
    groups = len(of_kind.groups)
    parts: list[Part | None] = [
        was or settling.group(group) for was, group in zip(stood[:groups], of_kind.groups, strict=True)
    ]
    parts += [
        was or settling.single(single) for was, single in zip(stood[groups:], of_kind.singles, strict=True)
    ]
    return steady_of(plan, event, parts)


class _Settling:
    """Looks at one group, or one rule that reads this kind, after the other."""

    def __init__(
        self,
        state: SubjectState,
        event: Observation,
        plan: Plan,
        judged: Judged,
        glance: Glance,
        stood: Sequence[Part | None],
    ) -> None:
        self._state = state
        self._event = event
        self._plan = plan
        self._judged = judged
        self._glance = glance
        self._recalls = [one.recall for one in stood if isinstance(one, OfRule) and one.recall is not None]

    def _stays(self, rule_id: str) -> Stay | None:
        judge, reason = self._judged[rule_id]
        return stay_of(judge, reason, self._event)

    # -- groups ---------------------------------------------------------------------------------------

    def group(self, group: Group) -> OfGroup | None:
        ends = group.ends(self._event.values)
        if ends is None:
            return OfGroup(group, False, (group.says[Reason.NO_VALUE],), FOR_EVER, FOR_EVER)
        state = self._state.groups.get(group.key, NOTHING_SHARED)
        is_evidence, t_ms = group.trusts(self._event.quality), self._event.t_ms
        until_ms, apart_ms = FOR_EVER, FOR_EVER
        if is_evidence:
            if not state.clear or state.evidence_ms != t_ms:
                return None
            apart_ms = group.stale_ms
        elif state.evidence_ms > t_ms:
            return None
        elif state.clear:
            until_ms = state.evidence_ms + group.stale_ms
        moves: dict[str, Moves] = {}
        decisions: list[Decision] = []
        says: list[tuple[VersionedRule, Signal]] = []
        met = group.may_be_met_by(*ends)
        for rule_id in dict.fromkeys([*(rule.rule.id for rule in met), *state.apart]):
            stay, signal = self._stays(rule_id), self._judged[rule_id][0].signal
            if stay is None or signal is None:
                return None
            until_ms, apart_ms = min(until_ms, stay.until_ms), min(apart_ms, stay.apart_ms)
            decisions.append(Decision(rule_id, stay.reason))
            says.append((group.rules[rule_id], signal))
            moves[rule_id] = stay.moves
        if len(moves) < len(group.rules):
            decisions.append(group.says[Reason.NORMAL if is_evidence else Reason.QUALITY_GATED])
        if not is_evidence:
            return OfGroup(group, False, tuple(decisions), until_ms, apart_ms)
        apart = tuple((rule_id, moves[rule_id]) for rule_id in state.apart)
        return OfGroup(group, True, tuple(decisions), until_ms, apart_ms, met, tuple(says), apart)

    # -- rules of no group ----------------------------------------------------------------------------

    def single(self, single: Single) -> OfRule | None:
        rule = single.rule
        stay = self._stays(rule.rule.id)
        if stay is None:
            return None
        judge, _ = self._judged[rule.rule.id]
        part = OfRule(rule, stay.moves, single.says[stay.reason], stay.until_ms, stay.apart_ms, judge.signal)
        if judge.signal is None or rule.plain:
            return part
        memory = judge.state.memory or NO_MEMORY
        if not judge.usable:
            return None if single.looks_back else self._until_others_are_too_old(single, memory, part)
        part = part._replace(recall=self._recall(single, memory))
        if single.looks_back and not is_in_order(memory):
            return None
        if single.looks_back and not self._decided_by_others(single, memory):
            return part._replace(looks_back=True)
        return self._until_others_are_too_old(single, memory, part)

    def _until_others_are_too_old(self, single: Single, memory: Memory, part: OfRule) -> OfRule | None:
        """It says the same of the same classes until a value of another kind is too old."""
        now_ms, until_ms = self._event.t_ms, part.until_ms
        fresh = [one.key for one, _ in self._glance.given(single.rule)]
        for name, within_ms in single.needs:
            values = memory.get(name)
            if name in fresh or not values:
                continue
            measured_ms = values[-1][0]
            if measured_ms >= now_ms:
                return None  # of two values of one moment, which is newer is decided by name: not so with the next
            if measured_ms + within_ms >= now_ms:
                until_ms = min(until_ms, measured_ms + within_ms)
        return part._replace(until_ms=until_ms)

    def _decided_by_others(self, single: Single, memory: Memory) -> bool:
        """Whether the values that it looks back on change nothing now, whatever readings of this kind say.

        What another value of the same reading decides is not decided for long: when that value is in another
        class again, the count has moved on. That a reading of this kind came is known of each of them: it is no
        value that may be another one, and without it `heard` would be false, not unknown.
        """
        if single.scores:
            return False
        brought = {one.key for one, _ in self._glance.given(single.rule) if one.field}
        stale_ms = single.rule.rule.stale_after_s * 1000
        at = AtHand(memory, self._event.t_ms, stale_ms, self._plan.facts)
        return is_decided_without(single.rule, at, single.looks_back | brought)

    def _recall(self, single: Single, memory: Memory) -> Recall:
        """This memory, which other rules with the same inputs may have in common."""
        rule = single.rule
        inputs = tuple(one for one, _ in self._glance.given(rule))
        stale_ms = rule.rule.stale_after_s * 1000
        for known in self._recalls:
            its = self._state.rules[known.rule].memory
            if known.inputs == inputs and known.stale_ms == stale_ms and (its is memory or its == memory):
                return known
        new = Recall(rule.rule.id, inputs, stale_ms, any(one.keeps > 1 for one in inputs))
        self._recalls.append(new)
        return new
