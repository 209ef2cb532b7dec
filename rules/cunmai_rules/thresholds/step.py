"""The step: (state, event, rules) -> (state, decisions, actions). Pure; time enters as the event's.

What it promises, whatever order events come in:
- a reading is judged at its own time; one that is older than what was judged before changes no state, and
  asks for a review where it is dangerous;
- a flagged reading is no evidence, neither for an alarm nor against one; dangerous ones that go on and on
  ask for another measurement;
- silence never clears an alarm; it makes green grey, and ends the episode: what comes after it pages anew;
- every decision has a named reason. Rules of which a reading found nothing are named together, as the group
  that they are of.
"""

from __future__ import annotations

from typing import NamedTuple

from cunmai_rules.thresholds import shared
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import Action, Decision, GradeChange, Observation, Reason, Tick
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.glance import Glance
from cunmai_rules.thresholds.judge import NEW, Judge
from cunmai_rules.thresholds.plan import NOTHING, Group, Plan, Single, plan_of
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule
from cunmai_rules.thresholds.settling import steady_after
from cunmai_rules.thresholds.shared import NOTHING_SHARED, Said
from cunmai_rules.thresholds.silence import SilenceJudge
from cunmai_rules.thresholds.standing import Part
from cunmai_rules.thresholds.state import GroupState, Rules, RuleState, SubjectState, rule_states
from cunmai_rules.thresholds.steady import Lately, Still, skip, still
from cunmai_wire.events import Grade


class Step(NamedTuple):
    """The outcome of one event."""

    state: SubjectState
    decisions: tuple[Decision, ...]
    actions: tuple[Action, ...]


def step(
    state: SubjectState, event: Observation | Tick, rules: RuleSet, facts: Facts = NOTHING_KNOWN
) -> Step:
    """Apply one event to one subject's state. `facts` are what is known of the subject now."""
    return step_by(state, event, plan_of(rules, facts))


def step_by(state: SubjectState, event: Observation | Tick, plan: Plan) -> Step:
    """Apply one event by the rules of a plan: in full, or by asking only whom it concerns."""
    if isinstance(event, Tick) or state.profile is not plan.profile:
        return judge_in_full(state, event, plan)
    skipped = skip(state, event, plan)
    if skipped is not None:
        return Step(*skipped, ())
    unmoved = still(state, event, plan)
    return (
        judge_in_full(state, event, plan) if unmoved is None else judge_the_rest(state, event, plan, unmoved)
    )


def judge_in_full(state: SubjectState, event: Observation | Tick, plan: Plan) -> Step:
    """Apply one event by asking every rule that it may concern."""
    said = Said()
    if state.profile is not plan.profile:
        state = _carry_over(state, plan, event.t_ms, said)
    match event:
        case Tick():
            state = _tick(state, event, plan, said)
        case _:
            state = _observe(state, event, plan, said)
    return _step(state, plan, said)


def judge_the_rest(state: SubjectState, event: Observation, plan: Plan, unmoved: Still) -> Step:
    """Apply a reading by asking those that it does not leave where they stood."""
    said = Said()
    return _step(_observe(state, event, plan, said, unmoved), plan, said)


def _step(state: SubjectState, plan: Plan, said: Said) -> Step:
    actions = said.actions
    if len(actions) > 1:
        actions.sort(key=lambda action: plan.place.get(action.rule, -1))
    return Step(state, tuple(said.decisions), tuple(actions))


def _observe(
    state: SubjectState, event: Observation, plan: Plan, said: Said, unmoved: Still | None = None
) -> SubjectState:
    of_kind = plan.by_kind.get(event.kind, NOTHING)
    if unmoved is None:
        groups, rules = dict(state.groups), dict(state.rules)
        stood: tuple[Part | None, ...] = (None,) * (len(of_kind.groups) + len(of_kind.singles))
    else:
        (groups, rules), stood = unmoved.ahead.caught_up(), unmoved.parts
    glance = Glance(event, plan.facts)
    everyone: tuple[Group | Single, ...] = (*of_kind.groups, *of_kind.singles)
    for part, what in zip(stood, everyone, strict=True):
        if part is not None:
            said.decisions += part.decisions
        elif isinstance(what, Single):
            _observe_alone(state.rules, rules, what, event, glance, said)
        else:
            before = state.groups.get(what.key, NOTHING_SHARED)
            _put(groups, what.key, shared.observe(what, before, event, said))
    if of_kind.unfit:
        said.decisions += of_kind.unfit
        if not of_kind.unfit_rules.isdisjoint(rules):
            rules = _without_unfit(rules, plan, event.t_ms, said)
    after = SubjectState(groups, rules, plan.profile)
    if not of_kind.singles:
        return after  # groups alone are judged as quickly as skipped
    steady = None
    if isinstance(state.hint, Lately) and state.hint.kind == event.kind:
        steady = steady_after(after, event, plan, said.judged, glance, stood)
    hint = Lately(event.t_ms, event.kind, of_kind.classes.of(event.values), steady)
    return SubjectState(groups, rules, plan.profile, hint)


def _put(groups: dict[str, GroupState], key: str, state: GroupState) -> None:
    if state != NOTHING_SHARED:
        groups[key] = state


def _observe_alone(
    before: Rules, rules: Rules, single: Single, event: Observation, glance: Glance, said: Said
) -> None:
    rule_id = single.rule.rule.id
    judge = judge_for(single.rule, before.get(rule_id, NEW), glance.facts)
    reason = judge.observe(event, glance)
    said.judged[rule_id] = judge, reason
    said.decisions.append(single.says[reason])
    said.actions += judge.actions
    if rule_id in before or reason is not Reason.NO_VALUE:
        rules[rule_id] = judge.state


def _tick(state: SubjectState, event: Tick, plan: Plan, said: Said) -> SubjectState:
    groups: dict[str, GroupState] = {}
    for key, before in state.groups.items():
        _put(groups, key, shared.advance(plan.groups[key], before, event.t_ms, said))
    rules = _without_unfit(state.rules, plan, event.t_ms, said, tell=True)
    for rule_id, one in rules.items():
        judge = judge_for(plan.rules[rule_id], one, plan.facts)
        reason = judge.advance(event.t_ms)
        if reason is not None:
            said.decisions.append(Decision(rule_id, reason))
        said.actions += judge.actions
        rules[rule_id] = judge.state
    return SubjectState(groups, rules, plan.profile)


def judge_for(rule: VersionedRule, state: RuleState, facts: Facts = NOTHING_KNOWN) -> Judge:
    """The state machine of a rule."""
    return SilenceJudge(rule, state) if isinstance(rule.rule.when, Silence) else Judge(rule, state, facts)


# -- other rules than before, or other facts -----------------------------------------------------------------


def _carry_over(state: SubjectState, plan: Plan, t_ms: int, said: Said) -> SubjectState:
    """Every rule takes over what it had; then those that are quiet share their evidence again."""
    if state.groups and state.profile.digest == plan.profile.digest:
        return state.under(plan.profile)
    kept: dict[str, RuleState] = {}
    for rule_id, before in _without_unfit(rule_states(state), plan, t_ms, said, tell=True).items():
        judge = judge_for(plan.rules[rule_id], before, plan.facts)
        said.actions += judge.actions
        kept[rule_id] = judge.state
    groups: dict[str, GroupState] = {}
    for key, group in plan.groups.items():
        its_own = {rule_id: kept.pop(rule_id) for rule_id in group.rules if rule_id in kept}
        if its_own:
            _put(groups, key, shared.put_together(group, its_own))
    return SubjectState(groups, kept, plan.profile)


def _without_unfit(
    rules: dict[str, RuleState], plan: Plan, t_ms: int, said: Said, *, tell: bool = False
) -> dict[str, RuleState]:
    """A rule that is gone, or does not apply to this subject, grades nobody. A spell under way goes to review."""
    kept = {rule_id: state for rule_id, state in rules.items() if rule_id in plan.rules}
    for rule_id, state in rules.items():
        if rule_id in kept:
            continue
        why = Reason.NOT_APPLICABLE if rule_id in plan.unfit else Reason.RULE_REMOVED
        if tell:
            said.decisions.append(Decision(rule_id, why))
        if rule_id in plan.unfit:
            said.actions += judge_for(plan.unfit[rule_id], state, plan.facts).let_go()
        if state.grade != Grade.GREY:
            previous = Grade(state.grade)
            said.actions.append(
                GradeChange(rule_id, state.version, Grade.GREY, previous, why, t_ms, late=False)
            )
    return kept


def due_ms(state: SubjectState, rules: RuleSet, facts: Facts = NOTHING_KNOWN) -> int | None:
    """When the next tick can change anything that anyone sees, or None. 0: at once."""
    plan = plan_of(rules, facts)
    if (state.groups or state.rules) and state.profile.digest != plan.profile.digest:
        return 0
    times = [shared.due_ms(plan.groups[key], one) for key, one in state.groups.items()]
    for rule_id, one in state.rules.items():
        rule = plan.rules.get(rule_id)
        if rule is None or rule.digest != one.digest:
            return 0
        if one.phase in ("pending", "clear"):
            times.append(judge_for(rule, one).due_ms())
    return min((due for due in times if due is not None), default=None)
