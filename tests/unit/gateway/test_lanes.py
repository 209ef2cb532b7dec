"""The two lanes of the uplink, with a clock in whole seconds. Receipts are overdue after 15 s."""

from __future__ import annotations

from cunmai_gateway.lanes import LaneLimits, Lanes, Window

LIMITS = LaneLimits(sweep_readings_per_s=100, resend_after_s=15, full_pass_at_most_every_s=120)


def up(measured: int = 0, now_s: float = 0) -> Lanes:
    lanes = Lanes(LIMITS)
    lanes.link_up(measured, now_s)
    return lanes


def drained(measured: int = 0) -> Lanes:
    """A link whose first pass is over, at second 0."""
    lanes = up(measured)
    lanes.pass_ended(0)
    return lanes


def test_what_was_measured_before_the_link_is_backlog_and_what_comes_after_is_live() -> None:
    lanes = up(measured=40)
    assert lanes.live(40) is None
    assert lanes.live(43) == Window(40, 43)
    assert lanes.sweep(0) == Window(0, 40)


def test_live_goes_on_from_what_was_sent() -> None:
    lanes = up()
    lanes.live_sent(2, now_s=1)
    assert lanes.live(2) is None
    assert lanes.live(5) == Window(2, 5)


def test_the_backlog_is_paced() -> None:
    lanes = up(measured=500)
    lanes.swept(200, count=200, now_s=0)  # 200 readings at 100 a second
    assert lanes.sweep(1.9) is None
    assert lanes.sweep(2) == Window(200, 500)


def test_an_overdue_receipt_is_asked_for_once_soon() -> None:
    lanes = drained()
    lanes.live_sent(10, now_s=1)
    lanes.live_sent(20, now_s=5)
    assert lanes.sweep(14.9) is None
    lanes.pass_ended(15)  # the first full pass after the link came up found nothing
    assert lanes.sweep(16) == Window(0, 10)
    lanes.swept(10, 10, 16)
    lanes.pass_ended(16.2)
    assert lanes.sweep(19.9) is None
    assert lanes.sweep(20) == Window(10, 20)


def test_full_passes_that_change_nothing_become_rare() -> None:
    lanes = drained(measured=5)
    begun: list[float] = []
    for second in range(600):
        if lanes.sweep(second) is not None:
            begun.append(second)
            lanes.pass_ended(second)
    assert begun == [15, 45, 105, 225, 345, 465, 585]


def test_a_silent_consumer_that_is_heard_again_brings_the_next_full_pass_near() -> None:
    lanes = drained(measured=5)
    lanes.heard("rules", 10)
    for second in range(230):  # full passes at 15, 45, 105 and 225: the next would be at 345
        if lanes.sweep(second) is not None:
            lanes.pass_ended(second)
    lanes.heard("rules", 230)
    assert lanes.sweep(244) is None
    assert lanes.sweep(245) == Window(0, 5)


def test_a_consumer_that_is_heard_all_the_time_brings_nothing_near() -> None:
    lanes = drained(measured=5)
    begun: list[float] = []
    for second in range(300):
        lanes.heard("ingest", second)
        if lanes.sweep(second) is not None:
            begun.append(second)
            lanes.pass_ended(second)
    assert begun == [15, 45, 105, 225]


def test_asked_to_send_again_it_begins_at_once() -> None:
    lanes = drained(measured=5)
    lanes.live_sent(9, now_s=1)
    lanes.resend(2)
    assert lanes.sweep(2) == Window(0, 9)


def test_a_new_link_makes_everything_backlog_again() -> None:
    lanes = drained()
    lanes.live_sent(30, now_s=1)
    lanes.link_up(30, now_s=3)
    assert lanes.sweep(3) == Window(0, 30)
    assert lanes.live(30) is None
