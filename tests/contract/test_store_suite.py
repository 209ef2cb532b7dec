"""One suite for every store: what `Store` promises, over SQLite and over the real InfluxDB of Debian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cunmai_ingest.stores.base import Latest
from cunmai_runtime.errors import Retryable
from support.messages import EVENT_STREAM, STREAM, T0_MS, opened, oximetry
from support.store_sites import ARRIVED_MS, Site, counts, influx_site, points, points_of_events, sqlite_site


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.server)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    yield from sqlite_site(tmp_path) if request.param == "sqlite" else influx_site()


# -- what is written can be read --------------------------------------------------------------------


def test_a_new_store_is_empty_and_healthy(site: Site) -> None:
    assert site.store.check().ok
    assert counts(site.store) == ([], 0)
    assert site.store.history("r-1001", "oximetry", "spo2_pct", 0, ARRIVED_MS) == []
    assert site.store.latest("r-1001") == []


def test_readings_are_counted_by_the_store_itself(site: Site) -> None:
    written = points(oximetry(1), oximetry(2), oximetry(4))
    outcome = site.store.write(written)
    assert (outcome.stored, outcome.refused) == (tuple(written), ())
    assert counts(site.store) == ([(1, 2), (4, 4)], 3)
    assert counts(site.store, "other") == ([], 0)


def test_writing_nothing_is_no_fault(site: Site) -> None:
    assert site.store.write([]).stored == ()


def test_history_is_ordered_and_bounded_by_time(site: Site) -> None:
    readings = [oximetry(seq, T0_MS + 1000 * seq, spo2_pct=90.0 + seq) for seq in (3, 1, 2, 4)]
    site.store.write(points(*readings))
    assert site.store.history("r-1001", "oximetry", "spo2_pct", T0_MS + 2000, T0_MS + 4000) == [
        (T0_MS + 2000, 92.0),
        (T0_MS + 3000, 93.0),
    ]


def test_history_gives_the_newest_where_there_are_too_many(site: Site) -> None:
    site.store.write(points(*[oximetry(seq) for seq in range(1, 6)]))
    found = site.store.history("r-1001", "oximetry", "pulse_bpm", 0, ARRIVED_MS, limit=2)
    assert found == [(T0_MS + 4000, 72.0), (T0_MS + 5000, 72.0)]


def test_history_leaves_out_readings_without_the_field_and_other_residents(site: Site) -> None:
    readings = [
        oximetry(1, pulse_bpm=None),
        oximetry(2),
        oximetry(3, resident="r-2"),
        oximetry(4, resident=None),
    ]
    site.store.write(points(*readings))
    assert site.store.history("r-1001", "oximetry", "pulse_bpm", 0, ARRIVED_MS) == [(T0_MS + 2000, 72.0)]


def test_readings_of_one_millisecond_stay_apart(site: Site) -> None:
    site.store.write(points(*[oximetry(seq, T0_MS, spo2_pct=90.0 + seq) for seq in (1, 2, 3)]))
    assert counts(site.store) == ([(1, 3)], 3)
    values = site.store.history("r-1001", "oximetry", "spo2_pct", T0_MS, T0_MS + 1)
    assert values == [(T0_MS, 91.0), (T0_MS, 92.0), (T0_MS, 93.0)]


def test_latest_is_the_newest_of_each_measurement(site: Site) -> None:
    weight = {
        "seq": 9,
        "t": T0_MS,
        "clock": "trusted",
        "device": "scale",
        "resident": "r-1001",
        "kind": "weight",
        "weight_kg": 61.5,
    }
    site.store.write(points(oximetry(2), oximetry(1), weight) + points_of_events(opened(1)))
    event, oxygen, kilos = site.store.latest("r-1001")
    assert [event.measurement, oxygen.measurement] == ["escalation_opened", "oximetry"]
    assert (event.tags["rule"], event.fields["grade"], event.t_ms) == ("spo2-severe", "red", T0_MS + 1000)
    assert (oxygen.t_ms, oxygen.fields["seq"]) == (T0_MS + 2000, 2)
    assert kilos == Latest(
        "weight",
        T0_MS,
        {"gateway": "clinic-01", "stream": STREAM, "device": "scale", "resident": "r-1001"},
        {
            "weight_kg": 61.5,
            "seq": 9,
            "clock": "trusted",
            "quality": "",
            "arrived_ms": ARRIVED_MS,
            "superseded": False,
        },
    )


def test_events_are_counted_as_their_own_stream(site: Site) -> None:
    site.store.write(points(oximetry(1)) + points_of_events(opened(1), opened(2)))
    assert counts(site.store, EVENT_STREAM) == ([(1, 2)], 2)
    assert counts(site.store) == ([(1, 1)], 1)


def test_a_sites_stock_counts_as_one_reading(site: Site) -> None:
    status = {
        "seq": 1,
        "t": T0_MS,
        "clock": "trusted",
        "device": "desk",
        "kind": "site_status",
        "stock_days": {"阿莫西林 0.5g": 3.0, "a,b=c\\": 4.0},
    }
    outcome = site.store.write(points(status))
    assert len(outcome.stored) == 3
    assert counts(site.store) == ([(1, 1)], 1)


# -- writing again changes nothing -------------------------------------------------------------------


def test_a_reading_sent_again_is_not_doubled(site: Site) -> None:
    site.store.write(points(oximetry(1), oximetry(2)))
    site.store.write(points(oximetry(2), oximetry(1), oximetry(3), arrived_ms=ARRIVED_MS + 500))
    assert counts(site.store) == ([(1, 3)], 3)
    stored = site.store.sequences(STREAM)
    assert (stored.distinct, stored.doubled) == (3, 0)


def test_a_reading_that_comes_twice_in_one_write_is_not_doubled(site: Site) -> None:
    site.store.write(points(oximetry(1)) * 3)
    assert counts(site.store) == ([(1, 1)], 1)


# -- bad points never stop the rest -------------------------------------------------------------------


@pytest.mark.parametrize("bad_value", [float("inf"), float("nan"), 2**63])
def test_what_no_store_can_say_is_refused_and_the_rest_stored(site: Site, bad_value: float) -> None:
    written = points(*[oximetry(seq) for seq in range(1, 8)])
    for index in (0, 3, 6):
        written[index] = replace(written[index], fields={**written[index].fields, "spo2_pct": bad_value})
    outcome = site.store.write(written)
    assert [entry.point.seq for entry in outcome.refused] == [1, 4, 7]
    assert [point.seq for point in outcome.stored] == [2, 3, 5, 6]
    assert counts(site.store) == ([(2, 3), (5, 6)], 4)


# -- outages ----------------------------------------------------------------------------------------


def test_an_outage_is_retryable_and_nothing_is_lost_or_doubled(site: Site) -> None:
    site.store.write(points(oximetry(1)))
    written = points(oximetry(1), oximetry(2))
    site.break_down()
    for _ in range(2):
        with pytest.raises(Retryable):
            site.store.write(written)
    assert not site.store.check().ok
    site.recover()
    assert site.store.write(written).refused == ()
    assert counts(site.store) == ([(1, 2)], 2)
    assert site.store.check().ok


def test_a_question_with_hostile_text_finds_nothing_and_breaks_nothing(site: Site) -> None:
    site.store.write(points(oximetry(1)))
    for text in ("' OR 1=1 --", '" OR "a"=\'b\'', "\\", "\n", "r-1001'; DROP MEASUREMENT oximetry"):
        assert site.store.history(text, "oximetry", "spo2_pct", 0, ARRIVED_MS) == []
        assert site.store.latest(text) == []
        assert counts(site.store, text) == ([], 0)
    assert counts(site.store) == ([(1, 1)], 1)
