"""Receipts, events, quality flags, codes."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from pydantic import ValidationError

from cunmai_wire.codes import CODES
from cunmai_wire.events import EscalationAnswered, parse_events
from cunmai_wire.parsing import RefusalReason
from cunmai_wire.readings import COMMON_FIELDS, KINDS, Reading, values_of
from cunmai_wire.receipts import MAX_RANGES, Receipt, make_receipts

STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"


def test_every_kind_of_the_design_exists() -> None:
    assert set(KINDS) == {
        "oximetry",
        "blood_pressure",
        "temperature",
        "heart_rate",
        "respiration",
        "assessment",
        "follow_up",
        "glucose",
        "weight",
        "ultrasound_exam",
        "ultrasound_report",
        "site_status",
        "device_status",
    }


def test_every_number_with_a_unit_has_codes_and_every_code_a_field() -> None:
    unitless = {
        "content_crc32",
        "exam_t",
        "rows",
        "columns",
        "frames",
        "not_clinical_count",
        "malformed_count",
    }
    numeric = {
        (kind, name)
        for kind, model in KINDS.items()
        for name, field in model.model_fields.items()
        if name not in COMMON_FIELDS | unitless
        if {int, float} & set(get_args(field.annotation) or [field.annotation]) or name == "stock_days"
    }
    assert set(CODES) == numeric


def test_mdc_codes_are_partition_times_65536_plus_term() -> None:
    # ISO/IEEE 11073-10101: partition 2 (SCADA), terms 19384 and 18458.
    assert CODES["oximetry", "spo2_pct"].mdc == 2 * 65536 + 19384
    assert CODES["oximetry", "pulse_bpm"].mdc == 2 * 65536 + 18458


def test_values_of_leaves_out_what_is_absent_and_what_is_common() -> None:
    reading = KINDS["blood_pressure"].model_validate_json(
        b'{"seq":1,"t":2,"clock":"trusted","device":"bp","kind":"blood_pressure",'
        b'"systolic_mmhg":138,"diastolic_mmhg":88,"quality":["movement","irregular_pulse","movement"]}'
    )
    assert values_of(reading) == {"systolic_mmhg": 138.0, "diastolic_mmhg": 88.0}
    assert reading.quality == ("irregular_pulse", "movement")
    assert isinstance(reading, get_args(Reading))


def test_receipts_name_ranges_and_what_was_set_aside() -> None:
    (receipt,) = make_receipts("ingest", STREAM, [5, 1, 2, 3], [4])
    assert receipt.ranges == ((1, 5),)
    assert receipt.quarantined == ((4, 4),)
    assert make_receipts("ingest", STREAM, []) == []


def test_receipts_are_split_before_they_name_too_many_ranges() -> None:
    odd = range(1, 2 * MAX_RANGES + 4, 2)
    receipts = make_receipts("rules", STREAM, odd, [1])
    assert len(receipts) == 2
    assert [first for receipt in receipts for first, _ in receipt.ranges] == list(odd)
    assert [receipt.quarantined for receipt in receipts] == [((1, 1),), ()]


@pytest.mark.parametrize("ranges", [[], [[3, 2]], [[0, 1]], [[1]], [["1", 2]]])
def test_a_receipt_that_makes_no_sense_is_refused(ranges: object) -> None:
    body = json.dumps({"v": 1, "consumer": "ingest", "stream": STREAM, "ranges": ranges})
    with pytest.raises(ValidationError):
        Receipt.model_validate_json(body)


def test_events_are_read_by_their_type() -> None:
    body = {
        "v": 1,
        "source": "rules",
        "stream": STREAM,
        "sent": 5,
        "events": [
            {
                "seq": 1,
                "t": 4,
                "gateway": "demo-1",
                "type": "escalation_answered",
                "escalation": "e1",
                "contact": "village-doctor",
                "answer": "contacted",
            }
        ],
    }
    parsed = parse_events(json.dumps(body).encode())
    assert parsed.refused == ()
    assert parsed.header is not None
    assert parsed.header.source == "rules"
    assert isinstance(parsed.events[0], EscalationAnswered)


def test_one_event_of_another_version_is_refused_alone() -> None:
    event = {
        "seq": 1,
        "t": 4,
        "gateway": "demo-1",
        "type": "escalation_closed",
        "escalation": "e1",
        "reason": "x",
    }
    body = {
        "v": 1,
        "source": "rules",
        "stream": STREAM,
        "sent": 5,
        "events": [event, event | {"seq": 2, "type": "of_tomorrow"}, event | {"seq": 3, "reason": 7}],
    }
    parsed = parse_events(json.dumps(body).encode())
    assert [one.seq for one in parsed.events] == [1]
    assert [(refused.reason, refused.seq) for refused in parsed.refused] == [
        (RefusalReason.UNKNOWN_KIND, 2),
        (RefusalReason.BAD_EVENT, 3),
    ]


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"v":1}', b'{"v":true}', b'{"v":1.0}', b"[" * 5000])
def test_bad_events_are_refused_with_a_reason(payload: bytes) -> None:
    parsed = parse_events(payload)
    assert parsed.header is None
    assert parsed.refused[0].detail
