"""The escalation state machine: who is asked next, and until when. 2 rounds; 300 s, 1800 s, then 600 s."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cunmai_rules.escalation.machine import (
    answered,
    closed,
    notice_accepted,
    notice_failed,
    opened,
    overdue,
    still_wanted,
)
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.states import Ask, CloseReason, Escalation, Status
from cunmai_wire.events import Answer, Grade, Lane

POLICY = Policy(
    ack_within_s=300, outcome_within_s=1800, rounds=2, then_every_s=600, last_resort=("township", "county")
)
T0 = 1_000_000


def escalation(**changes: object) -> Escalation:
    base = Escalation(
        id="e1",
        subject="R-1",
        gateway="g-1",
        device="oxi",
        resident="R-1",
        rule="spo2-low",
        version="1-0",
        grade=Grade.RED,
        lane=Lane.PAGE,
        reason="limit_met",
        stream="s",
        seq=1,
        reading_t_ms=T0,
        opened_ms=T0,
        contacts=("village", "township"),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # a test's shorthand


def test_a_page_asks_the_nearest_contact_at_once() -> None:
    state, asks = opened(escalation(), POLICY)
    assert asks == (Ask("village", 1),)
    assert state.due_ms == T0 + 300_000


def test_a_review_asks_nobody() -> None:
    state, asks = opened(escalation(lane=Lane.REVIEW), POLICY)
    assert (asks, state.due_ms, state.status) == ((), None, Status.OPEN)


def taken(state: Escalation, now: int) -> Escalation:
    """The carrier has accepted the newest notice."""
    return notice_accepted(state, POLICY, state.asked, now)


def test_without_an_answer_the_next_contact_is_asked_then_round_again_then_slowly_for_ever() -> None:
    state, asks = opened(escalation(), POLICY)
    told = [ask.contact for ask in asks]
    waits = []
    now = T0
    for _ in range(7):
        state = taken(state, now)
        assert state.due_ms is not None
        waits.append((state.due_ms - now) // 1000)
        now = state.due_ms
        state, asks = overdue(state, POLICY, now)
        told += [ask.contact for ask in asks]
    assert told == ["village", "township", "village", "township"] + ["township", "county"] * 2
    assert waits == [300, 300, 300, 300, 600, 600, 600]
    assert state.status is Status.EXHAUSTED


def test_what_the_carrier_has_not_taken_is_given_to_the_next_contact_and_counts_for_no_round() -> None:
    state, _ = opened(escalation(), POLICY)
    told = []
    for minute in range(5, 60, 5):
        state, asks = overdue(state, POLICY, T0 + minute * 60_000)
        told += [ask.contact for ask in asks]
        assert not still_wanted(state, state.asked - 1)
    assert told == ["township", "village"] * 5 + ["township"]
    assert (state.status, state.reached, state.tried) == (Status.OPEN, 0, 0)


def test_the_only_contact_is_not_queued_for_twice() -> None:
    state, _ = opened(escalation(contacts=("village",)), POLICY)
    state, asks = overdue(state, POLICY, T0 + 300_000)
    assert (asks, state.asked, state.due_ms) == ((), 1, T0 + 600_000)


def test_the_wait_for_an_answer_begins_with_the_acceptance() -> None:
    state, _ = opened(escalation(), POLICY)
    assert taken(state, T0 + 250_000).due_ms == T0 + 550_000


def test_when_nobody_can_be_reached_it_is_tried_again_later_and_not_at_once() -> None:
    state, _ = opened(escalation(), POLICY)
    state, asks = notice_failed(state, POLICY, 1, T0)
    assert asks == (Ask("township", 2),)
    state, asks = notice_failed(state, POLICY, 2, T0)
    assert (asks, state.status, state.due_ms) == ((), Status.EXHAUSTED, T0 + 300_000)
    state, asks = overdue(state, POLICY, T0 + 300_000)
    assert asks == (Ask("village", 3),)
    state = taken(state, T0 + 300_000)  # the carrier is well again: as if it had just opened
    assert (state.status, state.tried, state.due_ms) == (Status.OPEN, 0, T0 + 600_000)


def test_a_clock_set_back_does_not_put_a_deadline_off() -> None:
    state, _ = opened(escalation(), POLICY)
    an_hour_back = T0 - 3_600_000
    _, asks = overdue(state, POLICY, an_hour_back)
    assert asks == (Ask("township", 2),)


def test_whoever_saw_it_is_reminded_beyond_all_rounds() -> None:
    state, _ = opened(escalation(), POLICY)
    state = answered(taken(state, T0), POLICY, "township", Answer.SEEN, T0)
    now, told = T0, []
    for _ in range(20):
        now += 1_800_000
        state, asks = overdue(state, POLICY, now)
        told += [ask.contact for ask in asks]
        state = taken(state, now)
    assert told == ["township"] * 20
    assert state.status is Status.SEEN


def test_a_reminder_that_cannot_arrive_goes_to_the_next_contact() -> None:
    state, _ = opened(escalation(), POLICY)
    state = answered(taken(state, T0), POLICY, "village", Answer.SEEN, T0)
    state, _ = overdue(state, POLICY, T0 + 1_800_000)
    state, asks = notice_failed(state, POLICY, state.asked, T0 + 1_800_000)
    assert asks == (Ask("township", 3),)
    assert state.status is Status.SEEN


def test_closing_says_why_and_is_the_end() -> None:
    state, _ = opened(escalation(), POLICY)
    state = closed(state, CloseReason.TEST, T0 + 1)
    assert (state.status, state.closed_because, state.closed_ms) == (Status.CLOSED, "test", T0 + 1)
    assert overdue(state, POLICY, T0 + 10**9) == (state, ())
    assert not still_wanted(state, 1)


def test_before_the_deadline_nothing_happens() -> None:
    state, _ = opened(escalation(), POLICY)
    assert overdue(state, POLICY, T0 + 299_999) == (state, ())


def test_a_failed_notice_moves_on_at_once() -> None:
    state, _ = opened(escalation(), POLICY)
    state, asks = notice_failed(state, POLICY, 1, T0 + 1)
    assert asks == (Ask("township", 2),)
    assert state.due_ms == T0 + 1 + 300_000


def test_the_failure_of_an_earlier_notice_moves_nothing() -> None:
    state, _ = opened(escalation(), POLICY)
    state, _ = notice_failed(state, POLICY, 1, T0 + 1)
    assert notice_failed(state, POLICY, 1, T0 + 2) == (state, ())


def test_a_failure_after_an_answer_moves_nothing() -> None:
    state, _ = opened(escalation(), POLICY)
    state = answered(state, POLICY, "village", Answer.SEEN, T0 + 5)
    assert notice_failed(state, POLICY, 1, T0 + 6) == (state, ())


def test_seen_is_not_handled_and_whoever_saw_it_is_reminded() -> None:
    state, _ = opened(escalation(), POLICY)
    state = answered(state, POLICY, "village", Answer.SEEN, T0 + 60_000)
    assert (state.status, state.due_ms) == (Status.SEEN, T0 + 60_000 + 1_800_000)
    state, asks = overdue(state, POLICY, T0 + 60_000 + 1_800_000)
    assert asks == (Ask("village", 2),)
    assert state.status is Status.SEEN


@pytest.mark.parametrize("answer", [Answer.CONTACTED, Answer.REFERRED, Answer.FALSE_ALARM])
def test_an_outcome_closes(answer: Answer) -> None:
    state, _ = opened(escalation(), POLICY)
    state = answered(state, POLICY, "village", answer, T0 + 1)
    assert (state.status, state.due_ms) == (Status.CLOSED, None)
    assert overdue(state, POLICY, T0 + 10**9) == (state, ())


def test_seen_after_an_outcome_reopens_nothing() -> None:
    state, _ = opened(escalation(), POLICY)
    state = answered(state, POLICY, "village", Answer.REFERRED, T0 + 1)
    assert answered(state, POLICY, "township", Answer.SEEN, T0 + 2) == state


def test_an_outcome_is_taken_even_when_everyone_had_been_tried() -> None:
    state = escalation(status=Status.EXHAUSTED, asked=4)
    assert answered(state, POLICY, "township", Answer.CONTACTED, T0).status is Status.CLOSED


def test_an_escalation_without_contacts_goes_to_the_last_resort() -> None:
    state, asks = opened(escalation(contacts=()), POLICY)
    assert (state.status, asks) == (Status.EXHAUSTED, (Ask("township", 1),))


def test_an_escalation_with_nobody_at_all_is_shown_and_not_forgotten() -> None:
    nobody = replace(POLICY, last_resort=())
    state, asks = opened(escalation(contacts=()), nobody)
    assert (state.status, asks, state.due_ms) == (Status.EXHAUSTED, (), T0 + 300_000)
