"""States that are kept beside the text that the journal holds: never other ones than that text says."""

from __future__ import annotations

from unittest import mock

from cunmai_rules.journal import recent
from cunmai_rules.journal.recent import RecentStates
from cunmai_rules.thresholds.memory import Memory, dump_memory, load_memory
from cunmai_rules.thresholds.packed import unpack_profile
from cunmai_rules.thresholds.state import NOTHING_SEEN, RuleState, SubjectState
from support.rules import no_profiles
from support.rules_bench import Bench


def remembered(grade: str) -> Memory:
    return Memory(SubjectState(rules={"spo2-low": RuleState("clear", grade=grade)}))


GREEN, RED = remembered("green"), remembered("red")
GREEN_TEXT, RED_TEXT = dump_memory(GREEN), dump_memory(RED)


def test_a_state_whose_text_is_the_same_is_not_parsed_again() -> None:
    states = RecentStates()
    states.keep("R-1", RED_TEXT, RED)
    assert states.read("R-1", RED_TEXT, no_profiles) is RED


def test_a_state_that_was_written_and_taken_back_is_not_used() -> None:
    """The transaction was rolled back, or another worker has written since: the row says what it says."""
    states = RecentStates()
    states.keep("R-1", GREEN_TEXT, GREEN)
    states.keep("R-1", RED_TEXT, RED)
    assert states.read("R-1", GREEN_TEXT, no_profiles) == GREEN
    assert states.read("R-1", GREEN_TEXT, no_profiles).rules.rules["spo2-low"].grade == "green"


def test_a_state_is_its_own_subjects() -> None:
    states = RecentStates()
    states.keep("R-1", RED_TEXT, RED)
    other = states.read("R-2", RED_TEXT, no_profiles)
    assert other == RED
    assert other is not RED


def test_what_was_used_least_lately_goes_first() -> None:
    states = RecentStates(most=2)
    states.keep("R-1", RED_TEXT, RED)
    states.keep("R-2", RED_TEXT, RED)
    states.read("R-1", RED_TEXT, no_profiles)
    states.keep("R-3", RED_TEXT, RED)
    assert states.read("R-1", RED_TEXT, no_profiles) is RED
    assert states.read("R-2", RED_TEXT, no_profiles) is not RED


def test_the_engine_parses_a_state_once_and_after_a_restart_once_more(bench: Bench) -> None:
    with mock.patch.object(recent, "load_memory", wraps=load_memory) as parsed:
        bench.desaturate(20)
        assert parsed.call_count == 0
        bench.restart()
        bench.desaturate(20)
        assert parsed.call_count == 1


def test_the_engine_goes_by_the_row_where_something_else_has_written_it(bench: Bench) -> None:
    bench.desaturate(10)
    (before,) = bench.rows("SELECT state FROM subject WHERE id = 'R-7F3K'")
    bench.desaturate(3)
    bench.db.execute("UPDATE subject SET state = ? WHERE id = 'R-7F3K'", before)
    bench.desaturate(1)
    (after,) = bench.rows("SELECT state FROM subject WHERE id = 'R-7F3K'")
    profiles = {key: unpack_profile(body) for key, body in bench.rows("SELECT key, body FROM profile")}
    was, now = (load_memory(text, profiles.get) for (text,) in (before, after))
    assert now.since_mid == was.since_mid + 1
    assert now.rules != NOTHING_SEEN
