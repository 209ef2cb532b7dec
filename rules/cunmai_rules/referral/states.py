"""The states of a referral: (referral, decision) -> referral. Pure.

    requested -> accepted -> returned       (上转, 接收, 下转)
              -> declined

A referral rides on its escalation: whoever it was sent to is asked like any contact, until they answer, and
when they do not, the next contact is asked. So a referral that nobody looks at is never silent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class ReferralState(StrEnum):
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    RETURNED = "returned"
    """Referred back: the receiver has done their part, and says what is still to be done near home."""


class Decision(StrEnum):
    """What the receiver says."""

    ACCEPT = "accept"
    DECLINE = "decline"
    RETURN = "return"


RESULT = {
    Decision.ACCEPT: ReferralState.ACCEPTED,
    Decision.DECLINE: ReferralState.DECLINED,
    Decision.RETURN: ReferralState.RETURNED,
}
_FITS = {
    Decision.ACCEPT: ReferralState.REQUESTED,
    Decision.DECLINE: ReferralState.REQUESTED,
    Decision.RETURN: ReferralState.ACCEPTED,
}
"""In which state each can be said."""


class NotNow(ValueError):
    """The decision does not fit the state. Its text names a sentence of the pages."""


@dataclass(frozen=True, slots=True)
class Referral:
    """One referral of one escalation. Contacts are ids; times are ms since 1970, UTC."""

    id: str
    escalation: str
    resident: str | None
    gateway: str
    sender: str
    receiver: str
    note: str
    requested_ms: int
    state: ReferralState = ReferralState.REQUESTED
    decided_ms: int | None = None
    answer_note: str = ""
    """Why it was declined, or what the sender is asked to do now."""
    accepted_ms: int | None = None


def decided(referral: Referral, decision: Decision, by: str, note: str, now_ms: int) -> Referral:
    """After the receiver's decision. Raises NotNow."""
    if by != referral.receiver:
        raise NotNow("referral_not_yours")
    if referral.state is not _FITS[decision]:
        raise NotNow("referral_decided")
    if decision is not Decision.ACCEPT and not note:
        raise NotNow("referral_needs_note")
    accepted_ms = now_ms if decision is Decision.ACCEPT else referral.accepted_ms
    return replace(
        referral, state=RESULT[decision], decided_ms=now_ms, answer_note=note, accepted_ms=accepted_ms
    )
