"""The rules of docs/clock-sanity.md, one row each, and what must hold for any clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.sanity import Known, Placed, Sent, TimeFault, TimeFlag, place, time_fault
from cunmai_wire.base import ClockTrust

ARRIVED_MS = 1_700_000_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
T, U, N = ClockTrust.TRUSTED, ClockTrust.UNTRUSTED, ClockTrust.UNKNOWN


@pytest.mark.parametrize(
    ("t_ms", "fault"),
    [
        (0, "dated 1970-01-01, before 2020-01-01"),
        (1_577_836_799_999, "dated 2019-12-31, before 2020-01-01"),
        (1_577_836_800_000, None),
        (ARRIVED_MS - 200 * DAY_MS, None),
        (ARRIVED_MS, None),
        (ARRIVED_MS + DAY_MS, None),
        (ARRIVED_MS + DAY_MS + 1, "dated 2023-11-15, more than 24 h after it arrived on 2023-11-14"),
        (3_786_912_000_000, "dated 2090-01-01, more than 24 h after it arrived on 2023-11-14"),
        (253_402_300_799_999, "dated 9999-12-31, more than 24 h after it arrived on 2023-11-14"),
    ],
)
def test_time_fault(t_ms: int, fault: str | None) -> None:
    assert time_fault(t_ms, ARRIVED_MS) == fault


def _sent(behind_ms: int, clock: ClockTrust) -> Sent:
    """An envelope whose clock was `behind_ms` behind ours when it arrived."""
    return Sent(ARRIVED_MS - behind_ms, clock, ARRIVED_MS)


@pytest.mark.parametrize(
    ("age_ms", "clock", "sent", "known", "expected"),
    [
        # A trusted clock is taken at its word, whatever is known of offsets.
        (5000, T, _sent(100, T), Known(), Placed(ARRIVED_MS - 5000)),
        (5000, T, _sent(DAY_MS, U), Known(offset_ms=DAY_MS), Placed(ARRIVED_MS - 5000)),
        # One that is not trusted, and agrees to two minutes when it sends, too.
        (5000, U, _sent(2 * MINUTE_MS, U), Known(), Placed(ARRIVED_MS - 5000)),
        (5000, N, _sent(-2 * MINUTE_MS, N), Known(offset_ms=7), Placed(ARRIVED_MS - 5000)),
        # One that disagrees, by a steady offset: corrected, and marked.
        (
            3 * DAY_MS, U, _sent(3 * DAY_MS, U), Known(offset_ms=3 * DAY_MS),
            Placed(ARRIVED_MS, TimeFlag.CORRECTED, 3 * DAY_MS),
        ),
        # Nothing steady known: at its own word, and marked.
        (3 * DAY_MS, U, _sent(3 * DAY_MS, U), Known(), Placed(ARRIVED_MS - 3 * DAY_MS, TimeFlag.UNSURE)),
        # The clock was set between measuring and sending: its offset of today says nothing of then.
        (3 * DAY_MS, U, _sent(0, T), Known(offset_ms=9), Placed(ARRIVED_MS - 3 * DAY_MS, TimeFlag.UNSURE)),
        (3 * DAY_MS, U, _sent(0, N), Known(offset_ms=9), Placed(ARRIVED_MS - 3 * DAY_MS, TimeFlag.UNSURE)),
        # Ahead of its arrival: marked beyond two minutes.
        (-2 * MINUTE_MS, T, _sent(0, T), Known(), Placed(ARRIVED_MS + 2 * MINUTE_MS)),
        (-2 * MINUTE_MS - 1, T, _sent(0, T), Known(), Placed(ARRIVED_MS + 2 * MINUTE_MS + 1, TimeFlag.AHEAD)),
        (-DAY_MS, T, _sent(0, T), Known(), Placed(ARRIVED_MS + DAY_MS, TimeFlag.AHEAD)),
        # Older than the stream's first contact and all that a spool keeps: marked.
        (
            91 * DAY_MS, T, _sent(0, T), Known(first_contact_ms=ARRIVED_MS),
            Placed(ARRIVED_MS - 91 * DAY_MS, TimeFlag.BEFORE_BIRTH),
        ),
        (91 * DAY_MS, T, _sent(0, T), Known(first_contact_ms=ARRIVED_MS - DAY_MS), Placed(ARRIVED_MS - 91 * DAY_MS)),
        # Placed before: it never moves again, whatever is known by now.
        (
            3 * DAY_MS, U, _sent(0, T), Known(offset_ms=5, placed_ms=3 * DAY_MS),
            Placed(ARRIVED_MS, TimeFlag.CORRECTED, 3 * DAY_MS),
        ),
        (
            3 * DAY_MS, U, _sent(3 * DAY_MS, U), Known(offset_ms=3 * DAY_MS, placed_ms=0),
            Placed(ARRIVED_MS - 3 * DAY_MS, TimeFlag.UNSURE),
        ),
    ],
)  # fmt: skip
def test_rules(age_ms: int, clock: ClockTrust, sent: Sent, known: Known, expected: Placed) -> None:
    assert place(ARRIVED_MS - age_ms, clock, sent, known) == expected


@pytest.mark.parametrize(
    ("clock", "sent", "known", "may_settle"),
    [
        (T, Sent(0, T, ARRIVED_MS), Known(), False),
        (U, Sent(5000, U, ARRIVED_MS), Known(), True),
        (U, Sent(ARRIVED_MS, T, ARRIVED_MS), Known(), False),
        (U, Sent(5000, U, ARRIVED_MS), Known(offset_ms=60_000), False),
    ],
)
def test_a_clock_that_starts_in_1970(clock: ClockTrust, sent: Sent, known: Known, may_settle: bool) -> None:
    assert place(4000, clock, sent, known) == TimeFault("dated 1970-01-01, before 2020-01-01", may_settle)


def test_a_time_that_no_calendar_can_name_is_refused_in_words() -> None:
    placed = place(253_402_300_799_999, U, Sent(0, U, ARRIVED_MS), Known(offset_ms=1))
    assert placed == TimeFault("dated after 9999-12-31, more than 24 h after it arrived on 2023-11-14", False)


_clocks = st.sampled_from(ClockTrust)
_times = st.integers(0, 253_402_300_799_999) | st.integers(ARRIVED_MS - DAY_MS, ARRIVED_MS + 2 * DAY_MS)
_offsets = st.none() | st.integers(-(10**13), 10**13)


@given(_times, _clocks, _times, _clocks, _offsets, st.none() | _times)
def test_whatever_the_clocks_say(
    t_ms: int,
    clock: ClockTrust,
    sent_ms: int,
    sent_clock: ClockTrust,
    offset_ms: int | None,
    first: int | None,
) -> None:
    sent = Sent(sent_ms, sent_clock, ARRIVED_MS)
    placed = place(t_ms, clock, sent, Known(offset_ms, None, first))
    if isinstance(placed, TimeFault):
        return
    # What is stored is plausible, moves only by the known offset, and says so when it does.
    assert time_fault(placed.t_ms, ARRIVED_MS) is None
    assert placed.t_ms == t_ms + placed.offset_ms
    if placed.offset_ms:
        assert placed.flag is TimeFlag.CORRECTED
    assert placed.offset_ms in (0, offset_ms)
    if clock is T:
        assert placed.offset_ms == 0
    # Sent again at any later time, it stands where it stood.
    later = Sent(sent_ms + 5 * DAY_MS, ClockTrust.TRUSTED, ARRIVED_MS + 5 * DAY_MS)
    again = place(t_ms, clock, later, Known(None, placed.offset_ms, first))
    assert isinstance(again, Placed)
    assert again.t_ms == placed.t_ms
