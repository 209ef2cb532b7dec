"""What people may enter of a resident by hand, and what is wrong with it otherwise. Pure.

What was not looked at is left out, never "normal": nothing here fills a gap.
"""

from __future__ import annotations

from enum import StrEnum

from cunmai_gateway.measurement import Measurement
from cunmai_wire.readings import Consciousness, FollowUpMethod, ReportStatus

LEAST_RATE, MOST_RATE = 1, 120
"""Breaths in a minute. Nobody enters 0: who does not breathe needs help, not a reading."""
MOST_FLOW_L_MIN = 60.0

BY_HAND = frozenset({"respiration", "assessment", "follow_up", "ultrasound_report"})
"""The kinds that a person enters, one press of the button each."""
ENTERED_WORDS = ("consciousness", "on_oxygen", "febrile_or_crying", "method", "status")
"""Their values that are no numbers."""


class EntryFault(StrEnum):
    """Why nothing was entered; codes of the page's words."""

    NOTHING_ENTERED = "nothing_entered"
    BAD_RATE = "bad_rate"
    BAD_FLOW = "bad_flow"
    FLOW_WITHOUT_OXYGEN = "flow_without_oxygen"
    CHECK_IN_FIRST = "check_in_first"
    SOMEBODY_ELSE = "somebody_else"
    """The visit for which the form was filled in has ended."""
    NO_SUCH_EXAM = "no_such_exam"


def respiration(rate_per_min: float) -> Measurement | EntryFault:
    """Breaths in one minute."""
    if not LEAST_RATE <= rate_per_min <= MOST_RATE or rate_per_min != int(rate_per_min):
        return EntryFault.BAD_RATE
    return Measurement("respiration", {"respiratory_rate_per_min": float(rate_per_min)})


def assessment(
    consciousness: Consciousness | None,
    on_oxygen: bool | None,
    flow_l_min: float | None,
    febrile_or_crying: bool | None,
) -> Measurement | EntryFault:
    """What was seen. A flow says nothing where nobody said that there is oxygen."""
    if flow_l_min is not None:
        if not on_oxygen:
            return EntryFault.FLOW_WITHOUT_OXYGEN
        if not 0 < flow_l_min <= MOST_FLOW_L_MIN:
            return EntryFault.BAD_FLOW
    values = {
        "consciousness": consciousness,
        "on_oxygen": on_oxygen,
        "oxygen_flow_l_min": flow_l_min,
        "febrile_or_crying": febrile_or_crying,
    }
    present = {name: value for name, value in values.items() if value is not None}
    return Measurement("assessment", present) if present else EntryFault.NOTHING_ENTERED


def follow_up(method: FollowUpMethod) -> Measurement:
    """Somebody of the team has seen the resident, or spoken to them."""
    return Measurement("follow_up", {"method": method})


def exam_report(study_uid: str, status: ReportStatus) -> Measurement:
    """How far the report of an exam has come; never what it says."""
    return Measurement("ultrasound_report", {"study_uid": study_uid, "status": status})
