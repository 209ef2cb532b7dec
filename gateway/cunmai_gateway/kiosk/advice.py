"""What the page says beside a settled value. No diagnosis: whom to tell, and how soon. Pure.

Cuts, for adults at up to 2,500 m: 93 % and below is the severe criterion of the National Health
Commission's plan (10th edition); below 90 % is severe by WHO; 95 % and above is "mild" in the NHS's
oximetry at home. Higher up, healthy values are lower: nothing is said of a value there.
"""

from __future__ import annotations

from enum import StrEnum

TELL_AT_OR_BELOW_PCT = 93.0
CALL_BELOW_PCT = 90.0
USUAL_FROM_PCT = 95.0
HIGHEST_ALTITUDE_M = 2_500


class Advice(StrEnum):
    """What to do with a value."""

    UNKNOWN = "unknown"
    """The page cannot tell: a doctor looks at it. Never shown as good."""
    USUAL = "usual"
    REPEAT = "repeat"
    TELL = "tell"
    CALL = "call"


def advise(spo2_pct: float | None, altitude_m: float | None) -> Advice:
    """For a settled oxygen saturation, at a clinic of this altitude (None: not configured)."""
    if spo2_pct is None or altitude_m is None or altitude_m > HIGHEST_ALTITUDE_M:
        return Advice.UNKNOWN
    if spo2_pct < CALL_BELOW_PCT:
        return Advice.CALL
    if spo2_pct <= TELL_AT_OR_BELOW_PCT:
        return Advice.TELL
    return Advice.USUAL if spo2_pct >= USUAL_FROM_PCT else Advice.REPEAT
