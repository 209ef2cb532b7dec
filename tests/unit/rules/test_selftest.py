"""The self-test through the real engine, desk and notifier: it passes, and what is broken is named."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path as File

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from cunmai_rules import metrics
from cunmai_rules.escalation.states import Status
from cunmai_rules.selftest.numbers import Numbers
from cunmai_rules.selftest.outcome import Outcome, newest_outcome
from cunmai_rules.selftest.path import path_over
from cunmai_rules.selftest.selftest import Came, SelfTest
from cunmai_rules.settings import RulesSettings, SelfTestSettings
from cunmai_runtime.errors import Retryable
from support.rules_bench import STREAM, Bench


@pytest.fixture
def tested(bench: Bench) -> Bench:
    """A bench whose self-test goes to the township's number."""
    object.__setattr__(bench.settings, "self_test", SelfTestSettings(contact="township"))
    return bench


def self_test(bench: Bench, *, cut: bool = False) -> SelfTest:
    """`cut`: what is published never arrives."""

    def publish(topic: str, payload: bytes) -> bool:
        if not cut:
            bench.deliver_raw(topic, payload)
        return not cut

    settings = bench.settings.self_test
    assert settings is not None
    path = path_over(bench.db, bench.desk, bench.settings.id, publish, bench.clock)
    numbers = Numbers.of(bench.folder / "self-test.json")
    return SelfTest(settings, bench.settings.id, numbers, path, bench.clock)


def run(bench: Bench, test: SelfTest, seconds: int) -> None:
    for _ in range(seconds // 2):
        test.turn()
        bench.passes(2)


def passed(logs: list[dict[str, object]]) -> list[str]:
    return [str(line["event"]) for line in logs if str(line["event"]).startswith("rules.self_test")]


def test_it_goes_the_whole_way_to_its_contact_alone_and_leaves_nothing_open(tested: Bench) -> None:
    test, began_ms = self_test(tested), tested.now_ms
    with capture_logs() as logs:
        run(tested, test, 120)
    assert passed(logs) == ["rules.self_test_passed"]  # type: ignore[arg-type]
    assert tested.told == ["T"]
    assert "SELF-TEST" in tested.sink.texts[0]
    (escalation,) = tested.desk.escalations.newest(10)
    assert (escalation.status, escalation.closed_because) == (Status.CLOSED, "test")
    assert test.failed is None
    outcome = newest_outcome(tested.db)
    assert outcome is not None
    assert outcome.failed is None
    assert outcome.passed_ms is not None
    assert began_ms <= outcome.passed_ms <= began_ms + 120_000


def test_the_next_one_is_a_page_of_its_own_an_hour_later(tested: Bench) -> None:
    test = self_test(tested)
    run(tested, test, 3590)
    assert tested.told == ["T"]
    run(tested, test, 60)
    assert tested.told == ["T", "T"]
    grades = tested.rows("SELECT body FROM event WHERE body LIKE '%grade_changed%' ORDER BY n")
    assert '"grade":"green"' in grades[1][0]  # it recovered between: no panel stays red for an hour


def test_a_clock_that_is_set_back_in_the_middle_of_one_does_not_end_all_tests(tested: Bench) -> None:
    cut = self_test(tested, cut=True)
    cut.turn()
    tested.now_ms -= 86_400_000
    run(tested, cut, 300)
    assert cut.failed is Came.NOTHING


def test_a_link_that_is_cut_is_named_and_asks_nobody(tested: Bench) -> None:
    test = self_test(tested, cut=True)
    with capture_logs() as logs:
        run(tested, test, 130)
    assert test.failed is Came.NOTHING
    assert [line["why"] for line in logs if line["event"] == "rules.self_test_failed"] == ["nothing_judged"]
    assert newest_outcome(tested.db) == Outcome(None, "nothing_judged")
    assert tested.told == []


def test_after_a_restart_the_newest_one_still_counts(tested: Bench) -> None:
    """A failed one is no reason to give the watcher its signal again, and an hour-old success is not 1970."""
    run(tested, self_test(tested, cut=True), 130)
    outcome = newest_outcome(tested.db)
    assert outcome is not None
    again = self_test(tested)
    again.resume(outcome.passed_ms, outcome.failed)
    assert again.failed is Came.NOTHING
    later = self_test(tested)
    later.resume(1_767_323_045_000, None)
    assert later.failed is None
    assert metrics.SELF_TEST_PASSED._value.get() == 1_767_323_045


def test_a_carrier_that_takes_nothing_is_named_and_no_doctor_is_asked_instead(tested: Bench) -> None:
    tested.sink.statuses += [503] * 500
    test = self_test(tested)
    run(tested, test, 130)
    assert str(test.failed) == "not_taken_by_the_carrier"
    assert all(one.status is Status.CLOSED for one in tested.desk.escalations.newest(10))
    tested.sink.statuses.clear()
    run(tested, test, 3700)
    assert test.failed is None
    assert set(tested.told) == {"T"}


def test_a_restart_begins_no_test_and_gives_no_number_twice(tested: Bench) -> None:
    run(tested, self_test(tested), 120)
    numbers = Numbers.of(tested.folder / "self-test.json")
    run(tested, self_test(tested), 600)
    assert tested.told == ["T"]
    again = Numbers.of(tested.folder / "self-test.json")
    assert (again.stream, again.seq, again.started_ms) == (numbers.stream, numbers.seq, numbers.started_ms)
    assert numbers.seq > 1


def restarted(bench: Bench, *, cut: bool = False) -> SelfTest:
    """As after a restart: it knows what is in the journal and in its file."""
    bench.restart()
    test, outcome = self_test(bench, cut=cut), newest_outcome(bench.db) or Outcome()
    test.resume(outcome.passed_ms, outcome.failed)
    return test


def test_one_that_a_restart_cuts_off_is_repeated_ten_minutes_after_it_began_and_is_a_page_of_its_own(
    tested: Bench,
) -> None:
    tested.sink.statuses += [503] * 50
    began_ms, test = tested.now_ms, self_test(tested)
    run(tested, test, 30)
    tested.sink.statuses.clear()
    test = restarted(tested)
    assert test.due_ms == began_ms + 600_000
    run(tested, test, 564)
    assert newest_outcome(tested.db) is None
    run(tested, test, 60)
    outcome = newest_outcome(tested.db)
    assert outcome is not None
    assert outcome.passed_ms is not None
    assert test.due_ms == began_ms + 600_000 + 3_600_000


def test_one_that_failed_is_repeated_after_a_restart_and_restarts_in_a_loop_make_no_more_of_them(
    tested: Bench,
) -> None:
    run(tested, self_test(tested, cut=True), 200)
    began = [tested.now_ms - 200_000]
    for _ in range(10):  # every four minutes, for forty
        test = restarted(tested, cut=True)
        run(tested, test, 240)
        started_ms = Numbers.of(tested.folder / "self-test.json").started_ms
        began += [started_ms] if started_ms != began[-1] else []
    gaps_s = [(later - before) // 1000 for before, later in pairwise(began)]
    assert len(gaps_s) >= 3
    assert all(600 <= gap_s <= 720 for gap_s in gaps_s)


def test_one_that_passed_is_not_repeated_by_a_restart(tested: Bench) -> None:
    began_ms = tested.now_ms
    run(tested, self_test(tested), 120)
    test = restarted(tested)
    assert test.due_ms == began_ms + 3_600_000
    run(tested, test, 1200)
    assert tested.told == ["T"]


def test_another_services_self_test_asks_nobody_here_is_receipted_and_does_not_disturb_ours(
    tested: Bench,
) -> None:
    tested.sink.statuses += [503] * 500
    theirs = {"device": "self-test", "resident": "SELF-TEST", "mode": "spot"}
    for _ in range(2):  # a minute apart, and the second as a gateway sends again what nobody has receipted
        tested.deliver(tested.reading(60, **theirs), gateway="rules-2")
        tested.passes(60)
    assert [receipt["stream"] for receipt in tested.receipts] == [STREAM, STREAM]
    assert tested.desk.escalations.newest(10) == []
    tested.sink.statuses.clear()
    test = self_test(tested)
    run(tested, test, 120)
    assert test.failed is None
    assert newest_outcome(tested.db) is not None
    assert tested.told == ["T"]


def test_a_resident_measured_by_another_device_is_judged_whatever_the_name(tested: Bench) -> None:
    """What is left aside is the self-test's own stream of another service, and nothing else."""
    for _ in range(20):
        tested.deliver(
            tested.reading(60, resident="SELF-TEST"), tested.reading(60, device="self-test", resident="R-1")
        )
        tested.now_ms += 1000
    assert len(tested.desk.escalations.newest(10)) == 2


def test_a_file_that_cannot_be_read_is_a_new_stream(tmp_path: File) -> None:
    file = tmp_path / "self-test.json"
    first = Numbers.of(file)
    first.next()
    file.write_text("{")
    assert Numbers.of(file).stream != first.stream
    with pytest.raises(Retryable):
        Numbers.of(file / "no folder" / "self-test.json").next()


def test_its_contact_must_exist(bench: Bench) -> None:
    document = bench.settings.model_dump(mode="python") | {"self_test": {"contact": "nobody"}}
    with pytest.raises(ValidationError, match="nobody"):
        RulesSettings.model_validate(document)
