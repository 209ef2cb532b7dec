"""What a carrier's delivery receipt is taken for. Pure; docs/sms.md says why.

A receipt that says "delivered" is evidence of a phone, and stands against any later "failed". One that says
"failed" is believed until a "delivered" comes, in whatever order they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cunmai_wire.events import NoticeState


@dataclass(frozen=True, slots=True)
class CarrierReceipt:
    """One delivery receipt, whoever sent it. One of the two ids says which message it is about."""

    provider: str
    delivered: bool
    reason: str
    """The provider's code, or a word of ours; never a text of theirs."""
    provider_id: str | None = None
    notice: str | None = None
    to_mark: str | None = None
    """Of the number that it names (`Desk.mark`)."""


class Taken(StrEnum):
    """What was made of a receipt."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REPEATED = "repeated"
    """It says what is known."""
    CONTRADICTED = "contradicted"
    """It says that a message failed which is on the phone: it is not believed."""
    EARLY = "early"
    """About a message that we do not know yet: kept for a while."""
    UNKNOWN = "unknown"
    """About no message of ours, or of another provider's."""
    ELSEWHERE = "elsewhere"
    """One provider failed, and another has been given the message since: that one's word counts."""
    OTHER_NUMBER = "other_number"
    """It names another number than the one that was written to."""


def judge(state: NoticeState, *, delivered: bool) -> Taken:
    """What a receipt says that is new."""
    if delivered:
        return Taken.REPEATED if state is NoticeState.DELIVERED else Taken.DELIVERED
    if state is NoticeState.DELIVERED:
        return Taken.CONTRADICTED
    if state in (NoticeState.FAILED, NoticeState.DROPPED):
        return Taken.REPEATED
    return Taken.FAILED
