"""What is held back from people, and what they are told together. Within the caller's transaction.

`folding.py` decides; here its decisions are written down: a message that waits says since when and why, and a
summary is carried by one of its notices. What becomes of that one becomes of all (`notices.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cunmai_rules.escalation import machine
from cunmai_rules.escalation.folding import Decision, Folding, Hold, Owed, Together, Weight, decide
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.record import Record
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.folds import Folds
from cunmai_rules.journal.notices import Notice
from cunmai_wire.events import Grade, Lane, NoticeState

PolicyOf = Callable[[Escalation], Policy]
LINK_LIFETIME_MS = 7 * 24 * 3_600_000
CHANGE_WITHIN_MS = 24 * 3_600_000
"""For so long after the end a link still opens its page, to look and to put a slip right."""


def still_owed(escalation: Escalation, notice: Notice, folds: Folds) -> bool:
    """Whether a message should still go out.

    One that was held back is owed even when the next contact has been asked meanwhile, until somebody answers
    or the same person is asked again: else those who get the most messages would never hear of some.
    """
    if machine.still_wanted(escalation, notice.number):
        return True
    waits = notice.held_ms is not None and escalation.lane is Lane.PAGE
    return waits and escalation.status in (Status.OPEN, Status.EXHAUSTED) and not folds.asked_again(notice)


class Summaries:
    """One connection's view of them."""

    def __init__(
        self,
        escalations: Escalations,
        folds: Folds,
        record: Record,
        folding: Callable[[], Folding],
        policy_of: PolicyOf,
        *,
        possible: bool,
    ) -> None:
        """`possible`: whether the providers can send summaries at all."""
        self._escalations = escalations
        self._folds = folds
        self._record = record
        self._folding = folding
        self._policy_of = policy_of
        self._possible = possible

    def look(self, notice: Notice, now_ms: int) -> Notice | None:
        """What becomes of a message that has never been on its way: the notice as it goes out now, by itself or
        with the others that it carries; None where it waits."""
        folding = self._folding()
        if not folding.looks_back_s and notice.held_ms is None:
            return notice
        self._folds.lock(notice.contact)
        before = self._escalations.hold(notice.escalation)
        current = self._escalations.notice(notice.id)
        if before is None or current is None or current.state is not NoticeState.QUEUED or current.told_ms:
            return None
        if not still_owed(before, current, self._folds):
            return current  # Whoever sends it drops it.
        return self._decided(before, current, folding, now_ms)

    def _decided(self, before: Escalation, notice: Notice, folding: Folding, now_ms: int) -> Notice | None:
        weighed = replace(notice, weight=self._weight(before, notice))
        if not self._possible or notice.error is not None:
            # It was in a summary that was refused: never again in one.
            return self._alone(weighed, now_ms)
        match self._decide(weighed, folding, now_ms):
            case Hold() as hold:
                self._hold(before, weighed, hold, now_ms)
                return None
            case Together() as together:
                return self._together(before, weighed, together, now_ms)
            case _:
                return self._alone(weighed, now_ms)

    def _weight(self, escalation: Escalation, notice: Notice) -> Weight:
        if escalation.grade is not Grade.RED:
            return Weight.YELLOW
        known = self._folds.knows(escalation.id, notice.contact, notice.id)
        return Weight.FIRST_RED if known in (None, Weight.YELLOW) else Weight.RED

    def _decide(self, notice: Notice, folding: Folding, now_ms: int) -> Decision:
        assert notice.weight is not None, "weighed above"
        waiting = self._folds.waiting(notice.contact, notice.id)
        told = self._folds.told(notice.contact, now_ms - folding.looks_back_s * 1000)
        one = Owed(
            notice.id, notice.site or "", notice.weight, notice.queued_ms, notice.held_ms, notice.held_why
        )
        return decide(one, waiting, told, folding, now_ms)

    # -- what was decided -------------------------------------------------------------------------------

    def _alone(self, notice: Notice, now_ms: int) -> Notice:
        told = replace(notice, told_ms=now_ms, counts_as=notice.weight)
        self._escalations.update_notice(told)
        return told

    def _hold(self, escalation: Escalation, notice: Notice, hold: Hold, now_ms: int) -> None:
        until_ms = hold.until_ms
        if notice.weight is Weight.YELLOW:
            until_ms = self._policy_of(escalation).quiet_until_ms(until_ms) or until_ms
        # Held since the future: the clock was set back.
        since_ms = now_ms if notice.held_ms is None else min(notice.held_ms, now_ms)
        held = replace(notice, held_ms=since_ms, held_why=hold.why, due_ms=until_ms)
        self._escalations.update_notice(held)
        if notice.held_why is not hold.why:
            self._record.held(escalation, held, now_ms)

    def _together(self, escalation: Escalation, notice: Notice, together: Together, now_ms: int) -> Notice:
        """One notice carries the summary; the others go with it."""
        parts = self._parts(notice, together.ids, now_ms)
        if not parts:
            return self._alone(notice, now_ms)
        new_red = any(one.weight is Weight.FIRST_RED for one in (notice, *(part for _, part in parts)))
        weight = Weight.FIRST_RED if new_red else notice.weight
        lead = replace(notice, told_ms=now_ms, told_with=notice.id, counts_as=weight)
        for other, part in [(escalation, lead), *parts]:
            self._escalations.update_notice(replace(part, told_ms=now_ms, told_with=lead.id))
            self._record.together(other, part, lead.id, len(parts) + 1, now_ms)
        return lead

    def _parts(self, lead: Notice, ids: Sequence[str], now_ms: int) -> list[tuple[Escalation, Notice]]:
        """What goes with it and is still owed; what is not is dropped."""
        notices = [
            one for id_ in ids if id_ != lead.id and (one := self._escalations.notice(id_)) is not None
        ]
        held = self._escalations.hold_all([one.escalation for one in notices])
        parts = []
        for one in notices:
            escalation = held[one.escalation]
            if still_owed(escalation, one, self._folds):
                parts.append((escalation, one))
            else:
                dropped = replace(one, state=NoticeState.DROPPED)
                self._escalations.update_notice(dropped)
                self._record.notice(escalation, dropped, now_ms)
        return parts

    # -- what a summary says and opens ------------------------------------------------------------------

    def covered(self, lead: Notice) -> list[Notice]:
        """The notices whose escalations a summary tells of, its own first."""
        return [lead, *self._folds.members(lead.id)]

    def is_new(self, notice: Notice) -> bool:
        """Whether this person had not heard of it before."""
        return self._folds.knows(notice.escalation, notice.contact, notice.id) is None

    def listed(self, contact: str, sites: Sequence[str], now_ms: int) -> list[Escalation]:
        """What a summary's link opens: everything that this person was asked about at these sites lately."""
        ids = self._folds.asked_of(contact, sites, now_ms - LINK_LIFETIME_MS)
        found = [self._escalations.get(id_) for id_ in ids]
        return [
            one
            for one in found
            if one is not None and (one.closed_ms is None or now_ms - one.closed_ms <= CHANGE_WITHIN_MS)
        ]

    def unanswered(self, lead: str) -> list[str]:
        """The escalations of a summary that nobody has answered."""
        notice = self._escalations.notice(lead)
        if notice is None:
            return []
        held = self._escalations.hold_all([one.escalation for one in self.covered(notice)])
        return [id_ for id_, one in held.items() if one.status in (Status.OPEN, Status.EXHAUSTED)]
