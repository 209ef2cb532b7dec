"""What the next reading does to one rule, where it says the same as the last one and finds nothing new. Pure.

This is `Judge.observe` and `SilenceJudge.observe` read for the branches that only move evidence on. Where they
would do more, there is no answer here, and they are asked.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from cunmai_rules.thresholds.account import HOUR_MS, PROMPT_EVERY_MS
from cunmai_rules.thresholds.events import Observation, Reason, RuleLane
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.judge import Judge
from cunmai_rules.thresholds.signal import Signal
from cunmai_rules.thresholds.silence import SilenceJudge
from cunmai_rules.thresholds.state import Memory, RuleState, with_evidence, with_spell

FOR_EVER = 1 << 62


class Moves(Enum):
    """What of a rule's state the next reading moves on to itself."""

    NOTHING = "nothing"
    EVIDENCE = "evidence"
    SPELL = "spell"
    """The evidence, and the last reading that met the limit."""
    HEARD = "heard"
    """The evidence, and the reading that was heard last."""


class Stay(NamedTuple):
    """Nothing but this."""

    reason: Reason
    moves: Moves
    until_ms: int = FOR_EVER
    """Of readings measured up to then."""
    apart_ms: int = FOR_EVER
    """And at most so long after the one before."""


def stay_of(judge: Judge, reason: Reason, event: Observation) -> Stay | None:
    """What a next reading like this one, which `judge` has just judged, will do; None where it does more."""
    state = judge.state
    if reason is Reason.NO_VALUE:
        return Stay(Reason.NO_VALUE, Moves.NOTHING)
    if state.evidence_ms > event.t_ms:
        return None
    due_ms = judge.due_ms()
    before_due_ms = FOR_EVER if due_ms is None else due_ms - 1
    if judge.usable and judge.signal is not Signal.UNKNOWN:
        if state.evidence_ms != event.t_ms:
            return None
        of = _of_silence if isinstance(judge, SilenceJudge) else _of_evidence
        return of(judge, event, before_due_ms)
    if judge.usable:
        return Stay(Reason.INCOMPLETE, Moves.NOTHING, before_due_ms)
    doubtful = judge.signal is Signal.MET and state.phase not in ("pending", "raised")
    return None if doubtful else Stay(Reason.QUALITY_GATED, Moves.NOTHING, before_due_ms)


def moved(state: RuleState, moves: Moves, event: Observation, memory: Memory | None) -> RuleState:
    """The state after that reading, where it moves anything on, with this memory."""
    t_ms = event.t_ms
    if moves is Moves.EVIDENCE:
        return with_evidence(state, t_ms, memory)
    if moves is Moves.SPELL:
        return with_spell(state, t_ms, memory)
    return state._replace(since_ms=t_ms, stream=event.stream, seq=event.seq, evidence_ms=t_ms)


def _of_evidence(judge: Judge, event: Observation, _before_due_ms: int) -> Stay | None:
    """As `Judge._evidence` goes on."""
    state = judge.state
    stay = _of_spell(judge) if state.phase == "pending" else _of_alarm(judge, event)
    if stay is None or (state.clearing_ms and judge.signal is not Signal.CLEAR):
        return None
    return stay._replace(until_ms=min(stay.until_ms, _remembers_telling_until_ms(state)))


def _of_spell(judge: Judge) -> Stay | None:
    state, spell = judge.state, judge.spell
    gap_ms = spell.gap_s * 1000
    match judge.signal:
        case Signal.MET:
            long_enough_ms = state.since_ms + spell.for_s * 1000
            return Stay(Reason.SPELL_GOES_ON, Moves.SPELL, long_enough_ms - 1, gap_ms)
        case Signal.BETWEEN:
            return Stay(Reason.SPELL_GOES_ON, Moves.EVIDENCE, state.met_ms + gap_ms)
    return None


def _of_alarm(judge: Judge, event: Observation) -> Stay | None:
    """Raised, or an old alarm that nothing has cleared, or none."""
    state, rule, signal = judge.state, judge.rule, judge.signal
    stale_ms = rule.stale_after_s * 1000
    stands = state.phase == "raised" or state.held
    if signal is Signal.CLEAR and stands:
        cleared_ms = state.clearing_ms + judge.clear_for_ms
        return Stay(Reason.CLEARING, Moves.EVIDENCE, cleared_ms - 1, stale_ms) if state.clearing_ms else None
    if signal is Signal.MET and (state.phase != "raised" or _asks_for_more(judge, event)):
        return None
    if stands:
        return Stay(Reason.STILL_RAISED, Moves.EVIDENCE, apart_ms=stale_ms)
    return Stay(Reason.NORMAL, Moves.EVIDENCE, apart_ms=stale_ms) if state.phase == "clear" else None


def _asks_for_more(judge: Judge, event: Observation) -> bool:
    """A live reading makes a page of what was for review."""
    return judge.state.told == "review" and judge.rule.lane is RuleLane.PAGE and not event.late


def _remembers_telling_until_ms(state: RuleState) -> int:
    """As `Account._forget_what_was_told`: until when it forgets nothing."""
    until_ms = FOR_EVER
    if state.doubt_told_ms:
        until_ms = (state.doubt_told_ms // HOUR_MS + 1) * HOUR_MS - 1
    if state.prompted_ms:
        until_ms = min(until_ms, state.prompted_ms + PROMPT_EVERY_MS - 1)
    return until_ms


def _of_silence(judge: Judge, event: Observation, before_due_ms: int) -> Stay | None:
    """As `SilenceJudge.observe` goes on."""
    phase, when = judge.state.phase, judge.rule.when
    assert isinstance(when, Silence), "a rule on silence"
    if event.kind not in when.nothing_heard:
        return Stay(Reason.AWAITED, Moves.EVIDENCE, before_due_ms) if phase != "clear" else None
    # Where it waits for the next one, the wait begins anew with each.
    apart_ms = FOR_EVER if judge.due_ms() is None else when.for_s * 1000
    return Stay(Reason.HEARD, Moves.HEARD, apart_ms=apart_ms) if phase == "clear" else None
