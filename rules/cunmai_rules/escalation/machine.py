"""The escalation state machine: (escalation, event, policy) -> (escalation, asks). Pure.

An escalation owes a human answer. Being seen is not being handled: only an outcome (contacted, referred,
false alarm), or closing it with a named reason, ends it. Until then somebody is asked again and again, and
every wait has a deadline and a next step. The reasons for the waits are in docs/decisions/0009.
"""

from __future__ import annotations

from dataclasses import replace

from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS, Policy
from cunmai_rules.escalation.states import Ask, Escalation, Status, Step
from cunmai_wire.events import Answer, Lane

# -- opening and deadlines ------------------------------------------------------------------------------


def opened(escalation: Escalation, policy: Policy) -> Step:
    """A page asks the nearest contact at once; a review waits on the worklist."""
    if escalation.lane is Lane.REVIEW:
        return escalation, ()
    return _ask_next(escalation, policy, escalation.opened_ms)


def is_due(due_ms: int, now_ms: int, longest_wait_s: float) -> bool:
    """Past, or so far ahead that the clock must have been set back since it was written."""
    return due_ms <= now_ms or due_ms > now_ms + int(longest_wait_s * 1000) + CLOCKS_DIFFER_MS


def overdue(escalation: Escalation, policy: Policy, now_ms: int) -> Step:
    """Its deadline has passed without what was awaited: an acceptance, an answer, an outcome."""
    if escalation.due_ms is None or not is_due(escalation.due_ms, now_ms, policy.longest_wait_s):
        return escalation, ()
    if escalation.lane is Lane.REVIEW:
        return _quiet_is_over(escalation, policy, now_ms)
    if escalation.awaits is None and escalation.status is Status.OPEN and not escalation.held:
        # What nobody has reported lost in all that time has most likely arrived.
        escalation = replace(escalation, tried=escalation.tried + 1, undelivered=0)
    return _ask_next(escalation, policy, now_ms)


def everyone_tried(escalation: Escalation, policy: Policy) -> bool:
    """Whether all were gone through as often as the policy says, and some message was taken."""
    return escalation.reached > 0 and escalation.tried >= policy.rounds * len(escalation.contacts)


# -- what became of a notice ----------------------------------------------------------------------------


def still_wanted(escalation: Escalation, number: int) -> bool:
    """Whether a queued notice should still be sent: it is the newest, and nobody has answered since."""
    return escalation.awaits is not None and number == escalation.asked


def notice_accepted(escalation: Escalation, policy: Policy, number: int, now_ms: int) -> Escalation:
    """The carrier has taken it: from now on an answer is awaited."""
    counted = replace(escalation, reached=escalation.reached + 1, failed=0)
    if not still_wanted(escalation, number):
        return counted
    if escalation.status is Status.EXHAUSTED and not everyone_tried(escalation, policy):
        tried = escalation.tried if escalation.reached else 0
        counted = replace(counted, status=Status.OPEN, tried=tried)
    return replace(counted, awaits=None, due_ms=now_ms + _answer_within_s(counted, policy) * 1000)


def notice_failed(escalation: Escalation, policy: Policy, number: int, now_ms: int) -> Step:
    """A notice will never arrive: the next contact is asked at once, unless someone has answered since."""
    if not still_wanted(escalation, number):
        return escalation, ()
    failed = replace(escalation, awaits=None, failed=escalation.failed + 1, tried=escalation.tried + 1)
    return _after_failure(failed, policy, escalation.awaits, now_ms)


def notice_undelivered(
    escalation: Escalation, policy: Policy, number: int, contact: str, now_ms: int
) -> Step:
    """An accepted notice has not reached the phone, by its receipt or by the lack of one.

    The next contact is asked at once, apart from the time for an answer. Nothing follows where somebody
    else has been asked since.
    """
    if still_wanted(escalation, number):
        return notice_failed(escalation, policy, number, now_ms)
    if number != escalation.asked or escalation.status is Status.CLOSED or escalation.due_ms is None:
        return escalation, ()
    failed = replace(escalation, undelivered=escalation.undelivered + 1, tried=escalation.tried + 1)
    return _after_failure(failed, policy, contact, now_ms)


def notice_delivered(escalation: Escalation, policy: Policy, number: int, now_ms: int) -> Escalation:
    """A notice is on the phone. One that was still thought to be on its way has been accepted, too."""
    # Word of an earlier one says nothing of those who were asked since.
    arrived = replace(escalation, undelivered=0) if number == escalation.asked else escalation
    return notice_accepted(arrived, policy, number, now_ms) if still_wanted(arrived, number) else arrived


# -- answers --------------------------------------------------------------------------------------------


def answered(escalation: Escalation, policy: Policy, contact: str, answer: Answer, now_ms: int) -> Escalation:
    """A human has answered. A late `seen` does not reopen what is closed."""
    if answer is not Answer.SEEN:
        return closed(escalation, f"answered_{answer}", now_ms)
    if escalation.status is Status.CLOSED:
        return escalation
    due_ms = now_ms + policy.outcome_within_s * 1000
    return replace(
        escalation, status=Status.SEEN, seen_by=contact, due_ms=due_ms, awaits=None, failed=0, undelivered=0
    )


def handed_over(
    escalation: Escalation, policy: Policy, to: str, now_ms: int, *, reopen: bool = False
) -> Step:
    """Somebody gives it to another contact, who is asked at once; the rest of the list stays behind them.

    It counts as not yet seen: whoever gave it away owes nothing, and whoever got it has not answered. What is
    closed stays closed, unless `reopen`.
    """
    if escalation.status is Status.CLOSED and not reopen:
        return escalation, ()
    escalation = replace(escalation, closed_ms=None, closed_because=None)
    afresh = _afresh(replace(escalation, given_to=to, lane=Lane.PAGE))
    return _ask_next(with_contacts(afresh, escalation.contacts), policy, now_ms, by_hand=True)


def with_contacts(escalation: Escalation, contacts: tuple[str, ...]) -> Escalation:
    """Whom to ask is now this list: the rosters have changed. Who was asked in this round is not asked twice."""
    if escalation.given_to is not None:
        others = (one for one in contacts if one != escalation.given_to)
        contacts = (escalation.given_to, *others)
    if contacts == escalation.contacts or not contacts:
        return escalation
    before = escalation.contacts
    round_, done = divmod(escalation.turn, len(before)) if before else (0, 0)
    asked = tuple(one for one in contacts if one in before[:done])
    rest = tuple(one for one in contacts if one not in asked)
    return replace(escalation, contacts=(*asked, *rest), turn=round_ * len(contacts) + len(asked))


def closed(escalation: Escalation, because: str, now_ms: int) -> Escalation:
    """It is over, for a named reason. Changing an answer does not move the moment it was closed."""
    closed_ms = now_ms if escalation.closed_ms is None else escalation.closed_ms
    return replace(
        escalation,
        status=Status.CLOSED,
        due_ms=None,
        awaits=None,
        closed_ms=closed_ms,
        closed_because=because,
    )


# -- within ---------------------------------------------------------------------------------------------


def _after_failure(failed: Escalation, policy: Policy, contact: str | None, now_ms: int) -> Step:
    """Somebody else at once, unless none of them could be reached just now."""
    if failed.failed + failed.undelivered < max(len(_list(failed, policy)), 1):
        return _ask_next(failed, policy, now_ms, in_turn=True, unreachable=contact)
    return _nobody_reached(failed, policy, now_ms), ()


def _nobody_reached(failed: Escalation, policy: Policy, now_ms: int) -> Escalation:
    """Nobody on the list can be reached. Again later, not at once: a carrier that refuses all of them in a
    second may be mended in an hour."""
    status = failed.status if failed.status is Status.SEEN else Status.EXHAUSTED
    later = now_ms + policy.ack_within_s * 1000
    return replace(failed, status=status, turn=0, failed=0, undelivered=0, due_ms=later)


def _answer_within_s(escalation: Escalation, policy: Policy) -> int:
    """From the carrier's acceptance."""
    if escalation.status in (Status.SEEN, Status.EXHAUSTED):
        return _wait_s(escalation, policy)
    return policy.ack_s((escalation.turn - 1) % max(len(escalation.contacts), 1))


def _wait_s(escalation: Escalation, policy: Policy) -> int:
    """From the asking to the next step, where the carrier has not taken it by then."""
    match escalation.status:
        case Status.SEEN:
            return policy.outcome_within_s
        case Status.EXHAUSTED if everyone_tried(escalation, policy):
            return policy.then_every_s
        case _:
            return policy.ack_within_s if policy.accept_within_s is None else policy.accept_within_s


def _list(escalation: Escalation, policy: Policy) -> tuple[str, ...]:
    """Whom to go through: the contacts; once all were told in vain, the last one and the last resort."""
    contacts, last_resort = escalation.contacts, policy.last_resort
    if escalation.status is Status.EXHAUSTED and everyone_tried(escalation, policy):
        return tuple(dict.fromkeys((*contacts[-1:], *last_resort)))
    if escalation.status is Status.EXHAUSTED or not contacts:
        return tuple(dict.fromkeys((*contacts, *last_resort)))
    return contacts


def _ask_next(
    escalation: Escalation, policy: Policy, now_ms: int, *, in_turn: bool = False, by_hand: bool = False,
    unreachable: str | None = None,
) -> Step:  # fmt: skip
    """The next contact in turn; whoever has seen it is reminded instead, unless `in_turn`.

    `unreachable`: whose message has just come to nothing. They are passed over; where there is nobody else,
    they have some time. In quiet hours it waits for their end, unless a person wants it now.
    """
    until_ms = None if by_hand else policy.quiet_until_ms(now_ms)
    if until_ms is not None:
        return replace(escalation, held=True, due_ms=until_ms), ()
    escalation = replace(escalation, held=False)
    enough = policy.rounds * len(escalation.contacts)
    if escalation.status is Status.OPEN and escalation.tried >= enough:
        escalation = replace(escalation, status=Status.EXHAUSTED, turn=0)
    listed = _list(escalation, policy)
    due_ms = now_ms + _wait_s(escalation, policy) * 1000
    if not listed:
        return replace(escalation, due_ms=due_ms), ()
    reminds = escalation.status is Status.SEEN and escalation.seen_by is not None and not in_turn
    if set(listed) == {unreachable}:
        return _nobody_reached(escalation, policy, now_ms), ()
    turn = escalation.turn % len(listed)
    if listed[turn] == unreachable:
        turn = (turn + 1) % len(listed)
    contact = escalation.seen_by if reminds and escalation.seen_by else listed[turn]
    if not reminds:
        escalation = replace(escalation, turn=turn + 1)
    if contact == escalation.awaits:
        # Their message is on its way since the last time, and the carrier will take it when it can.
        return replace(escalation, due_ms=due_ms), ()
    number = escalation.asked + 1
    asked = replace(escalation, asked=number, asked_ms=now_ms, awaits=contact, due_ms=due_ms)
    return asked, (Ask(contact, number),)


def _quiet_is_over(escalation: Escalation, policy: Policy, now_ms: int) -> Step:
    """A repeat soon after an outcome has waited for review: where it has not recovered, it pages now."""
    if not escalation.raised:
        return replace(escalation, due_ms=None), ()
    return _ask_next(replace(escalation, lane=Lane.PAGE), policy, now_ms)


def ask_anew(escalation: Escalation, policy: Policy, now_ms: int) -> Step:
    """From the nearest contact again, as if it had just opened: it has become worse, or come back."""
    return _ask_next(_afresh(escalation), policy, now_ms)


def _afresh(escalation: Escalation) -> Escalation:
    return replace(
        escalation,
        status=Status.OPEN,
        seen_by=None,
        turn=0,
        tried=0,
        failed=0,
        undelivered=0,
        awaits=None,
        due_ms=None,
    )
