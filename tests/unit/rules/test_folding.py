"""What goes out by itself, what waits, and what goes out together. Times in the cases are seconds, by hand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cunmai_rules.escalation.folding import (
    Alone,
    Burst,
    Decision,
    Folding,
    Hold,
    Limit,
    Owed,
    Together,
    Told,
    Weight,
    Why,
    decide,
)

FIRST, RED, YELLOW = Weight.FIRST_RED, Weight.RED, Weight.YELLOW
BURST = Burst(singly=3, within_s=60, red_within_s=15, gather_s=60, again_s=300)
HOUR = Folding(BURST, red=Limit(4, 3600), yellow=Limit(2, 3600))
T0_S = 1_000_000


def owed(
    weight: Weight,
    asked_s: float = 0,
    *,
    site: str = "a",
    held_s: float | None = None,
    why: Why | None = None,
) -> Owed:
    held_ms = None if held_s is None else at(held_s)
    return Owed(f"{weight}-{asked_s}-{site}", site, weight, at(asked_s), held_ms, why)


def told(second: float, weight: Weight = FIRST, *sites: str, together: bool = False) -> Told:
    return Told(at(second), weight, frozenset(sites or ("a",)), together)


def at(second: float) -> int:
    return int((T0_S + second) * 1000)


def after(
    second: float, one: Owed, *lately: Told, waiting: tuple[Owed, ...] = (), by: Folding = HOUR
) -> Decision:
    return decide(one, waiting, lately, by, at(second))


# -- a burst --------------------------------------------------------------------------------------------


def test_the_first_three_of_a_site_go_out_one_by_one() -> None:
    assert after(0, owed(FIRST)) == Alone(Why.FIRST_RED)
    assert after(0, owed(FIRST), told(0), told(0)) == Alone(Why.FIRST_RED)
    assert after(0, owed(FIRST), told(0), told(0), told(0)) == Hold(Why.BURST, at(15))


def test_another_site_is_no_part_of_it() -> None:
    others = (told(0, FIRST, "b"), told(0, FIRST, "b"), told(0, FIRST, "b"))
    assert after(0, owed(FIRST), *others) == Alone(Why.FIRST_RED)


def test_what_is_a_minute_old_is_no_part_of_it() -> None:
    old = (told(0), told(0), told(1))
    assert after(59.999, owed(FIRST, 59.999), *old) == Hold(Why.BURST, at(74.999))
    assert after(60, owed(FIRST, 60), *old) == Alone(Why.FIRST_RED)


def test_a_red_waits_fifteen_seconds_from_when_it_was_asked_for() -> None:
    three = (told(0), told(0), told(0))
    held = owed(FIRST, 2, held_s=5, why=Why.BURST)
    assert after(16.999, held, *three, waiting=(owed(FIRST, 3),)) == Hold(Why.BURST, at(17))
    assert after(17, held, *three, waiting=(owed(FIRST, 3),)) == Together((held.id, owed(FIRST, 3).id))


def test_what_has_piled_up_while_nobody_sent_goes_together() -> None:
    three = (told(100), told(100), told(100))
    assert after(100, owed(FIRST, 0), *three) == Hold(Why.BURST, at(101))
    held = owed(FIRST, 0, held_s=100, why=Why.BURST)
    assert after(101, held, *three, waiting=(owed(FIRST, 1),)) == Together((held.id, owed(FIRST, 1).id))


def test_yellow_is_gathered_for_a_minute() -> None:
    three = (told(0), told(0), told(0))
    assert after(5, owed(YELLOW, 4), *three) == Hold(Why.BURST, at(65))
    held = owed(YELLOW, 4, held_s=5, why=Why.BURST)
    assert after(64.9, held, *three) == Hold(Why.BURST, at(65))
    assert after(65, held, *three, waiting=(owed(YELLOW, 6),)) == Together((held.id, owed(YELLOW, 6).id))


def test_without_a_new_red_two_summaries_are_five_minutes_apart() -> None:
    summary = told(100, FIRST, together=True)
    assert after(130, owed(YELLOW, 130), summary) == Hold(Why.BURST, at(400))
    assert after(130, owed(FIRST, 130), summary) == Hold(Why.BURST, at(145))


def test_a_summary_keeps_the_burst_up_for_a_minute() -> None:
    summary = told(100, FIRST, together=True)
    assert after(159.9, owed(FIRST, 159.9), summary) == Hold(Why.BURST, at(174.9))
    assert after(160, owed(FIRST, 160), summary) == Alone(Why.FIRST_RED)


def test_those_that_wait_keep_it_up_too() -> None:
    waiting = (owed(FIRST, 0, held_s=0, why=Why.BURST),)
    assert after(1, owed(FIRST, 1), waiting=waiting) == Hold(Why.BURST, at(16))


def test_one_that_waited_alone_goes_out_by_itself() -> None:
    held = owed(FIRST, 0, held_s=0, why=Why.BURST)
    assert after(15, held, told(0), told(0), told(0)) == Alone(Why.NOTHING_ELSE)


# -- a rate ---------------------------------------------------------------------------------------------


def test_beyond_the_rate_yellow_waits_for_the_next_allowed_moment() -> None:
    assert after(10, owed(YELLOW, 10), told(0, YELLOW, "b")) == Alone(Why.WITHIN_LIMITS)
    two = (told(0, YELLOW, "b"), told(100, YELLOW, "c"))
    assert after(200, owed(YELLOW, 200), *two) == Hold(Why.RATE, at(3600))
    assert after(3600, owed(YELLOW, 3600), *two) == Alone(Why.WITHIN_LIMITS)


def test_what_was_held_back_goes_together_at_that_moment() -> None:
    two = (told(0, YELLOW, "b"), told(100, YELLOW, "c"))
    held = owed(YELLOW, 200, held_s=200, why=Why.RATE)
    other = owed(YELLOW, 300, site="d", held_s=300, why=Why.RATE)
    assert after(3599.9, held, *two, waiting=(other,)) == Hold(Why.RATE, at(3600))
    assert after(3600, held, *two, waiting=(other,)) == Together((held.id, other.id))


def test_a_limit_that_was_lowered_holds_from_then_on() -> None:
    four = [told(n * 100, YELLOW, "b") for n in range(4)]
    assert after(400, owed(YELLOW, 400), *four) == Hold(Why.RATE, at(3600 + 200))


def test_nothing_new_goes_before_those_that_wait_for_their_turn() -> None:
    two = (told(0, YELLOW, "b"), told(100, YELLOW, "c"))
    held = owed(YELLOW, 200, held_s=200, why=Why.RATE)
    new = owed(YELLOW, 3600, site="e")
    assert after(3600, new, *two, waiting=(held,)) == Together((new.id, held.id))


def test_no_rate_holds_back_the_first_that_a_person_hears_of_a_red() -> None:
    full = [told(n, weight, "b") for n, weight in enumerate((RED,) * 9 + (YELLOW,) * 9)]
    assert after(20, owed(FIRST, 20), *full) == Alone(Why.FIRST_RED)


def test_asking_again_about_a_red_has_a_rate_of_its_own() -> None:
    four = [told(n, RED, "b") for n in range(4)]
    assert after(10, owed(RED, 10), *four[:3], *[told(n, YELLOW, "b") for n in range(9)]) == Alone(
        Why.WITHIN_LIMITS
    )
    assert after(10, owed(RED, 10), *four) == Hold(Why.RATE, at(3600))


def test_a_message_with_a_new_red_takes_no_room_from_others() -> None:
    reds = [told(n, FIRST, "b", together=True) for n in range(50)]
    assert after(60, owed(YELLOW, 60), *reds) == Alone(Why.WITHIN_LIMITS)


def test_a_burst_of_yellow_waits_for_room_too() -> None:
    full = (told(0, YELLOW), told(1, YELLOW), told(2, FIRST))
    assert after(3, owed(YELLOW, 3), *full) == Hold(Why.RATE, at(3600))


# -- clocks and settings --------------------------------------------------------------------------------


def test_without_a_table_nothing_is_ever_held_back() -> None:
    many = [told(0, weight) for weight in (FIRST, RED, YELLOW) * 20]
    for weight in Weight:
        assert isinstance(after(0, owed(weight), *many, by=Folding()), Alone)


def test_what_was_held_under_an_old_table_goes_out_at_once() -> None:
    held = owed(YELLOW, 0, held_s=0, why=Why.RATE)
    other = owed(YELLOW, 1, held_s=1, why=Why.BURST)
    assert after(2, held, waiting=(other,), by=Folding()) == Together((held.id, other.id))
    assert after(2, other, by=Folding()) == Alone(Why.NOTHING_ELSE)


def test_what_another_server_sent_a_moment_ahead_counts() -> None:
    assert after(0, owed(FIRST), told(1), told(30), told(59)) == Hold(Why.BURST, at(15))


def test_a_clock_that_was_set_back_holds_nothing_back_for_long() -> None:
    ahead = [told(7200, YELLOW, "b") for _ in range(9)]
    assert after(0, owed(YELLOW), *ahead) == Alone(Why.WITHIN_LIMITS)
    held = owed(FIRST, 7200, held_s=7200, why=Why.BURST)
    assert after(0, held) == Hold(Why.BURST, at(15))


@pytest.mark.parametrize(
    ("folding", "looks_back_s"),
    [(Folding(), 0), (Folding(BURST), 300), (HOUR, 3600), (Folding(yellow=Limit(1, 60)), 60)],
)
def test_how_far_back_it_looks(folding: Folding, looks_back_s: int) -> None:
    assert folding.looks_back_s == looks_back_s


# -- whatever happens -----------------------------------------------------------------------------------


@dataclass
class Phone:
    """One person's messages, as the notifier would send them, with a clock in seconds."""

    folding: Folding
    lately: list[Told] = field(default_factory=list)
    queue: list[tuple[int, Owed]] = field(default_factory=list)
    covered_s: dict[str, float] = field(default_factory=dict)

    def look(self, second: int) -> None:
        """Everything that is due is looked at until nothing is."""
        while due := [one for due_ms, one in self.queue if due_ms <= at(second)]:
            one = due[0]
            waiting = [other for _, other in self.queue if other.held_ms is not None and other.id != one.id]
            decision = decide(one, waiting, self.lately, self.folding, at(second))
            if isinstance(decision, Hold):
                assert decision.until_ms > at(second)
                since_ms = at(second) if one.held_ms is None else one.held_ms
                kept = replace(one, held_ms=since_ms, held_why=decision.why)
                self._replace(one.id, (decision.until_ms, kept))
            else:
                self._send(one, decision, second)

    def _send(self, one: Owed, decision: Alone | Together, second: int) -> None:
        ids = decision.ids if isinstance(decision, Together) else (one.id,)
        gone = [other for _, other in self.queue if other.id in ids]
        assert len(gone) == len(ids), "nothing goes out twice"
        weight = FIRST if any(other.weight is FIRST for other in gone) else one.weight
        sites = frozenset(other.site for other in gone)
        self.lately.append(Told(at(second), weight, sites, isinstance(decision, Together)))
        self.covered_s |= {other.id: second for other in gone}
        self.queue = [(due, other) for due, other in self.queue if other.id not in ids]

    def _replace(self, id_: str, entry: tuple[int, Owed]) -> None:
        self.queue = [entry if other.id == id_ else (due, other) for due, other in self.queue]


OPENINGS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(list(Weight)), st.sampled_from("abc")), max_size=60
)
TABLES = st.builds(
    Folding,
    st.one_of(st.none(), st.builds(Burst, singly=st.integers(2, 5), gather_s=st.integers(5, 60))),
    st.one_of(st.none(), st.builds(Limit, st.integers(1, 5), st.sampled_from([60, 600, 3600]))),
    st.one_of(st.none(), st.builds(Limit, st.integers(1, 5), st.sampled_from([60, 600, 3600]))),
)


@settings(max_examples=150, deadline=None)
@given(OPENINGS, TABLES)
def test_every_first_red_is_told_in_time_and_nobody_gets_more_than_the_table_allows(
    openings: list[tuple[int, Weight, str]], folding: Folding
) -> None:
    phone = Phone(folding)
    asked_s: dict[str, tuple[int, Weight]] = {}
    second = 0
    for number, (pause_s, weight, site) in enumerate(openings):
        for _ in range(pause_s):
            phone.look(second)
            second += 1
        one = Owed(f"n{number}", site, weight, at(second))
        asked_s[one.id] = (second, weight)
        phone.queue.append((at(second), one))
        phone.look(second)
    while phone.queue:  # whatever is held back has an end
        second = max(second + 1, min(due_ms for due_ms, _ in phone.queue) // 1000 - T0_S)
        phone.look(second)
        assert second < 60 * 40_000

    for id_, (since_s, weight) in asked_s.items():
        waited_s = phone.covered_s[id_] - since_s
        if weight is FIRST:
            assert waited_s <= (folding.burst.red_within_s if folding.burst else 0)
    by_weight = defaultdict(list)
    for message in phone.lately:
        by_weight[message.weight].append(message.t_ms)
    for weight, limit in ((RED, folding.red), (YELLOW, folding.yellow)):
        if limit is None:
            continue
        times = by_weight[weight]
        for t_ms in times:
            within = [other for other in times if 0 <= other - t_ms < limit.within_s * 1000]
            assert len(within) <= limit.messages
