"""Which findings belong together: one open escalation per resident. Pure; docs/decisions/0009 says why.

A further finding joins the resident's open escalation. It asks again at once where it is graver or a new
episode, soon where another rule found it, and otherwise is only recorded. The first red of a resident
always pages. One of the past that is graver than the open page does not join it, and is a task of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cunmai_rules.escalation.machine import ask_anew
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS, Policy
from cunmai_rules.escalation.states import Escalation, Status, Step
from cunmai_rules.thresholds.events import Escalate
from cunmai_wire.events import Grade, Lane, Priority

ONE_VISIT_MS = 600_000
"""While nobody is checked in, findings of one device further apart than this may be of two people."""

GRAVITY = {Grade.GREY: 0, Grade.GREEN: 0, Grade.YELLOW: 1, Grade.RED: 2}


class How(StrEnum):
    """What a joining finding is to the escalation that it joins."""

    WORSE = "worse"
    CAME_BACK = "came_back"
    """It had recovered, or nothing was heard of it, for longer than the quiet time."""
    ANOTHER_RULE = "another_rule"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Joined:
    """The escalation with the finding in it, whom to ask for it, and why or why not."""

    step: Step
    how: How


def belongs(escalation: Escalation, found: Escalate, now_ms: int) -> bool:
    """Whether a finding about the same subject joins this escalation."""
    if escalation.status is Status.CLOSED:
        return False
    if escalation.lane is Lane.REVIEW and not (_in_quiet(escalation) and found.lane is Lane.PAGE):
        return False
    if escalation.lane is Lane.PAGE and found.lane is Lane.REVIEW and _graver(escalation, found):
        return False  # Whoever answers the page answers what it says, which is less than this.
    if escalation.resident is not None:
        return True
    # A device without a resident: the next person at it must not vanish into the last one's escalation.
    soon = -CLOCKS_DIFFER_MS <= now_ms - escalation.found_ms <= ONE_VISIT_MS
    return (
        found.lane is Lane.PAGE and soon and bool(escalation.raised) and found.rule not in escalation.raised
    )


def join(escalation: Escalation, found: Escalate, policy: Policy, now_ms: int) -> Joined:
    """Record a finding in an open escalation, and ask again where that is called for."""
    how = _how(escalation, found, policy, now_ms)
    joined = with_finding(escalation, found, now_ms)
    if found.lane is Lane.REVIEW:
        return Joined((joined, ()), how)
    if how is How.WORSE or how is How.CAME_BACK or (how is How.ANOTHER_RULE and _in_quiet(escalation)):
        headline = replace(
            joined, lane=Lane.PAGE, rule=found.rule, version=found.version, grade=found.grade,
            reason=found.reason, reading_t_ms=found.t_ms, said_zh=found.said_zh,
            said_en=found.said_en,
        )  # fmt: skip
        return Joined(ask_anew(headline, policy, now_ms), how)
    if how is How.ANOTHER_RULE and joined.due_ms is not None:
        soon_ms = max(now_ms, joined.asked_ms + policy.ack_within_s * 1000)
        joined = replace(joined, due_ms=min(joined.due_ms, soon_ms))
    return Joined((joined, ()), how)


def waits_for_review(outcome: Escalation, found: Escalate, policy: Policy, now_ms: int) -> bool:
    """Whether a page comes so soon after an outcome, with nothing new in it, that it may wait for review."""
    if outcome.closed_ms is None or not (outcome.closed_because or "").startswith("answered_"):
        return False
    return (
        outcome.resident is not None
        and outcome.lane is Lane.PAGE
        and found.lane is Lane.PAGE
        and found.rule in outcome.rules
        and GRAVITY[found.grade] <= GRAVITY[outcome.grade]
        and -CLOCKS_DIFFER_MS <= now_ms - outcome.closed_ms < policy.quiet_s * 1000
    )


def recovered(escalation: Escalation, rule: str, now_ms: int) -> Escalation:
    """One rule's finding has recovered. That answers nothing and closes nothing."""
    raised = tuple(one for one in escalation.raised if one != rule)
    return replace(escalation, raised=raised, recovered_ms=escalation.recovered_ms if raised else now_ms)


def _in_quiet(escalation: Escalation) -> bool:
    """A repeat soon after an outcome, while its quiet time lasts."""
    return escalation.lane is Lane.REVIEW and escalation.follows is not None and escalation.due_ms is not None


def _graver(escalation: Escalation, found: Escalate) -> bool:
    return GRAVITY[found.grade] > GRAVITY[escalation.grade]


def _how(escalation: Escalation, found: Escalate, policy: Policy, now_ms: int) -> How:
    if _graver(escalation, found):
        return How.WORSE
    since_ms = escalation.found_ms if escalation.raised else escalation.recovered_ms
    known = not escalation.raised or found.rule in escalation.raised
    if known and since_ms is not None and abs(now_ms - since_ms) > policy.quiet_s * 1000:
        return How.CAME_BACK
    return How.AGAIN if found.rule in escalation.rules else How.ANOTHER_RULE


def with_finding(escalation: Escalation, found: Escalate, now_ms: int) -> Escalation:
    """An escalation with one more finding, before anybody is asked for it."""
    pages = found.lane is Lane.PAGE
    return replace(
        escalation,
        grade=found.grade if pages and _graver(escalation, found) else escalation.grade,
        rules=tuple(dict.fromkeys((*escalation.rules, found.rule))),
        raised=tuple(dict.fromkeys((*escalation.raised, found.rule))) if pages else escalation.raised,
        found_ms=now_ms if pages else escalation.found_ms,
        recovered_ms=None if pages else escalation.recovered_ms,
        priority=min(escalation.priority, found.priority, key=list(Priority).index),
    )
