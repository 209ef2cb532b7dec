"""Whether what somebody says has been said: by a double tap, or by a request that is sent again after a kill.

Whoever's request was committed and not answered sends the same form once more. That changes nothing, and
nobody is asked twice for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.escalations import Entry
from cunmai_wire.events import Answer


def answered_before(before: Escalation, history: Sequence[Entry], contact: str, answer: Answer) -> bool:
    """The very answer that it stands by, from the same person.

    Who says "seen" once more after a reminder says something new.
    """
    seen = answer is Answer.SEEN and before.status is Status.SEEN and before.seen_by == contact
    if not seen and before.closed_because != f"answered_{answer}":
        return False
    given, since = _last(history, "answered")
    if given is None or (given.actor, given.detail["answer"]) != (contact, answer):
        return False
    return not seen or _asked_in(since) == 0


def handed_before(before: Escalation, history: Sequence[Entry], contact: str, to: str, note: str) -> bool:
    """The very hand-over, and whom it went to has been asked and has not answered yet."""
    if before.status is not Status.OPEN or before.given_to != to:
        return False
    handed, since = _last(history, "handed_over")
    if handed is None or (handed.actor, handed.detail["to"], handed.detail["note"]) != (contact, to, note):
        return False
    return _asked_in(since) <= 1


def _last(history: Sequence[Entry], type_: str) -> tuple[Entry | None, Sequence[Entry]]:
    """The newest line of this type, and what came after it."""
    place = next((n for n in reversed(range(len(history))) if history[n].type == type_), None)
    return (None, ()) if place is None else (history[place], history[place + 1 :])


def _asked_in(history: Sequence[Entry]) -> int:
    """How often somebody was asked in these lines."""
    return sum(one.type == "notice_queued" for one in history)
