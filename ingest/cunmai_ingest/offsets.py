"""How far a gateway's clock is from ours, and whether that is steady enough to correct by. Pure.

Each envelope gives one sample: when it arrived by our clock, less when it was sent by the gateway's. That
is the offset plus the time on the way. A message that waited in the broker arrives late by hours, and a
burst that waited arrives late by the same hours: such samples must never look steady. So samples count as
steady only where the *sending* spans longer than their offsets differ: a burst that waited was sent over a
span and arrived at once, and so its offsets differ by all of that span.
"""

from __future__ import annotations

from dataclasses import dataclass

SAMPLES = 8
"""How many are looked at: the newest."""
LEAST_SAMPLES = 4
SPREAD_MS = 2_000
"""Offsets that differ by no more than this are one offset: what a network and a busy gateway add."""
LEAST_SPAN_MS = 5 * SPREAD_MS
"""Over at least this long must they have been sent."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """The newest samples of one stream, `(sent_ms, offset_ms)`, and the offset they have settled on."""

    samples: tuple[tuple[int, int], ...] = ()
    settled_ms: int | None = None

    def seen(self, sent_ms: int, arrived_ms: int) -> Offsets:
        """With one envelope more."""
        samples = (*self.samples, (sent_ms, arrived_ms - sent_ms))[-SAMPLES:]
        offset_ms = _steady(samples)
        if offset_ms is None or self.settled_ms is None or abs(offset_ms - self.settled_ms) > SPREAD_MS:
            return Offsets(samples, offset_ms)
        # The same clock, measured again: an offset that moved with every sample would scatter readings.
        return Offsets(samples, self.settled_ms)


def _steady(samples: tuple[tuple[int, int], ...]) -> int | None:
    if len(samples) < LEAST_SAMPLES:
        return None
    sent = [sent_ms for sent_ms, _ in samples]
    offsets = [offset_ms for _, offset_ms in samples]
    if max(offsets) - min(offsets) > SPREAD_MS or max(sent) - min(sent) < LEAST_SPAN_MS:
        return None
    return min(offsets)  # The one that was shortest on the way.
