"""When a measurement was made: live, stored, or at a time that nobody knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.decoders.cursor import DeviceTime
from cunmai_gateway.decoders.registry import FRAME_TYPES
from cunmai_gateway.interpret.placing import Placed, PlacedBy, ahead_ms, place, wall_ms
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.readings import to_reading
from cunmai_wire.base import ClockTrust

ZONE = timezone(timedelta(hours=8))
NOON = DeviceTime(2026, 3, 1, 12, 0, 0)
NOON_MS = 1_772_337_600_000
"""2026-03-01T04:00:00Z: 20513 days after 1970-01-01, x 86 400 000, plus 4 h."""
MINUTE_MS = 60_000


def measured(frame: str, name: str = "2A35") -> Measurement:
    frame_type = FRAME_TYPES[name]
    assert frame_type.interpret is not None
    outcome = frame_type.interpret(frame_type.decode(bytes.fromhex(frame)))
    assert isinstance(outcome, Measurement)
    return outcome


def cuff(time: str = "ea0703010c0000") -> Measurement:
    """120/80 at the device's time: 0x07EA = 2026, March 1, 12:00:00."""
    return measured(f"02 7800 5000 5d00 {time}")


def placed(measurement: Measurement, received_ms: int, ahead: int | None = None) -> Placed:
    return place(measurement, device="cuff-1", received_ms=received_ms, zone=ZONE, device_ahead_ms=ahead)


def test_the_device_shows_the_clinics_wall_time() -> None:
    assert wall_ms(NOON, ZONE) == NOON_MS
    assert wall_ms(NOON, UTC) == NOON_MS + 8 * 3_600_000


def test_without_a_device_time_it_was_measured_when_received() -> None:
    got = placed(measured("00 7800 5000 5d00"), 123)
    assert (got.t_ms, got.by, got.clock, got.measurement.once_keys) == (123, "no_device_time", None, ())


@pytest.mark.parametrize("late_ms", [0, 30_000, -30_000, 2 * MINUTE_MS, -2 * MINUTE_MS])
def test_within_two_minutes_it_is_live(late_ms: int) -> None:
    got = placed(cuff(), NOON_MS + late_ms)
    assert (got.t_ms, got.by, got.clock) == (NOON_MS + late_ms, PlacedBy.LIVE, None)
    assert got.measurement.quality == ()


def test_a_cuff_that_sends_yesterdays_value_says_so_only_by_its_time() -> None:
    got = placed(cuff(), NOON_MS + 24 * 60 * MINUTE_MS)
    assert (got.t_ms, got.by) == (NOON_MS, PlacedBy.STORED)
    assert got.measurement.quality == ("from_storage",)
    assert got.clock is ClockTrust.UNKNOWN, "nobody compared its clock with ours"


def test_a_clock_that_was_compared_is_corrected_and_believed() -> None:
    ten_ahead = 10 * MINUTE_MS
    got = placed(cuff(), NOON_MS + 60 * MINUTE_MS, ahead=ten_ahead)
    assert (got.t_ms, got.by, got.clock) == (NOON_MS - ten_ahead, PlacedBy.STORED, None)
    live = placed(cuff(), NOON_MS - ten_ahead, ahead=ten_ahead)
    assert live.by is PlacedBy.LIVE


def test_ahead_of_our_clock_means_that_the_devices_clock_is_wrong() -> None:
    got = placed(cuff(), NOON_MS - 2 * MINUTE_MS - 1)
    assert (got.t_ms, got.by) == (NOON_MS - 2 * MINUTE_MS - 1, PlacedBy.CLOCK_AHEAD)
    assert got.measurement.quality == ("device_clock_not_set",)


@pytest.mark.parametrize(
    "time",
    [
        "00000000000000",  # unknown
        "00000301 0c0000",  # no year
        "ea07021e 0c0000",  # 30 February
        "d00701010c0000",  # the year 2000
        "ffff03010c0000",  # a year that no calendar has
    ],
)
def test_a_clock_that_was_never_set_places_nothing(time: str) -> None:
    got = placed(cuff(time), NOON_MS)
    assert (got.t_ms, got.by, got.clock) == (NOON_MS, PlacedBy.CLOCK_NOT_SET, None)
    assert got.measurement.quality == ("device_clock_not_set",)


@pytest.mark.parametrize("time", ["00000000000000", "00000301 0c0000", "ea0700010c0000", "ea0703000c0000"])
def test_without_a_day_there_is_no_name_by_which_two_could_become_one(time: str) -> None:
    assert placed(cuff(time), NOON_MS).measurement.once_keys == ()


def test_a_stored_record_without_a_time_is_not_believed_to_be_of_now() -> None:
    # 2A5E: timestamp and measurement status, bit 9 from storage, clock-not-set flag; 97 %, 72.
    stored = measured("13 6100 4800 ea0703010c0000 0002", "2A5E")
    got = placed(stored, NOON_MS)
    assert (got.by, got.clock) == (PlacedBy.CLOCK_NOT_SET, ClockTrust.UNTRUSTED)
    assert got.measurement.quality == ("device_clock_not_set", "from_storage")
    assert got.measurement.once_keys == (), "equal values at an unknown time may be two measurements"


def test_marked_as_stored_is_stored_however_young() -> None:
    stored = measured("03 6100 4800 ea0703010c0000 0002", "2A5E")
    got = placed(stored, NOON_MS + MINUTE_MS, ahead=0)
    assert (got.t_ms, got.by, got.clock) == (NOON_MS, PlacedBy.STORED, None)


def test_a_record_fetched_again_has_the_same_once_key() -> None:
    live = placed(measured("01 6100 4800 ea0703010c0000", "2A5E"), NOON_MS)
    again = placed(measured("03 6100 4800 ea0703010c0000 0002", "2A5E"), NOON_MS + 90 * MINUTE_MS)
    other = placed(measured("03 6200 4800 ea0703010c0000 0002", "2A5E"), NOON_MS + 90 * MINUTE_MS)
    assert live.measurement.once_keys == again.measurement.once_keys != other.measurement.once_keys
    assert live.measurement.once_keys == ("record:cuff-1:oximetry:2026-03-01T12:00:00:97.0:72.0",)


def test_the_same_record_of_two_devices_is_two_records() -> None:
    one = place(cuff(), device="a", received_ms=NOON_MS, zone=ZONE)
    two = place(cuff(), device="b", received_ms=NOON_MS, zone=ZONE)
    assert one.measurement.once_keys != two.measurement.once_keys


def test_a_glucose_record_is_at_its_base_time_plus_the_offset() -> None:
    # Base 2026-03-01 12:00, offset -90 min (0xFFA6), 5.6 mmol/L.
    glucose = measured("07 2a00 ea0703010c0000 a6ff 38c0 11", "2A18")
    got = placed(glucose, NOON_MS, ahead=0)
    assert (got.t_ms, got.by) == (NOON_MS - 90 * MINUTE_MS, PlacedBy.STORED)
    assert got.measurement.once_keys == ("record:cuff-1:glucose:42:2026-03-01T12:00:00:5.6",)


def test_a_glucose_meter_without_a_clock_still_counts_its_records() -> None:
    got = placed(measured("06 2a00 00000000000000 38c0 11", "2A18"), NOON_MS)
    assert got.by is PlacedBy.CLOCK_NOT_SET
    assert got.measurement.once_keys == ("record:cuff-1:glucose:42:0000-00-00T00:00:00:5.6",)


def test_how_far_a_clock_is_ahead() -> None:
    assert ahead_ms(NOON, NOON_MS - 5_000, ZONE) == 5_000
    assert ahead_ms(DeviceTime(2000, 1, 1, 0, 0, 0), NOON_MS, ZONE) is None


@given(
    st.builds(
        DeviceTime,
        st.integers(0, 65_535), st.integers(0, 12), st.integers(0, 31),
        st.integers(0, 23), st.integers(0, 59), st.integers(0, 59),
    ),
    st.integers(0, 4_102_444_800_000),
    st.none() | st.integers(-10**10, 10**10),
)  # fmt: skip
def test_every_device_time_is_placed_and_never_in_the_future(
    time: DeviceTime, received_ms: int, ahead: int | None
) -> None:
    measurement = Measurement("weight", {"weight_kg": 70.0}, device_time=time)
    got = placed(measurement, received_ms, ahead)
    assert got.t_ms <= received_ms + 2 * MINUTE_MS
    if got.by is PlacedBy.STORED:
        shown = datetime.fromtimestamp((got.t_ms + (ahead or 0)) / 1000, ZONE)
        assert (shown.year, shown.month, shown.day, shown.hour) == (
            time.year,
            time.month,
            time.day,
            time.hour,
        )
    if got.t_ms >= 0:
        to_reading(
            got.measurement, device="d", resident=None, t_ms=got.t_ms, clock=got.clock or ClockTrust.TRUSTED
        )
