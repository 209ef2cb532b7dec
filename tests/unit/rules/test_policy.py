"""The escalation policy: who is asked next, and until when. Waits: answer 300 s, outcome 1800 s; 2 rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cunmai_rules.escalation.policy import (
    Ask,
    Escalation,
    Policy,
    Status,
    answered,
    notice_failed,
    opened,
    overdue,
)
from cunmai_wire.events import Answer, Grade, Lane

POLICY = Policy(ack_within_s=300, outcome_within_s=1800, rounds=2)
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


def test_without_an_answer_the_next_contact_is_asked_then_round_again_then_it_stays_open_to_see() -> None:
    state, asks = opened(escalation(), POLICY)
    told = [ask.contact for ask in asks]
    now = T0
    for _ in range(6):
        now += 300_000
        state, asks = overdue(state, POLICY, now)
        told += [ask.contact for ask in asks]
    assert told == ["village", "township", "village", "township"]
    assert (state.status, state.due_ms) == (Status.EXHAUSTED, None)


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


def test_an_escalation_without_contacts_is_exhausted_not_forgotten() -> None:
    state, asks = opened(escalation(contacts=()), POLICY)
    assert (state.status, asks) == (Status.EXHAUSTED, ())
