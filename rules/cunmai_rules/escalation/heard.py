"""Whether somebody who answers by SMS has heard of what they would answer. Pure.

An escalation may turn red while its yellow message lies on a phone. A page in the browser shows it as it is now;
whoever answers that message by SMS goes by what it said then.
"""

from __future__ import annotations

from collections.abc import Sequence

from cunmai_rules.escalation.folding import Weight
from cunmai_rules.escalation.grouping import How
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.escalations import Entry
from cunmai_rules.journal.notices import Notice
from cunmai_wire.events import Grade


def unheard_red(
    before: Escalation, history: Sequence[Entry], notices: Sequence[Notice], contact: str
) -> bool:
    """Whether it has turned red, and no provider has taken a message about that for this contact's number."""
    if before.grade is not Grade.RED or before.status is Status.CLOSED:
        return False
    worse = [n for n, one in enumerate(history) if one.type == "joined" and one.detail["how"] == How.WORSE]
    if not worse:
        return False  # It has been red from the beginning.
    asked_before = sum(one.type == "notice_queued" for one in history[: worse[-1]])
    turned_ms = history[worse[-1]].t_ms
    # One phone may be that of several contacts.
    marks = {one.to_mark for one in notices if one.contact == contact and one.to_mark is not None}
    return not any(
        one.accepted_ms is not None and _of_the_red(one, asked_before, turned_ms)
        for one in notices
        if one.contact == contact or one.to_mark in marks
    )


def _of_the_red(notice: Notice, asked_before: int, turned_ms: int) -> bool:
    """It was made since, or had been held back and was worded since."""
    if notice.number > asked_before or notice.weight in (Weight.FIRST_RED, Weight.RED):
        return True
    return notice.told_ms is not None and notice.told_ms > turned_ms
