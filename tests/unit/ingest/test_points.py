from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from cunmai_ingest.assembly import understand
from cunmai_ingest.points import EVENT_MEASUREMENTS, READING_MEASUREMENTS, Point, point_of_event
from cunmai_wire.events import AnyEvent, Event
from cunmai_wire.readings import Reading
from support.messages import EVENT_STREAM, READINGS_TOPIC, STREAM, envelope, opened, oximetry

ARRIVED_MS = 1_700_000_060_000
_events: TypeAdapter[Event] = TypeAdapter(AnyEvent)


def _points(document: dict[str, Any], arrived_ms: int = ARRIVED_MS) -> list[Point]:
    message = understand(READINGS_TOPIC, envelope([document]), arrived_ms)
    assert message.refused == ()
    return [point.plain() for point in message.points]


def test_a_reading_becomes_one_point() -> None:
    document = oximetry(7, 1_700_000_000_123, spo2_pct=97, quality=["poor_signal", "finger_off"])
    assert _points(document, arrived_ms=1_700_000_000_900) == [
        Point(
            stream=STREAM,
            seq=7,
            measurement="oximetry",
            tags=(
                ("gateway", "clinic-01"),
                ("stream", STREAM),
                ("device", "plx-1"),
                ("resident", "r-1001"),
            ),
            fields={
                "mode": "continuous",
                "spo2_pct": 97.0,
                "pulse_bpm": 72.0,
                "perfusion_index_pct": 4.5,
                "seq": 7,
                "clock": "trusted",
                "quality": "finger_off,poor_signal",
                "arrived_ms": 1_700_000_000_900,
                "superseded": False,
            },
            t_ns=1_700_000_000_123_000_007,
        )
    ]


def test_a_good_reading_has_an_empty_quality_and_an_unattributed_one_no_resident() -> None:
    (point,) = _points(oximetry(1, resident=None))
    assert point.fields["quality"] == ""
    assert "resident" not in dict(point.tags)


def test_a_value_that_is_absent_is_no_field() -> None:
    (point,) = _points(oximetry(1, pulse_bpm=None))
    assert "pulse_bpm" not in point.fields


def test_readings_of_one_millisecond_do_not_share_a_time() -> None:
    times = {_points(oximetry(seq, 1_700_000_000_000))[0].t_ns for seq in (1, 2, 999_999, 1_000_000)}
    assert times == {
        1_700_000_000_000_000_001,
        1_700_000_000_000_000_002,
        1_700_000_000_000_999_999,
        1_700_000_000_000_000_000,
    }


def test_the_sequence_number_never_reaches_the_next_millisecond() -> None:
    (point,) = _points(oximetry(2**53 - 1, 1_700_000_000_000))
    assert point.t_ms == 1_700_000_000_000


def test_stock_becomes_a_point_for_each_medicine() -> None:
    site = {
        "seq": 3,
        "t": 1_700_000_000_000,
        "clock": "unknown",
        "device": "desk",
        "kind": "site_status",
        "waiting_count": 4,
        "stock_days": {"阿莫西林": 12.5, "布洛芬": 3},
    }
    status, first, second = _points(site)
    assert (status.measurement, status.part) == ("site_status", "")
    assert status.fields == {
        "waiting_count": 4,
        "seq": 3,
        "clock": "unknown",
        "quality": "",
        "arrived_ms": ARRIVED_MS,
        "superseded": False,
        "time_flag": "unsure",
    }
    assert (first.measurement, first.part) == ("medicine_stock", "阿莫西林")
    assert first.tags == (*status.tags, ("medicine", "阿莫西林"))
    assert first.fields["stock_days"] == 12.5
    assert (second.part, second.fields["stock_days"]) == ("布洛芬", 3.0)
    assert {point.seq for point in (status, first, second)} == {3}


def test_a_site_with_nothing_but_stock_still_has_its_own_point() -> None:
    site = {"seq": 3, "t": 1_700_000_000_000, "clock": "trusted", "device": "desk", "kind": "site_status"}
    assert [point.part for point in _points(site)] == [""]


def test_an_event_becomes_one_point() -> None:
    event = _events.validate_python(opened(2, t=1_700_000_002_000), strict=False)
    assert point_of_event(EVENT_STREAM, event, 44) == Point(
        stream=EVENT_STREAM,
        seq=2,
        measurement="escalation_opened",
        tags=(
            ("stream", EVENT_STREAM),
            ("gateway", "clinic-01"),
            ("device", "plx-1"),
            ("resident", "r-1001"),
            ("rule", "spo2-severe"),
        ),
        fields={
            "seq": 2,
            "escalation": "esc-1",
            "rule_version": "1.2",
            "grade": "red",
            "lane": "page",
            "reason": "at_or_below_limit",
            "reading_t": 1_700_000_000_000,
            "arrived_ms": 44,
        },
        t_ns=1_700_000_002_000_000_002,
    )


def test_values_are_plain_so_that_any_encoder_takes_them() -> None:
    event = _events.validate_python(opened(2), strict=False)
    fields = {**point_of_event(EVENT_STREAM, event, 1).fields, **_points(oximetry(1))[0].fields}
    assert {type(value) for value in fields.values()} <= {str, int, float, bool}


_TAGS = {"gateway", "stream", "device", "resident", "rule", "medicine", "team", "person"}


@pytest.mark.parametrize("model", [*get_args(Reading), *get_args(Event)])
def test_no_field_of_the_contract_bears_the_name_of_a_tag(model: Any) -> None:
    """A tag and a field of one name cannot be told apart in a query."""
    made_tags = {"gateway", "device", "resident", "rule", "team", "person", "kind", "type", "t", "stock_days"}
    fields = set(model.model_fields) - made_tags
    assert not fields & (_TAGS | {"time"})


def test_every_kind_and_type_has_a_measurement_and_no_two_share_one() -> None:
    names = [*READING_MEASUREMENTS, *EVENT_MEASUREMENTS, "medicine_stock"]
    assert len(names) == len(set(names)) == 13 + 9 + 1
