"""A rule on silence: nothing of a kind was heard for so long. Pure."""

from __future__ import annotations

from cunmai_rules.thresholds.account import TOLD
from cunmai_rules.thresholds.events import Observation, Reason, Source
from cunmai_rules.thresholds.forms import Silence
from cunmai_rules.thresholds.glance import Glance
from cunmai_rules.thresholds.judge import Judge


class SilenceJudge(Judge):
    """clear: heard in time. pending (with `after` only): awaited. raised: nothing came.

    Any reading of the kind is heard, whatever its quality: the device or the person is there. A rule without
    `after` begins to wait with the first reading; of a subject that was never heard it knows nothing.
    """

    def observe(self, event: Observation, glance: Glance | None = None) -> Reason:  # noqa: ARG002 - reads no values
        """Hear one reading."""
        self._mend_clock(event)
        if event.t_ms < self.state.evidence_ms:
            return Reason.OUT_OF_ORDER
        self.advance(event.t_ms)
        self.state = self.state._replace(evidence_ms=event.t_ms)
        if event.kind in self._silence.nothing_heard:
            return self._heard(event)
        if self.state.phase in ("pending", "raised"):
            return Reason.AWAITED
        self._enter("pending", Reason.AWAITED, event.t_ms, late=event.late)
        self._remember(event)
        return Reason.AWAITED

    def due_ms(self) -> int | None:
        """When the wait is over, or None where nothing is awaited."""
        waiting = "clear" if self._silence.after is None else "pending"
        if self.state.phase != waiting:
            return None
        return self.state.since_ms + self._silence.for_s * 1000 + 1

    def _fall_due(self, due_ms: int) -> Reason:
        """Raise it: the time told is that of the reading after which nothing came."""
        state = self.state
        self._enter("raised", Reason.NOTHING_HEARD, due_ms, late=False)
        self.state = self.state._replace(told=TOLD[self.rule.lane])
        source = Source(state.stream, state.seq) if state.stream else None
        self._escalate(self.rule.lane, Reason.NOTHING_HEARD, state.since_ms, source, str(state.since_ms))
        return Reason.NOTHING_HEARD

    def _heard(self, event: Observation) -> Reason:
        self.state = self.state._replace(told="nobody")
        self._enter("clear", Reason.HEARD, event.t_ms, late=event.late)
        self._remember(event)
        return Reason.HEARD

    def _remember(self, event: Observation) -> None:
        self.state = self.state._replace(since_ms=event.t_ms, stream=event.stream, seq=event.seq)

    def _give_spell_up(self) -> None:
        """A changed rule waits anew, from the same reading."""

    @property
    def _silence(self) -> Silence:
        assert isinstance(self.rule.when, Silence), "a rule on silence"
        return self.rule.when
