"""Every number has exactly one verdict and exactly one day, whatever was heard in whatever order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.ledger.reckon import DayAccount, Known, Loss, account, lost_of, reckon, share_out
from cunmai_ingest.ledger.spans import Spans, common, count, minus, spans, union


def of(*numbers: int) -> Spans:
    return spans((number, number) for number in numbers)


SETS = st.sets(st.integers(1, 60)).map(lambda numbers: of(*numbers))
LOSSES = st.lists(st.builds(Loss, st.integers(0, 20), st.integers(0, 70)), max_size=4).map(tuple)
KNOWN = st.builds(Known, st.integers(0, 70), SETS, SETS, LOSSES, SETS, SETS, SETS)


@given(KNOWN)
def test_verdicts_share_out_every_number(known: Known) -> None:
    verdicts = reckon(known)
    parts = [verdicts.stored, verdicts.quarantined, verdicts.lost, verdicts.missing]
    every: Spans = ((1, verdicts.measured),) if verdicts.measured else ()
    assert union(*parts) == every
    assert sum(map(count, parts)) == verdicts.measured
    assert verdicts.measured >= known.claimed


@given(KNOWN, SETS)
def test_what_arrives_only_ever_helps(known: Known, arrived: Spans) -> None:
    before, after = reckon(known), reckon(replace(known, stored=union(known.stored, arrived)))
    assert common(after.missing, arrived) == common(after.lost, arrived) == ()
    if after.measured == before.measured:
        open_before = union(before.missing, before.lost)
        assert minus(union(after.missing, after.lost), open_before) == ()


@given(KNOWN)
def test_no_more_is_lost_than_the_gateway_says_and_nothing_above_what_it_had_given_out(known: Known) -> None:
    lost = reckon(known).lost
    if all(loss.count for loss in known.losses):
        assert count(lost) <= sum(loss.count for loss in known.losses)
    assert not lost or lost[-1][1] <= max(loss.up_to for loss in known.losses)


def test_the_oldest_absent_numbers_are_the_lost_ones() -> None:
    absent: Spans = ((3, 5), (9, 9), (20, 30))
    assert lost_of(absent, [Loss(4, 25)]) == ((3, 5), (9, 9))
    assert lost_of(absent, [Loss(2, 4)]) == ((3, 4),)
    assert lost_of(absent, [Loss(2, 25), Loss(3, 25)]) == ((3, 5), (9, 9), (20, 20))
    assert lost_of(absent, [Loss(9, 5)]) == ((3, 5),)


def test_a_gateway_that_cannot_tell_how_many_has_lost_all_that_it_could_mean() -> None:
    assert lost_of(((3, 5), (20, 30)), [Loss(0, 21)]) == ((3, 5), (20, 21))
    assert lost_of(((3, 5),), [Loss(0, 0)]) == ()


def test_by_hand() -> None:
    known = Known(
        claimed=12,
        stored=((1, 5), (8, 8)),
        quarantined=((5, 6),),
        losses=(Loss(1, 10),),
        judged=((1, 4), (8, 8)),
        refused=((4, 5),),
        late=((2, 3), (7, 7)),
    )
    verdicts = reckon(known)
    assert (verdicts.measured, verdicts.quarantined, verdicts.lost) == (12, ((6, 6),), ((7, 7),))
    assert (verdicts.missing, verdicts.unjudged) == (((9, 12),), ())
    assert account(((1, 12),), verdicts, overdue=((9, 10),)) == DayAccount(
        measured=12, stored=6, judged=5, refused=1, unjudged=0, late=2,
        quarantined=1, missing=4, lost=1, overdue=2,
    )  # fmt: skip


# -- days -----------------------------------------------------------------------------------------------

DATED = st.dictionaries(st.integers(1, 5), SETS, max_size=5)


@given(SETS, DATED, st.integers(1, 6))
def test_every_number_is_on_exactly_one_day(numbers: Spans, dated: dict[int, Spans], newest: int) -> None:
    shares = share_out(numbers, dated, newest)
    assert union(*shares.values()) == numbers
    assert sum(map(count, shares.values())) == count(numbers)


def test_a_missing_number_goes_to_the_latest_day_it_can_be_of() -> None:
    dated: dict[int, Spans] = {10: ((1, 3),), 11: ((6, 6), (9, 10))}
    assert share_out(((1, 12),), dated, 12) == {10: ((1, 3),), 11: ((4, 10),), 12: ((11, 12),)}


def test_a_number_on_two_days_counts_once_on_the_earlier() -> None:
    assert share_out(((1, 4),), {10: ((1, 3),), 11: ((2, 4),)}, 11) == {10: ((1, 3),), 11: ((4, 4),)}


def test_a_correction_of_an_earlier_day_does_not_drag_the_missing_ones_with_it() -> None:
    # 5 is a correction, dated a day before its neighbours; 4 is missing just below it.
    assert share_out(((1, 6),), {9: ((5, 5),), 11: ((1, 3), (6, 6))}, 11) == {
        9: ((4, 5),),
        11: ((1, 3), (6, 6)),
    }
