"""Stories of several workers whose clocks differ by a little, as those of any two servers do.

A worker that reads its clock and then waits, for the disk or for its turn at the processor, is behind by that
much, too. Neither is a clock that was set back, and nobody is asked twice for it.
"""

from __future__ import annotations

from contextlib import closing

import pytest

from cunmai_rules.escalation import grouping
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.notify.breaker import Breaker, Circuit
from cunmai_rules.thresholds.events import Escalate, Reason
from cunmai_wire.events import Answer, Grade, Lane, Priority
from support.rules_bench import LINK_KEY, Bench
from support.sms_bench import Make, unsigned_provider

BEHIND_MS = (1, 40, CLOCKS_DIFFER_MS)


def chased_by_another(bench: Bench, behind_ms: int) -> None:
    """Another worker looks for what is overdue, with a clock that is behind ours."""
    with closing(open_journal(bench.journal)) as db:
        desk = Desk(db, bench.settings, LINK_KEY)
        with db.transaction():
            desk.chase(bench.now_ms - behind_ms)


@pytest.mark.parametrize("behind_ms", BEHIND_MS)
def test_a_message_that_was_just_accepted_is_not_overdue_to_a_worker_that_is_behind(
    make: Make, behind_ms: int
) -> None:
    # The longest wait of the county is the one for an answer: the deadline is as far ahead as one can be.
    bench = make(unsigned_provider("a"), policy={"ack_within_s": 86_400})
    bench.desaturate()
    bench.notifier.send_due()
    chased_by_another(bench, behind_ms)
    bench.notifier.send_due()
    assert bench.told == ["V"]
    assert "overdue" not in bench.history()


@pytest.mark.parametrize("behind_ms", BEHIND_MS)
def test_who_says_seen_is_not_reminded_at_once_by_a_worker_that_is_behind(
    bench: Bench, behind_ms: int
) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    bench.answers(Answer.SEEN)  # half an hour for an outcome: the longest wait of the usual policy
    chased_by_another(bench, behind_ms)
    bench.notifier.send_due()
    assert bench.told == ["V"]
    bench.passes(1800)
    assert bench.told == ["V", "V"]


def test_a_tick_takes_the_time_for_its_chase_when_it_chases(bench: Bench) -> None:
    """A tick that judged subjects for two minutes is two minutes behind what others have written since."""
    bench.desaturate()
    bench.notifier.send_due()
    bench.answers(Answer.SEEN)
    answered_ms = bench.now_ms
    moments = [answered_ms - 2 * CLOCKS_DIFFER_MS, answered_ms]
    bench.engine._clock = lambda: moments.pop(0) if len(moments) > 1 else moments[0]
    bench.engine.tick()
    bench.notifier.send_due()
    assert bench.told == ["V"]


def test_a_clock_that_was_really_set_back_puts_nothing_off(bench: Bench) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    bench.answers(Answer.SEEN)
    chased_by_another(bench, CLOCKS_DIFFER_MS + 1)
    bench.notifier.send_due()
    assert bench.told == ["V", "V"]


@pytest.mark.parametrize("behind_ms", BEHIND_MS)
def test_a_message_in_doubt_stays_in_doubt_for_the_server_that_takes_over(make: Make, behind_ms: int) -> None:
    """The provider may have it and knows no idempotency key: whoever goes on waits as long as the first did."""
    bench = make(unsigned_provider("a"), unsigned_provider("b"))
    bench.carrier.silent = {"a"}
    bench.desaturate()
    bench.notifier.send_due()
    assert bench.told == ["V"]
    bench.restart()
    bench.db.execute("UPDATE notice SET due_ms = 0")
    bench.now_ms -= behind_ms
    bench.notifier.send_due()
    assert bench.told == ["V"]
    bench.now_ms += behind_ms
    bench.passes(60)
    assert bench.told == ["V", "V"]  # its wait is over: rather two than none


@pytest.mark.parametrize(
    ("behind_ms", "waits"), [(1, True), (CLOCKS_DIFFER_MS, True), (CLOCKS_DIFFER_MS + 1, False)]
)
def test_a_repeat_at_a_server_that_is_behind_the_answer_still_waits_for_review(
    bench: Bench, behind_ms: int, waits: bool
) -> None:
    bench.desaturate()
    bench.notifier.send_due()
    bench.answers(Answer.CONTACTED)
    outcome = bench.escalation()
    policy = bench.settings.escalation_policies().of(Grade.RED, Priority.HIGH)
    found = Escalate("k", "spo2-low", "1-0", Grade.RED, Lane.PAGE, Reason.LIMIT_MET, 0, None)
    assert outcome.closed_ms is not None
    assert grouping.waits_for_review(outcome, found, policy, outcome.closed_ms - behind_ms) is waits


@pytest.mark.parametrize(
    ("behind_ms", "joins"), [(1, True), (CLOCKS_DIFFER_MS, True), (CLOCKS_DIFFER_MS + 1, False)]
)
def test_one_visit_of_nobody_checked_in_stays_one_at_a_server_that_is_behind(
    bench: Bench, behind_ms: int, joins: bool
) -> None:
    for _ in range(20):
        bench.deliver(bench.reading(90, resident=None))
        bench.now_ms += 1000
    before = bench.escalation()
    found = Escalate("k", "spo2-deep", "1-0", Grade.RED, Lane.PAGE, Reason.LIMIT_MET, 0, None)
    assert grouping.belongs(before, found, before.found_ms - behind_ms) is joins


def test_a_breaker_that_another_thread_has_just_opened_is_open() -> None:
    opened = Breaker(3, opened_ms=1_000_000)
    assert opened.circuit(1_000_000 - 1) is Circuit.OPEN
    assert opened.circuit(1_000_000 - CLOCKS_DIFFER_MS - 1) is Circuit.HALF_OPEN
