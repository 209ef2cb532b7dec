"""The step: (state, event, rules) -> (state, decisions, actions). Pure; time enters as the event's.

What it promises, whatever order events come in:
- a reading is judged at its own time; one that is older than what was judged before changes no state, and
  asks for a review where it is dangerous;
- a flagged reading is no evidence, neither for an alarm nor against one;
- silence never clears an alarm; it only makes green grey;
- every decision has a named reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule
from cunmai_rules.thresholds.state import Phase, RuleState, SubjectState
from cunmai_wire.events import Grade, Lane

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading, as the rules see it."""

    stream: str
    seq: int
    kind: str
    t_ms: int
    values: Mapping[str, object]
    quality: tuple[str, ...]
    late: bool
    """It arrived so long after it was measured that a page would be about the past."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    t_ms: int


class Reason(StrEnum):
    """Why the step decided as it did."""

    NO_VALUE = "no_value"
    QUALITY_GATED = "quality_gated"
    NORMAL = "normal"
    SPELL_BEGAN = "spell_began"
    SPELL_GOES_ON = "spell_goes_on"
    SPELL_ENDED = "spell_ended"
    SPELL_UNCONFIRMED = "spell_unconfirmed"
    LIMIT_MET = "limit_met"
    LIMIT_MET_LATE = "limit_met_late"
    CONFIRMED_LIVE = "confirmed_live"
    STILL_RAISED = "still_raised"
    CLEARING = "clearing"
    CLEARED = "cleared"
    OUT_OF_ORDER = "out_of_order"
    OUT_OF_ORDER_LOW = "out_of_order_dangerous"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule made of one event."""

    rule: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class GradeChange:
    """The rule's grade of this subject changed."""

    rule: str
    version: str
    grade: Grade
    previous: Grade
    reason: Reason
    t_ms: int
    late: bool


@dataclass(frozen=True, slots=True)
class Escalate:
    """Someone must answer. `key` is the same whenever the same thing is found again."""

    key: str
    rule: str
    version: str
    grade: Grade
    lane: Lane
    reason: Reason
    t_ms: int


Action = GradeChange | Escalate


@dataclass(frozen=True, slots=True)
class Step:
    """The outcome of one event."""

    state: SubjectState
    decisions: tuple[Decision, ...]
    actions: tuple[Action, ...]


def step(state: SubjectState, event: Observation | Tick, rules: RuleSet) -> Step:
    """Apply one event to one subject's state."""
    if isinstance(event, Tick):
        concerned = tuple(rule for rule_id in state if (rule := rules.by_id.get(rule_id)) is not None)
    else:
        concerned = rules.by_kind.get(event.kind, ())
    changed = dict(state)
    decisions: list[Decision] = []
    actions: list[Action] = []
    for rule in concerned:
        judge = _Judge(rule, changed.get(rule.rule.id, RuleState()))
        reason = judge.tick(event.t_ms) if isinstance(event, Tick) else judge.observe(event)
        if judge.state != RuleState():
            changed[rule.rule.id] = judge.state
        if reason is not None:
            decisions.append(Decision(rule.rule.id, reason))
        actions += judge.actions
    return Step(changed, tuple(decisions), tuple(actions))


def due_ms(state: SubjectState, rules: RuleSet) -> int | None:
    """When the next tick can change anything, or None."""
    times = [
        time
        for rule_id, rule_state in state.items()
        if (rule := rules.by_id.get(rule_id)) is not None
        if (time := _rule_due_ms(rule_state, rule)) is not None
    ]
    return min(times, default=None)


def _rule_due_ms(state: RuleState, rule: VersionedRule) -> int | None:
    if state.phase == "pending":
        return state.evidence_ms + rule.rule.when.gap_s * 1000 + 1
    if state.phase == "clear":
        return state.evidence_ms + rule.rule.stale_after_s * 1000 + 1
    return None


class _Judge:
    """One rule, one subject, one event: the state machine, kept small enough to read at once."""

    def __init__(self, rule: VersionedRule, state: RuleState) -> None:
        self.rule = rule.rule
        self.version = rule.version
        self.field = rule.field
        self.actions: list[Action] = []
        # A rule that changed keeps its raised alarms; a spell is judged anew under the new limits.
        if state.version != rule.version and state.phase == "pending":
            state = state._replace(phase="clear")
        self.state = state._replace(version=rule.version) if state != RuleState() else state

    # -- events -------------------------------------------------------------------------------------

    def observe(self, event: Observation) -> Reason:
        value = event.values.get(self.field)
        if not isinstance(value, (int, float)):
            return Reason.NO_VALUE
        if any(flag not in self.rule.quality.accept for flag in event.quality):
            return Reason.QUALITY_GATED
        if event.t_ms < self.state.evidence_ms:
            return self._out_of_order(event, value)
        self._let_spell_lapse(event.t_ms)
        meets = self.rule.when.meets(value)
        if self.state.phase == "raised":
            return self._while_raised(event, value, meets)
        return self._spell(event) if meets else self._normal(event)

    def tick(self, now_ms: int) -> Reason | None:
        if self._let_spell_lapse(now_ms):
            return Reason.SPELL_UNCONFIRMED
        stale_ms = self.state.evidence_ms + self.rule.stale_after_s * 1000
        if self.state.phase == "clear" and now_ms > stale_ms:
            self._regrade("unknown", Reason.STALE, now_ms, late=False)
            return Reason.STALE
        return None

    # -- while not raised -----------------------------------------------------------------------------

    def _normal(self, event: Observation) -> Reason:
        reason = Reason.SPELL_ENDED if self.state.phase == "pending" else Reason.NORMAL
        self._regrade("clear", reason, event.t_ms, late=event.late)
        self.state = self.state._replace(evidence_ms=event.t_ms)
        return reason

    def _spell(self, event: Observation) -> Reason:
        began = self.state.phase != "pending"
        since_ms = event.t_ms if began else self.state.since_ms
        self._regrade("pending", Reason.SPELL_BEGAN, event.t_ms, late=event.late)
        self.state = self.state._replace(since_ms=since_ms, evidence_ms=event.t_ms)
        if event.t_ms - since_ms < self.rule.when.for_s * 1000:
            return Reason.SPELL_BEGAN if began else Reason.SPELL_GOES_ON
        reason = Reason.LIMIT_MET_LATE if event.late else Reason.LIMIT_MET
        self._regrade("raised", reason, event.t_ms, late=event.late)
        self.state = self.state._replace(since_ms=event.t_ms, clearing_ms=0, told="nobody")
        self._tell(Lane.REVIEW if event.late else self.rule.lane, reason, event.t_ms)
        return reason

    def _let_spell_lapse(self, now_ms: int) -> bool:
        """A spell that nothing confirmed in time is over, and is not forgotten: someone looks at it."""
        state = self.state
        if state.phase != "pending" or now_ms <= state.evidence_ms + self.rule.when.gap_s * 1000:
            return False
        self._escalate(Lane.REVIEW, Reason.SPELL_UNCONFIRMED, state.since_ms)
        self.state = state._replace(phase="unknown")
        return True

    # -- while raised ---------------------------------------------------------------------------------

    def _while_raised(self, event: Observation, value: float, meets: bool) -> Reason:
        self.state = self.state._replace(evidence_ms=event.t_ms)
        if not self.rule.clear.meets(value):
            self.state = self.state._replace(clearing_ms=0)
            if meets and not event.late and self.state.told == "review" and self.rule.lane is Lane.PAGE:
                self._tell(Lane.PAGE, Reason.CONFIRMED_LIVE, event.t_ms)
                return Reason.CONFIRMED_LIVE
            return Reason.STILL_RAISED
        clearing_ms = self.state.clearing_ms or event.t_ms
        if event.t_ms - clearing_ms < self.rule.clear.for_s * 1000:
            self.state = self.state._replace(clearing_ms=clearing_ms)
            return Reason.CLEARING
        self._regrade("clear", Reason.CLEARED, event.t_ms, late=event.late)
        self.state = self.state._replace(clearing_ms=0, told="nobody")
        return Reason.CLEARED

    # -- the past -------------------------------------------------------------------------------------

    def _out_of_order(self, event: Observation, value: float) -> Reason:
        if not self.rule.when.meets(value) or self.state.phase == "raised":
            return Reason.OUT_OF_ORDER
        # At most one review per rule, subject and hour: a backlog must not become a flood.
        self._escalate(Lane.REVIEW, Reason.OUT_OF_ORDER_LOW, event.t_ms // HOUR_MS * HOUR_MS)
        return Reason.OUT_OF_ORDER_LOW

    # -- what follows ---------------------------------------------------------------------------------

    def _regrade(self, phase: Phase, reason: Reason, t_ms: int, *, late: bool) -> None:
        previous = self._grade(self.state.phase)
        self.state = self.state._replace(phase=phase, version=self.version)
        grade = self._grade(phase)
        if grade is not previous:
            change = GradeChange(self.rule.id, self.version, grade, previous, reason, t_ms, late)
            self.actions.append(change)

    def _grade(self, phase: Phase) -> Grade:
        """A spell under way is unknown: neither an alarm yet nor all clear."""
        match phase:
            case "raised":
                return self.rule.grade
            case "clear":
                return Grade.GREEN
            case _:
                return Grade.GREY

    def _tell(self, lane: Lane, reason: Reason, t_ms: int) -> None:
        self.state = self.state._replace(told=lane.value)
        self._escalate(lane, reason, t_ms)

    def _escalate(self, lane: Lane, reason: Reason, t_ms: int) -> None:
        key = f"{self.rule.id}:{t_ms}:{lane}"
        self.actions.append(Escalate(key, self.rule.id, self.version, self.rule.grade, lane, reason, t_ms))
