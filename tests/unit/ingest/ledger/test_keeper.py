"""The ledger over a real book: days, gaps, events, askings, points. T0 is 2023-11-15 06:13:20 in China."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cunmai_ingest.ledger.tables import FIGURES, totals
from cunmai_runtime.errors import UserError
from cunmai_wire.state import MAX_LOST
from support.ledger_bench import LedgerBench, ledger_bench
from support.messages import EVENTS_TOPIC, GATEWAY, STATE_TOPIC, STREAM, T0_MS, oximetry, state

COMMANDS_TOPIC = "cunmai/v1/12/clinic-01/commands"
DAY_MS = 86_400_000
TODAY, TOMORROW = "2023-11-15", "2023-11-16"


def lose(
    bench: LedgerBench, total: int, *, up_to: int, reason: str = "dropped", day: str = TODAY, **changes: Any
) -> None:
    """The gateway says that so many are gone."""
    loss = {"stream": STREAM, "day": day, "reason": reason, "count": total}
    bench.state(up_to, losses=[loss], **changes)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LedgerBench]:
    with ledger_bench(tmp_path) as made:
        yield made


def test_measured_stored_judged(bench: LedgerBench) -> None:
    bench.now_ms = T0_MS + 10_000
    bench.state(5)
    bench.readings(*[oximetry(seq) for seq in (1, 2, 3)])
    bench.judged((1, 2))
    assert bench.sweep() == []
    assert bench.days() == {TODAY: {"measured": 5, "stored": 3, "judged": 2, "unjudged": 1, "missing": 2}}
    bench.readings(oximetry(4), oximetry(5), oximetry(3))
    bench.judged((3, 5), refused=((5, 5),))
    bench.sweep()
    assert bench.days() == {TODAY: {"measured": 5, "stored": 5, "judged": 4, "refused": 1}}


def test_each_reading_counts_on_the_clinics_day_that_it_was_measured_on(bench: LedgerBench) -> None:
    midnight = 1_700_064_000_000  # 2023-11-16 00:00 in China, 16:00 UTC the day before
    bench.now_ms = midnight + 1000
    bench.readings(oximetry(1, midnight - 1), oximetry(2, midnight))
    bench.sweep()
    assert bench.days() == {
        TODAY: {"measured": 1, "stored": 1, "unjudged": 1},
        TOMORROW: {"measured": 1, "stored": 1, "unjudged": 1},
    }


def test_late_quarantined_and_unreadable(bench: LedgerBench) -> None:
    bench.now_ms = T0_MS + 400_000
    bench.readings(oximetry(1, T0_MS), oximetry(2, T0_MS + 100_000), oximetry(3, kind="aura"), oximetry(4, 0))
    bench.judged((1, 4), refused=((3, 4),))
    bench.sweep()
    assert bench.days() == {
        TODAY: {"measured": 4, "stored": 2, "judged": 2, "refused": 2, "late": 1, "quarantined": 2}
    }
    bench.now_ms += DAY_MS
    bench.readings(oximetry(3, kind="aura"))
    bench.sweep()
    assert list(bench.days()) == [TODAY]


def test_a_number_that_others_name_is_missed(bench: LedgerBench) -> None:
    """Without a word of the gateway: the rules have judged what never came here."""
    bench.readings(oximetry(1))
    bench.judged((1, 4))
    bench.sweep()
    assert bench.days()[TODAY]["missing"] == 3


# -- gaps -------------------------------------------------------------------------------------------------


def test_a_gap_past_its_deadline_is_told_and_asked_for(bench: LedgerBench) -> None:
    bench.state(6)
    bench.readings(oximetry(1), oximetry(4))
    bench.judged((1, 6))
    assert bench.sweep() == []
    assert bench.sweep(after_s=899.999) == []
    published = bench.sweep(after_s=0.001)
    (command,) = [body for topic, body in published if topic == COMMANDS_TOPIC]
    assert command["command"] == "resend"
    assert (command["stream"], command["ranges"]) == (STREAM, [[2, 3], [5, 6]])
    (event,) = bench.events(published)
    assert event == {
        "type": "ledger_gap",
        "seq": 1,
        "t": T0_MS + 900_000,
        "gateway": GATEWAY,
        "kind": "missing",
        "condition": "open",
        "reason": "ask",
        "gap_stream": STREAM,
        "first_seq": 2,
        "last_seq": 6,
        "missing_count": 4,
        "since": T0_MS,
    }
    assert bench.days()[TODAY]["overdue"] == 4


def test_an_event_is_sent_until_the_book_holds_it(bench: LedgerBench) -> None:
    bench.state(1)
    bench.sweep()
    bench.link_up = False
    assert bench.sweep(after_s=900) == []
    bench.link_up = True
    (topic, body), *_ = [found for found in bench.sweep(after_s=1) if found[0] == EVENTS_TOPIC]
    assert (topic, body["source"]) == (EVENTS_TOPIC, "ingest")
    assert bench.events(bench.sweep(after_s=1)) == []
    assert len(bench.events(bench.sweep(after_s=15))) == 1
    bench.take(EVENTS_TOPIC, json.dumps(body).encode())
    assert bench.events(bench.sweep(after_s=60)) == []
    assert bench.store.sequences(body["stream"]).total == 1


def test_asking_backs_off_is_bounded_and_never_closes_the_gap(bench: LedgerBench) -> None:
    bench.state(2)
    bench.readings(oximetry(1))
    bench.judged((1, 1))
    bench.sweep()
    asked_at = [
        minute
        for minute in range(1, 60 * 60)
        if any(topic == COMMANDS_TOPIC for topic, _ in bench.sweep(after_s=60))
    ]
    # 15 minutes, then pauses of 15, 30, 60, 120, 240 minutes and twice the longest, 360.
    assert asked_at == [15, 30, 60, 120, 240, 480, 840, 1200]
    assert bench.days()[TODAY] == {"measured": 2, "stored": 1, "judged": 1, "missing": 1, "overdue": 1}


def test_an_asking_that_could_not_be_sent_is_sent_when_the_link_is_back(bench: LedgerBench) -> None:
    bench.state(1)
    bench.sweep()
    bench.link_up = False
    bench.sweep(after_s=900)
    bench.link_up = True
    assert COMMANDS_TOPIC in [topic for topic, _ in bench.sweep(after_s=1)]
    assert COMMANDS_TOPIC not in [topic for topic, _ in bench.sweep(after_s=1)]


def test_a_gateway_that_is_away_is_told_of_and_asked_when_it_is_back(bench: LedgerBench) -> None:
    bench.state(1, presence="offline")
    bench.sweep()
    published = bench.sweep(after_s=900)
    assert [event["reason"] for event in bench.events(published)] == ["gateway_offline"]
    assert COMMANDS_TOPIC not in [topic for topic, _ in published]
    bench.state(1)
    assert COMMANDS_TOPIC in [topic for topic, _ in bench.sweep(after_s=1)]


def test_a_gap_that_is_filled_is_closed_by_an_event(bench: LedgerBench) -> None:
    bench.state(4)
    bench.readings(oximetry(1))
    bench.judged((1, 4))
    bench.sweep()
    bench.sweep(after_s=900)
    bench.readings(oximetry(2), oximetry(3, kind="aura"))
    (event,) = bench.events(bench.sweep(after_s=1))
    assert (event["condition"], event["reason"], event["first_seq"], event["last_seq"]) == (
        "closed",
        "arrived",
        2,
        3,
    )
    assert bench.days()[TODAY]["overdue"] == 1


def test_what_a_replaced_spool_took_with_it_stays_open(bench: LedgerBench) -> None:
    other = "22222222-2222-3333-4444-555555555555"
    bench.state(3)
    bench.readings(oximetry(1))
    bench.judged((1, 1))
    bench.sweep()
    bench.state(0, stream=other)
    published = bench.sweep(after_s=900)
    assert [event["reason"] for event in bench.events(published)] == ["stream_replaced"]
    assert COMMANDS_TOPIC not in [topic for topic, _ in published]
    assert bench.days()[TODAY]["missing"] == 2


def test_stored_and_never_judged_is_told(bench: LedgerBench) -> None:
    bench.readings(oximetry(1), oximetry(2))
    bench.judged((1, 1))
    bench.sweep()
    published = bench.sweep(after_s=900)
    (event,) = bench.events(published)
    assert (event["kind"], event["reason"], event["missing_count"]) == ("unjudged", "not_judged", 1)
    assert COMMANDS_TOPIC not in [topic for topic, _ in published]


def test_what_the_gateway_says_is_lost_is_shown_as_lost_and_never_closed(bench: LedgerBench) -> None:
    bench.state(10)
    bench.readings(oximetry(1))
    bench.judged((1, 1))
    bench.sweep()
    bench.sweep(after_s=900)
    lose(bench, 4, up_to=10)
    published = bench.sweep(after_s=1)
    (event,) = [event for event in bench.events(published) if event["seq"] > 1]
    assert (event["kind"], event["condition"], event["reason"]) == ("lost", "open", "gateway_dropped")
    assert (event["first_seq"], event["last_seq"], event["missing_count"]) == (2, 5, 4)
    assert bench.days()[TODAY] == {
        "measured": 10,
        "stored": 1,
        "judged": 1,
        "missing": 5,
        "lost": 4,
        "overdue": 5,
    }
    # Said again, it is the same loss; a larger total is more of it.
    lose(bench, 4, up_to=10)
    bench.sweep(after_s=1)
    assert bench.days()[TODAY]["lost"] == 4
    lose(bench, 6, up_to=10)
    bench.sweep(after_s=1)
    assert (bench.days()[TODAY]["lost"], bench.days()[TODAY]["missing"]) == (6, 3)


def test_a_loss_that_comes_after_all_is_told_too(bench: LedgerBench) -> None:
    bench.readings(oximetry(3))
    bench.judged((3, 3))
    lose(bench, 1, up_to=3)
    assert [event["kind"] for event in bench.events(bench.sweep())] == ["lost"]
    bench.readings(oximetry(1), oximetry(2))
    (event,) = [event for event in bench.events(bench.sweep(after_s=1)) if event["seq"] > 1]
    assert (event["kind"], event["condition"], event["first_seq"]) == ("lost", "closed", 1)
    assert "lost" not in bench.days()[TODAY]


def test_readings_lost_before_they_had_a_number_count_on_their_day(bench: LedgerBench) -> None:
    bench.readings(oximetry(1))
    bench.judged((1, 1))
    lose(bench, 7, up_to=1, reason="not_stored", day="2023-11-13")
    assert bench.sweep() == []
    assert bench.days() == {
        "2023-11-13": {"unnumbered": 7},
        TODAY: {"measured": 1, "stored": 1, "judged": 1},
    }


def test_what_a_damaged_spool_took_with_it_is_lost_however_much_it_was(bench: LedgerBench) -> None:
    bench.readings(oximetry(1), oximetry(4))
    bench.judged((1, 4))
    lose(bench, 0, up_to=0, reason="damaged", stream="22222222-2222-3333-4444-555555555555")
    bench.sweep()
    assert bench.days()[TODAY] == {"measured": 4, "stored": 2, "judged": 4, "lost": 2}


@pytest.mark.parametrize(("reason", "lost"), [("unjudged", None), ("eaten-by-mice", 1)])
def test_only_what_ingest_does_not_have_is_lost(bench: LedgerBench, reason: str, lost: int | None) -> None:
    bench.readings(oximetry(2))
    lose(bench, 1, up_to=2, reason=reason)
    bench.sweep()
    assert bench.days()[TODAY].get("lost") == lost


def test_an_absurd_loss_spoils_only_its_own_ledger(bench: LedgerBench) -> None:
    lose(bench, MAX_LOST - 1, up_to=3, day="2023-02-31")
    lose(bench, MAX_LOST, up_to=3, day="2023-02-31")
    bench.sweep()
    assert bench.days() == {TODAY: {"measured": 3, "lost": 3}}


def test_claims_that_add_up_to_more_than_an_integer_stop_nothing(bench: LedgerBench) -> None:
    for number in range(1100):  # 1100 x (2^53 - 1) is beyond 2^63
        bench.state(2**53 - 1, stream=f"00000000-0000-0000-0000-{number:012d}")
    bench.readings(oximetry(1))
    bench.sweep()
    assert totals(bench.book.db)[GATEWAY].measured == 2**53 - 1, "cut off, and no fault"


def test_a_gateway_declares_no_other_gateways_readings_lost(bench: LedgerBench) -> None:
    bench.readings(oximetry(1), oximetry(5))
    bench.take(
        STATE_TOPIC.replace("clinic-01", "clinic-02").replace("/12/", "/54/"),
        state(
            1,
            gateway="clinic-02",
            stream="00000000-0000-0000-0000-000000000002",
            losses=[{"stream": STREAM, "day": "2023-11-14", "reason": "dropped", "count": 3}],
        ),
    )
    bench.sweep()
    mine = totals(bench.book.db)[GATEWAY]
    assert (mine.lost, mine.missing) == (0, 3)


def test_a_claim_of_yesterday_moves_when_its_day_becomes_known(bench: LedgerBench) -> None:
    bench.state(3)
    bench.readings(oximetry(1))
    bench.sweep()
    assert bench.days()[TODAY]["missing"] == 2
    bench.now_ms += DAY_MS
    bench.readings(oximetry(4, T0_MS + DAY_MS))
    bench.sweep()
    assert (bench.days()[TODAY]["measured"], bench.days()[TOMORROW]["missing"]) == (1, 2)


def test_many_gaps_make_one_event_and_one_command(bench: LedgerBench) -> None:
    bench.readings(*[oximetry(seq) for seq in range(2, 401, 2)])
    bench.judged((1, 400))
    bench.sweep()
    published = bench.sweep(after_s=900)
    assert [len(body.get("ranges", [])) for topic, body in published if topic == COMMANDS_TOPIC] == [200]
    assert [event["missing_count"] for event in bench.events(published)] == [200]


def test_a_gateway_that_claims_the_impossible_spoils_only_its_own_ledger(bench: LedgerBench) -> None:
    bench.state(2**53 - 1)
    bench.readings(oximetry(1))
    bench.sweep()
    bench.sweep(after_s=900)
    assert bench.days()[TODAY]["missing"] == 2**53 - 2
    assert bench.store.check().ok


def test_the_days_of_a_book_cannot_be_moved(tmp_path: Path) -> None:
    with ledger_bench(tmp_path):
        pass
    with (
        pytest.raises(UserError, match="utc_offset_minutes: 480"),
        ledger_bench(tmp_path, utc_offset_minutes=0),
    ):
        pass


# -- what others see of it ---------------------------------------------------------------------------------


def test_the_figures_are_metrics_by_gateway(bench: LedgerBench) -> None:
    bench.state(3)
    bench.readings(oximetry(1))
    bench.sweep()

    def value(name: str) -> float | None:
        return bench.registry.get_sample_value(f"cunmai_ledger_{name}", {"gateway": GATEWAY})

    assert {name: value(name) for name in FIGURES if value(name)} == {
        "measured": 3, "stored": 1, "missing": 2, "unjudged": 1,
    }  # fmt: skip


def test_the_figures_are_points_written_again_as_they_change(bench: LedgerBench, tmp_path: Path) -> None:
    bench.state(2)
    bench.readings(oximetry(1))
    bench.sweep()
    bench.readings(oximetry(2))
    bench.sweep()
    rows = bench.store._db.execute(  # type: ignore[attr-defined]
        "SELECT t_ns, fields FROM points WHERE measurement = 'ledger_day'"
    ).fetchall()
    ((t_ns, fields),) = rows
    assert t_ns == 1_699_977_600_000 * 1_000_000  # midnight in China
    figures: dict[str, Any] = json.loads(fields)
    assert (figures["day"], figures["measured"], figures["stored"], figures["missing"]) == (TODAY, 2, 2, 0)


# -- whatever the order ------------------------------------------------------------------------------------

STORY = st.lists(
    st.tuples(st.sampled_from(["reading", "judged", "state", "tomorrow", "aura"]), st.integers(1, 25)),
    max_size=25,
)


@settings(max_examples=int(os.environ.get("CUNMAI_LEDGER_STORIES", "25")), deadline=None)
@given(STORY, st.randoms(use_true_random=False))
def test_piecewise_and_in_any_order_it_comes_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int]], rng: random.Random
) -> None:
    """Sweeping after every message gives the rows that one sweep at the end gives.

    More stories: CUNMAI_LEDGER_STORIES=2000.
    """
    days_of = {seq: rng.choice([-2, -1, 0]) for seq in range(1, 26)}

    def tell(bench: LedgerBench, *, sweeping: bool) -> dict[str, dict[str, int]]:
        for what, number in story:
            if what == "reading":
                bench.readings(oximetry(number, T0_MS + days_of[number] * DAY_MS))
            elif what == "aura":
                bench.readings(oximetry(number, kind="aura"))
            elif what == "judged":
                bench.judged((number, number + 1))
            elif what == "state":
                bench.state(number)
            elif what == "tomorrow":
                bench.now_ms += DAY_MS
            if sweeping:
                bench.sweep()
        bench.sweep()
        # How long a gap has been open depends on when one looked; nothing else does.
        days = {
            day: {name: number for name, number in figures.items() if name != "overdue"}
            for day, figures in bench.days().items()
        }
        return {day: figures for day, figures in days.items() if figures}

    folder = tmp_path_factory.mktemp("story")
    with ledger_bench(folder / "piecewise") as bench:
        piecewise = tell(bench, sweeping=True)
    with ledger_bench(folder / "at-once") as bench:
        at_once = tell(bench, sweeping=False)
    assert piecewise == at_once
    measured = sum(figures.get("measured", 0) for figures in at_once.values())
    parts = ("stored", "quarantined", "missing", "lost")
    assert measured == sum(figures.get(part, 0) for figures in at_once.values() for part in parts)
    assert measured == max(
        [number + (what == "judged") for what, number in story if what != "tomorrow"], default=0
    )
