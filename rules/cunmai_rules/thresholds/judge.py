"""One rule, one subject: the state machine, kept small enough to read at once. Pure.

Time is the readings' own. What the passing of time changes (a spell lapses, green goes stale, an alarm's
episode ends) has a moment of its own, `state + a limit`, so that it comes out the same whether a tick
notices it at once or the next reading notices it a day later.
"""

from __future__ import annotations

from cunmai_rules.thresholds.account import HOUR_MS, Account
from cunmai_rules.thresholds.applies import NOTHING_KNOWN, Facts
from cunmai_rules.thresholds.events import (
    Action,
    Escalate,
    Observation,
    Reason,
    RuleLane,
    Source,
)
from cunmai_rules.thresholds.forms import Spell
from cunmai_rules.thresholds.glance import Glance
from cunmai_rules.thresholds.ruleset import VersionedRule
from cunmai_rules.thresholds.signal import Given, Signal, signal_at, signal_of
from cunmai_rules.thresholds.state import Memory, RuleState, with_evidence, with_memory

NEW = RuleState()


class Judge(Account):
    """Takes events in the order of their time; `state` and `actions` are the outcome."""

    def __init__(self, rule: VersionedRule, state: RuleState, facts: Facts = NOTHING_KNOWN) -> None:
        super().__init__(rule, state, facts)
        self.signal: Signal | None = None
        """What the reading said; None where it was not asked."""
        self.usable = True
        """Whether the reading is evidence."""
        if state == NEW:
            self.state = state._replace(version=rule.version, digest=rule.digest)
        elif state.digest != rule.digest:
            self._take_over(rule)
        elif state.version != rule.version:
            self.state = state._replace(version=rule.version)

    def _take_over(self, rule: VersionedRule) -> None:
        """The rule has changed: an alarm stays; a spell goes to review; a green is no longer known."""
        state = self.state
        self.state = state._replace(version=rule.version, digest=rule.digest)
        if state.phase == "pending":
            self._give_spell_up()
        elif state.phase == "clear":
            self._enter("unknown", Reason.RULE_CHANGED, state.evidence_ms, late=False)
        self.state = self.state._replace(memory=None)

    # -- events -------------------------------------------------------------------------------------

    def observe(self, event: Observation, glance: Glance | None = None) -> Reason:
        """Judge one reading. `glance`: what rules that were asked before made of it."""
        if glance is None:
            glance = Glance(event, self.facts)
        given = glance.given(self.compiled)
        if not given:
            return Reason.NO_VALUE
        self._mend_clock(event)
        self.usable = usable = self._usable(event, given)
        if event.t_ms < self.state.evidence_ms:
            return self._out_of_order(event, glance) if usable else Reason.QUALITY_GATED
        self.advance(event.t_ms)
        signal, memory = self._read(given, self.state.memory, glance)
        self.signal = signal
        if not usable:
            return self._doubt(event, signal)
        if signal is Signal.UNKNOWN:
            self.state = with_memory(self.state, memory)
            return Reason.INCOMPLETE
        self.state = with_evidence(self.state, event.t_ms, memory)
        self._forget_what_was_told(event.t_ms)
        return self._evidence(event, signal)

    def _read(self, given: Given, memory: Memory | None, glance: Glance) -> tuple[Signal, Memory | None]:
        """What the reading says, and the memory after it. A plain rule needs none, and has none."""
        if self.compiled.plain:
            return signal_of(self.compiled, given[0][1]), memory
        at = glance.at_hand(self.compiled, memory)
        return signal_at(self.compiled, at), at.values

    def _usable(self, event: Observation, given: Given) -> bool:
        """Whether it is evidence. Of what need only be heard, the quality does not matter."""
        if not event.quality:
            return True
        accept = self.rule.quality.accept
        return all(flag in accept for flag in event.quality) or not any(one.field for one, _ in given)

    def _evidence(self, event: Observation, signal: Signal) -> Reason:
        if self.state.phase == "raised":
            return self._while_raised(event, signal)
        if signal is Signal.MET:
            return self._spell(event)
        return self._recover(event) if signal is Signal.CLEAR else self._between(event)

    def advance(self, now_ms: int) -> Reason | None:
        """Do what has fallen due before `now_ms`; the last reason, or None where nothing was due."""
        reason: Reason | None = None
        while (due_ms := self.due_ms()) is not None and now_ms >= due_ms:
            reason = self._fall_due(due_ms)
        return reason

    def due_ms(self) -> int | None:
        """When the passing of time next changes this state, or None."""
        match self.state.phase:
            case "pending":
                return self.state.met_ms + self.spell.gap_s * 1000 + 1
            case "clear" | "raised":
                return self.state.evidence_ms + self.rule.stale_after_s * 1000 + 1
            case _:
                return None

    @property
    def spell(self) -> Spell:
        """How long the condition must hold."""
        assert isinstance(self.rule.when, Spell), "a rule on values"
        return self.rule.when

    @property
    def clear_for_ms(self) -> int:
        """How long the clearing condition must hold."""
        return self.rule.clear.for_s * 1000 if self.rule.clear is not None else 0

    def _fall_due(self, due_ms: int) -> Reason:
        if self.state.phase == "pending":
            self._give_spell_up()
            return Reason.SPELL_UNCONFIRMED
        if self.state.phase == "raised":
            # Silence does not clear an alarm, but what is met after it is another episode.
            self.state = self.state._replace(phase="unknown", held=True, told="nobody")
        else:
            self._enter("unknown", Reason.STALE, due_ms, late=False)
        return Reason.STALE

    def _mend_clock(self, event: Observation) -> None:
        """Evidence from after this moment: our own clock was ahead. Live readings must not wait for it."""
        if event.arrived_ms is None or self.state.evidence_ms <= event.arrived_ms:
            return
        state = self.state
        self.state = state._replace(
            evidence_ms=event.t_ms,
            since_ms=min(state.since_ms, event.t_ms),
            met_ms=min(state.met_ms, event.t_ms),
            clearing_ms=min(state.clearing_ms, event.t_ms),
            doubt_ms=0,
            doubt_told_ms=min(state.doubt_told_ms, event.t_ms),
            prompted_ms=min(state.prompted_ms, event.t_ms),
        )

    # -- while not raised -----------------------------------------------------------------------------

    def _spell(self, event: Observation) -> Reason:
        began = self.state.phase != "pending"
        if began:
            self._enter("pending", Reason.SPELL_BEGAN, event.t_ms, late=event.late)
            self.state = self.state._replace(since_ms=event.t_ms, stream=event.stream, seq=event.seq)
            self._prompt(Reason.SPELL_BEGAN, event)
        self.state = self.state._replace(met_ms=event.t_ms, clearing_ms=0)
        if event.t_ms - self.state.since_ms < self.spell.for_s * 1000:
            return Reason.SPELL_BEGAN if began else Reason.SPELL_GOES_ON
        reason = Reason.LIMIT_MET_LATE if event.late else Reason.LIMIT_MET
        self.state = self.state._replace(held=False, since_ms=event.t_ms, told="nobody")
        self._enter("raised", reason, event.t_ms, late=event.late)
        self._tell(RuleLane.REVIEW if event.late else self.rule.lane, reason, event)
        return reason

    def _between(self, event: Observation) -> Reason:
        """Neither met nor cleared: a spell goes on, an alarm stays, and nothing else is wrong."""
        self.state = self.state._replace(clearing_ms=0)
        if self.state.phase == "pending":
            return Reason.SPELL_GOES_ON
        if self.state.held:
            return Reason.STILL_RAISED
        self._enter("clear", Reason.NORMAL, event.t_ms, late=event.late)
        return Reason.NORMAL

    def _recover(self, event: Observation) -> Reason:
        """The clearing condition is met: a spell is over; an old alarm is, when it has held long enough."""
        if self.state.phase == "clear":
            return Reason.NORMAL
        if self.state.held:
            if self.state.phase == "pending":
                self._enter("unknown", Reason.SPELL_ENDED, event.t_ms, late=event.late)
            return self._clearing(event)
        reason = Reason.SPELL_ENDED if self.state.phase == "pending" else Reason.NORMAL
        self._enter("clear", reason, event.t_ms, late=event.late)
        return reason

    def let_go(self) -> list[Action]:
        """The rule no longer applies to this subject: what it asks for before it is forgotten."""
        if self.state.phase == "pending":
            self._give_spell_up()
        return [action for action in self.actions if isinstance(action, Escalate)]

    def _give_spell_up(self) -> None:
        """A spell that nothing confirmed in time is over, and is not forgotten: someone looks at it."""
        state = self.state
        source = Source(state.stream, state.seq) if state.stream else None
        self._escalate(RuleLane.REVIEW, Reason.SPELL_UNCONFIRMED, state.since_ms, source, str(state.since_ms))
        self._enter("unknown", Reason.SPELL_UNCONFIRMED, state.met_ms, late=False)

    # -- while raised ---------------------------------------------------------------------------------

    def _while_raised(self, event: Observation, signal: Signal) -> Reason:
        if signal is Signal.CLEAR:
            return self._clearing(event)
        self.state = self.state._replace(clearing_ms=0)
        if (
            signal is Signal.MET
            and not event.late
            and self.state.told == "review"
            and self.rule.lane is RuleLane.PAGE
        ):
            self._tell(RuleLane.PAGE, Reason.CONFIRMED_LIVE, event)
            return Reason.CONFIRMED_LIVE
        return Reason.STILL_RAISED

    def _clearing(self, event: Observation) -> Reason:
        clearing_ms = self.state.clearing_ms or event.t_ms
        if event.t_ms - clearing_ms < self.clear_for_ms:
            self.state = self.state._replace(clearing_ms=clearing_ms)
            return Reason.CLEARING
        self.state = self.state._replace(clearing_ms=0, held=False, told="nobody")
        self._enter("clear", Reason.CLEARED, event.t_ms, late=event.late)
        return Reason.CLEARED

    # -- what is no evidence, and the past --------------------------------------------------------------

    def _doubt(self, event: Observation, signal: Signal) -> Reason:
        """A dangerous value that cannot be used. If there is nothing else, the answer is: measure again."""
        state = self.state
        if signal is not Signal.MET or state.phase in ("pending", "raised"):
            return Reason.QUALITY_GATED
        goes_on = state.doubt_ms and event.t_ms - state.doubt_last_ms <= self.spell.gap_s * 1000
        doubt_ms = state.doubt_ms if goes_on else event.t_ms
        self.state = state._replace(doubt_ms=doubt_ms, doubt_last_ms=event.t_ms)
        if event.t_ms - doubt_ms < self.rule.quality.doubt_after_s * 1000:
            return Reason.QUALITY_GATED
        self._enter("unknown", Reason.DOUBTFUL, event.t_ms, late=event.late)
        self._prompt(Reason.DOUBTFUL, event)
        if event.t_ms // HOUR_MS != state.doubt_told_ms // HOUR_MS:
            self.state = self.state._replace(doubt_told_ms=event.t_ms)
            hour = f"doubt-{event.t_ms // HOUR_MS}"
            self._escalate(RuleLane.REVIEW, Reason.DOUBTFUL, event.t_ms, event.source, hour)
        return Reason.DOUBTFUL

    def _out_of_order(self, event: Observation, glance: Glance) -> Reason:
        """Older than what was judged: it changes no state, and is looked at by itself."""
        signal, _ = self._read(glance.given(self.compiled), None, glance)
        if signal is not Signal.MET or self.state.phase == "raised":
            return Reason.OUT_OF_ORDER
        # At most one review per rule, subject and hour: a backlog must not become a flood.
        hour = str(event.t_ms // HOUR_MS * HOUR_MS)
        self._escalate(RuleLane.REVIEW, Reason.OUT_OF_ORDER_LOW, event.t_ms, event.source, hour)
        return Reason.OUT_OF_ORDER_LOW
