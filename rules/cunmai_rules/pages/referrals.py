"""Referrals on the page of an escalation: sending one, and the receiver's answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy_file import LEVELS
from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.database import Database
from cunmai_rules.pages.personal import carries_personal_number
from cunmai_rules.pages.refusal import Refusal
from cunmai_rules.pages.words import REFERRALS, Lang, say
from cunmai_rules.referral.desk import ReferralDesk
from cunmai_rules.referral.states import Decision, NotNow, Referral, ReferralState
from cunmai_rules.registry.directory import Colleague, Directory
from cunmai_wire.events import AnswerMeans

MOST_NOTE = 200


@dataclass(frozen=True, slots=True)
class ReferralView:
    """One referral, in the reader's language."""

    sender: str
    receiver: str
    state: str
    note: str
    answer_note: str
    may_accept: bool
    """This reader is asked whether they take the resident."""
    may_return: bool
    """This reader has taken the resident, and may refer back."""


def colleagues_of(
    escalation: Escalation, contact: str, directory: Directory, now_ms: int
) -> tuple[Colleague, ...]:
    """Everybody of rules.yaml, who was asked, and the resident's own team up to its chief expert; not oneself."""
    team = directory.contacts(escalation.resident, escalation.gateway, now_ms, tuple(LEVELS.values()))
    asked = tuple(dict.fromkeys((*escalation.contacts, *team)))
    return tuple(one for one in directory.colleagues(asked) if one.id != contact)


def referral_views(
    referrals: Sequence[Referral], contact: str, directory: Directory, lang: Lang
) -> tuple[ReferralView, ...]:
    """Those of one escalation, oldest first."""
    return tuple(
        ReferralView(
            sender=directory.role_of(one.sender) or one.sender,
            receiver=directory.role_of(one.receiver) or one.receiver,
            state=say(REFERRALS[one.state], lang),
            note=one.note,
            answer_note=one.answer_note,
            may_accept=one.receiver == contact and one.state is ReferralState.REQUESTED,
            may_return=one.receiver == contact and one.state is ReferralState.ACCEPTED,
        )
        for one in referrals
    )


def refer(
    db: Database, desk: Desk, escalation: str, sender: str, receiver: str, note: str, now_ms: int
) -> None:
    """Send a resident up. Raises Refusal."""
    check_note(note)
    check_receiver(desk, escalation, sender, receiver, now_ms)
    with db.transaction():
        _fitting(lambda: ReferralDesk(db, desk).refer(escalation, sender, receiver, note, now_ms))


def decide(
    db: Database,
    desk: Desk,
    escalation: str,
    by: str,
    decision: str,
    note: str,
    means: AnswerMeans,
    now_ms: int,
) -> None:
    """Take the receiver's answer. Raises Refusal."""
    check_note(note)
    if decision not in list(Decision):
        raise Refusal("bad_answer", 422)
    with db.transaction():
        _fitting(
            lambda: ReferralDesk(db, desk).decide(escalation, by, Decision(decision), note, means, now_ms)
        )


def check_receiver(desk: Desk, escalation_id: str, sender: str, receiver: str, now_ms: int) -> None:
    """Only those whom the page offers: not everybody whom the registry has ever known. Raises Refusal."""
    escalation = desk.escalations.get(escalation_id)
    offered = () if escalation is None else colleagues_of(escalation, sender, desk.directory, now_ms)
    if receiver not in {one.id for one in offered}:
        raise Refusal("bad_hand_over", 422)


def check_note(note: str) -> None:
    """Raises Refusal where a note is too long, no text, or carries a number, however it is written."""
    if len(note) > MOST_NOTE or "\0" in note or carries_personal_number(note):
        raise Refusal("bad_note", 422)


def _fitting(work: Callable[[], object]) -> None:
    try:
        work()
    except NotNow as why:
        raise Refusal(str(why), 409) from None
