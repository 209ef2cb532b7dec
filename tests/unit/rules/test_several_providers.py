"""Several SMS providers: which one is asked, what a doubt waits for, and which receipts are believed."""

from __future__ import annotations

from cunmai_rules.escalation.receipts import Taken
from cunmai_rules.escalation.states import Status
from cunmai_wire.events import Answer
from support.fake_carrier import Chances
from support.sms_bench import Make, unsigned_provider, webhook_provider

# -- falling back -------------------------------------------------------------------------------------------


def test_the_first_red_of_a_resident_is_not_used_to_try_a_provider_that_fails(make: Make) -> None:
    bench = make(webhook_provider("a"), webhook_provider("b"))
    bench.carrier.down = {"a"}
    for number in range(3):
        bench.desaturate_resident(f"R-{number}")
        bench.passes(1)
        bench.passes(1)
    assert bench.notifier.circuits()["a"] == "open"
    bench.now_ms += 40_000
    assert bench.notifier.circuits()["a"] == "half_open"
    asked = len(bench.carrier.asked)
    bench.desaturate_resident("R-new")
    bench.notifier.send_due()
    assert bench.by()[asked:] == ["b"]


def test_with_every_provider_down_nothing_is_held_back_by_a_breaker(make: Make) -> None:
    bench = make(webhook_provider("a"), webhook_provider("b"))
    bench.carrier.down = {"a", "b"}
    bench.desaturate()
    for _ in range(40):
        bench.passes(5)
    assert bench.notifier.circuits() == {"a": "open", "b": "open"}
    bench.carrier.down = {"a"}
    bench.passes(31)
    bench.passes(1)
    assert bench.told == ["V"]


def test_what_one_provider_refuses_for_good_another_may_take(make: Make) -> None:
    bench = make(unsigned_provider("a"), webhook_provider("b"))
    bench.carrier.refuses_for_good = {"a"}
    bench.desaturate()
    bench.notifier.send_due()
    bench.notifier.send_due()
    assert (bench.by(), bench.told) == (["a", "b"], ["V"])
    assert bench.notifier.circuits() == {"a": "closed", "b": "closed"}  # it works: it refused this one
    bench.carrier.refuses_for_good = {"a", "b"}
    bench.passes(301)
    for _ in range(4):
        bench.notifier.send_due()
    assert bench.states()[1] == "failed"


# -- in doubt -----------------------------------------------------------------------------------------------


def test_one_that_knows_no_key_is_left_alone_until_the_wait_is_over(make: Make) -> None:
    bench = make(unsigned_provider("a", unsure_wait_s=60), webhook_provider("b"))
    bench.carrier.silent = {"a"}
    bench.desaturate()
    for _ in range(11):
        bench.passes(5)
    assert bench.by() == ["a"]
    bench.passes(10)
    bench.passes(1)
    assert bench.by() == ["a", "b"]


def test_a_kill_while_a_message_is_on_its_way_leaves_it_in_doubt(make: Make) -> None:
    bench = make(unsigned_provider("a", unsure_wait_s=60), webhook_provider("b"))
    bench.desaturate()
    bench.notifier.start_due()  # it is sent, and its answer is never written down
    bench.restart()
    bench.passes(5)
    assert bench.by() == ["a"]
    bench.passes(60)
    bench.passes(1)
    assert bench.by() == ["a", "b"]


# -- receipts -----------------------------------------------------------------------------------------------


def test_nobody_reached_by_receipts_is_shouted_and_tried_again_later_and_not_in_a_circle(make: Make) -> None:
    bench = make(webhook_provider("a", receipt_within_s=180))
    bench.carrier.chances = {"a": Chances(loses=1)}
    bench.desaturate()
    bench.notifier.send_due()
    for _ in range(20):
        bench.reports(2)
    assert bench.told == ["V", "T"]
    assert bench.escalation().status is Status.EXHAUSTED
    assert "nobody_reached" in bench.history()
    bench.reports(300)
    assert bench.told == ["V", "T", "V"]


def test_phones_that_were_off_for_one_round_are_all_asked_again_as_often_as_the_policy_says(
    make: Make,
) -> None:
    bench = make(webhook_provider("a", receipt_within_s=180))
    bench.carrier.chances = {"a": Chances(loses=1)}
    bench.desaturate()
    bench.notifier.send_due()
    for _ in range(5):
        bench.reports(2)
    bench.carrier.chances = {}
    for _ in range(60):
        bench.reports(30)
    assert bench.told[:7] == ["V", "T", "V", "T", "V", "T", "T"]
    assert "everyone_tried" in bench.history()


def test_a_failure_that_is_reported_after_the_lack_of_a_receipt_was_acted_on_asks_nobody_again(
    make: Make,
) -> None:
    bench = make(webhook_provider("a", receipt_within_s=60), fallback_contacts=["village"])
    bench.carrier.chances = {"a": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    bench.passes(61)
    bench.passes(61)
    assert bench.told == ["V", "T"]
    assert bench.receipt_for("a-1")(delivered=False, number="13800000002") is Taken.FAILED
    bench.notifier.send_due()
    assert (bench.told, bench.states()) == (["V", "T"], ["unconfirmed", "failed"])


def test_the_last_resort_and_not_the_same_phone_again_where_the_last_round_ends_in_a_failure(
    make: Make,
) -> None:
    bench = make(
        webhook_provider("a", receipt_within_s=60), fallback_contacts=["village"], policy={"rounds": 1}
    )
    bench.carrier.chances = {"a": Chances(delay_s=(1, 1))}
    bench.desaturate()
    bench.notifier.send_due()
    bench.reports(2)  # on the village doctor's phone, who does not answer
    bench.carrier.chances = {"a": Chances(loses=1, delay_s=(1, 1))}
    bench.reports(300)
    assert bench.told == ["V", "T"]
    bench.reports(2)
    assert bench.told == ["V", "T", "V"]
    assert "everyone_tried" in bench.history()


def test_where_a_reminder_does_not_arrive_it_is_somebody_else_who_is_asked(make: Make) -> None:
    bench = make(webhook_provider("a", receipt_within_s=60))
    bench.carrier.chances = {"a": Chances(delay_s=(1, 1))}
    bench.desaturate()
    bench.notifier.send_due()
    bench.reports(2)
    bench.reports(300)
    bench.reports(2)
    assert bench.told == ["V", "T"]
    bench.answers(Answer.SEEN)
    bench.carrier.chances = {"a": Chances(loses=1, delay_s=(1, 1))}
    bench.reports(1800)
    assert bench.told == ["V", "T", "V"]
    bench.reports(2)
    assert bench.told == ["V", "T", "V", "T"]


def test_after_an_outage_what_nobody_waits_for_any_more_takes_no_place_from_what_is_due(make: Make) -> None:
    sms = {"at_once": 1, "providers": [webhook_provider("a")]}
    bench = make(sms=sms, policy={"ack_within_s": 30})
    for _ in range(20):
        bench.desaturate_resident(f"R-{bench.now_ms}")
    for _ in range(10):
        bench.now_ms += 31_000  # the notifier has no place free: each step of each waits
        bench.engine.tick()
    waiting = bench.rows("SELECT count(*) FROM notice WHERE state = 'queued'")
    assert waiting > [(100,)]
    bench.notifier.start_due()
    assert len(bench.carrier.taken) == 1


def test_without_a_deadline_for_receipts_only_the_time_for_an_answer_counts(make: Make) -> None:
    bench = make(webhook_provider("a"))
    bench.carrier.chances = {"a": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    bench.passes(299)
    assert bench.told == ["V"]
    bench.passes(2)
    assert bench.told == ["V", "T"]


def test_receipts_that_repeat_contradict_and_mistake_change_nothing(make: Make) -> None:
    bench = make(webhook_provider("a", receipt_within_s=60))
    bench.carrier.chances = {"a": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.send_due()
    id_ = "a-0"
    says = bench.receipt_for(id_)
    assert says(delivered=True, number="13900000009") is Taken.OTHER_NUMBER
    assert says(delivered=True) is Taken.DELIVERED
    assert says(delivered=True) is Taken.REPEATED
    assert says(delivered=False) is Taken.CONTRADICTED
    assert bench.receipt_for("never-heard-of")(delivered=False) is Taken.EARLY
    bench.passes(120)
    assert (bench.told, bench.states()) == (["V"], ["delivered"])


def test_a_receipt_that_overtakes_the_answer_is_kept_for_it(make: Make) -> None:
    bench = make(webhook_provider("a", receipt_within_s=60))
    bench.carrier.chances = {"a": Chances(drops=1)}
    bench.desaturate()
    bench.notifier.start_due()
    assert bench.receipt_for("a-0")(delivered=False) is Taken.EARLY
    bench.notifier.record()
    assert bench.states()[0] == "failed"
    bench.notifier.send_due()
    assert bench.told == ["V", "T"]


def test_the_failure_of_a_provider_that_was_given_up_is_no_failure(make: Make) -> None:
    bench = make(unsigned_provider("a", unsure_wait_s=10), webhook_provider("b"))
    bench.carrier.silent, bench.carrier.names_messages = {"a"}, False
    bench.carrier.chances = {"a": Chances(loses=1, delay_s=(30, 30))}
    bench.desaturate()
    bench.notifier.send_due()
    bench.passes(11)
    bench.passes(1)
    assert bench.by() == ["a", "b"]
    assert Taken.ELSEWHERE in bench.reports(30)
    assert bench.told == ["V", "V"]
