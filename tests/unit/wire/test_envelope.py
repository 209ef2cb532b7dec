"""Reading envelopes from untrusted bytes: nothing raises, the good is kept, the bad has a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_wire.envelope import parse_envelope
from cunmai_wire.parsing import MAX_MESSAGE_BYTES, RefusalReason
from cunmai_wire.readings import Oximetry

TOPIC = "cunmai/v1/38/123456789/readings"
STREAM = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001"


def reading(seq: int, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "seq": seq,
        "t": 1_767_323_045_000 + seq,
        "clock": "trusted",
        "device": "F0:0D:00:00:18:22",
        "resident": "R-7F3K",
        "kind": "oximetry",
        "mode": "continuous",
        "spo2_pct": 97,
        "pulse_bpm": 72,
        "quality": [],
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def envelope(*readings: Any, **changes: Any) -> bytes:
    base = {
        "v": 1,
        "gateway": "123456789",
        "stream": STREAM,
        "sent": 1_767_323_046_000,
        "clock": "trusted",
        "readings": list(readings),
    }
    return json.dumps({name: value for name, value in (base | changes).items() if value is not ...}).encode()


def test_a_good_envelope_is_read_whole() -> None:
    parsed = parse_envelope(TOPIC, envelope(reading(1), reading(2, spo2_pct=93.5, resident=None)))
    assert parsed.refused == ()
    assert parsed.header is not None
    assert (parsed.header.gateway, parsed.header.stream) == ("123456789", STREAM)
    first, second = parsed.readings
    assert isinstance(first, Oximetry)
    assert isinstance(second, Oximetry)
    assert (first.seq, first.spo2_pct, first.resident) == (1, 97.0, "R-7F3K")
    assert (second.spo2_pct, second.resident, second.perfusion_index_pct) == (93.5, None, None)


def test_unknown_fields_of_a_newer_gateway_are_accepted() -> None:
    parsed = parse_envelope(TOPIC, envelope(reading(1, spo2_slow_pct=96), firmware="9.9"))
    assert parsed.refused == ()
    assert len(parsed.readings) == 1


@pytest.mark.parametrize("kind", ["ecg", [], {}, None, 7, ["oximetry"]])
def test_an_unknown_kind_is_refused_alone(kind: object) -> None:
    parsed = parse_envelope(TOPIC, envelope(reading(1), reading(2) | {"kind": kind}, reading(3)))
    assert [one.seq for one in parsed.readings] == [1, 3]
    (refused,) = parsed.refused
    assert (refused.reason, refused.seq) == (RefusalReason.UNKNOWN_KIND, 2)
    assert str(kind) in refused.detail


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"spo2_pct": "97"}, "spo2_pct"),
        ({"spo2_pct": 127}, "spo2_pct"),
        ({"spo2_pct": None}, "spo2_pct"),
        ({"spo2_pct": ...}, "spo2_pct"),
        ({"pulse_bpm": -1}, "pulse_bpm"),
        ({"t": 1.5}, "t"),
        ({"t": -1}, "t"),
        ({"device": "a b"}, "device"),
        ({"device": ""}, "device"),
        ({"quality": ["Bad Flag"]}, "quality"),
        ({"quality": ["a"] * 17}, "quality"),
        ({"mode": "sometimes"}, "mode"),
        ({"clock": "sure"}, "clock"),
        ({"resident": "13812345678"}, "resident"),
        ({"resident": "+8613812345678"}, "resident"),
        ({"resident": "11010519491231002X"}, "resident"),
        ({"resident": "R13812345678"}, "resident"),
        ({"resident": "id11010519491231002X"}, "resident"),
        ({"resident": "138-1234-5678"}, "resident"),
        ({"resident": "5-13812345678"}, "resident"),
        ({"resident": "110105_19491231_0021"}, "resident"),
    ],
)
def test_a_bad_reading_is_refused_alone_and_names_the_field(changes: dict[str, Any], named: str) -> None:
    parsed = parse_envelope(TOPIC, envelope(reading(1), reading(2, **changes)))
    assert [one.seq for one in parsed.readings] == [1]
    (refused,) = parsed.refused
    assert (refused.reason, refused.seq) == (RefusalReason.BAD_READING, 2)
    assert f"oximetry.{named}" in refused.detail


@pytest.mark.parametrize("resident", ["R-7F3K", "0b7e9a52-6f2e-4e0e-9d43-a13812345678"])
def test_an_opaque_id_is_accepted(resident: str) -> None:
    parsed = parse_envelope(TOPIC, envelope(reading(1, resident=resident)))
    assert [one.resident for one in parsed.readings] == [resident]


@pytest.mark.parametrize("seq", [0, -3, "1", None, 2**53, 1.0, True])
def test_a_reading_without_a_usable_seq_cannot_be_receipted(seq: object) -> None:
    parsed = parse_envelope(TOPIC, envelope(reading(1), reading(2) | {"seq": seq}))
    assert [refused.seq for refused in parsed.refused] == [None]
    assert len(parsed.readings) == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", RefusalReason.NOT_JSON),
        (b"\xff\xfe{}", RefusalReason.NOT_JSON),
        (b"[" * 100_000, RefusalReason.NOT_JSON),
        (b'{"v":1,"readings":[NaN]}', RefusalReason.NOT_JSON),
        (b"[]", RefusalReason.BAD_HEADER),
        (b"17", RefusalReason.BAD_HEADER),
        (b"{}", RefusalReason.UNKNOWN_VERSION),
        (envelope(reading(1), v=2), RefusalReason.UNKNOWN_VERSION),
        (envelope(reading(1), stream="x"), RefusalReason.BAD_HEADER),
        (envelope(reading(1), sent="now"), RefusalReason.BAD_HEADER),
        (envelope(reading(1), clock=...), RefusalReason.BAD_HEADER),
        (envelope(), RefusalReason.BAD_HEADER),
        (envelope(*[reading(seq) for seq in range(1, 502)]), RefusalReason.BAD_HEADER),
        (envelope(readings={}), RefusalReason.BAD_HEADER),
        (envelope(reading(1), gateway="987654321"), RefusalReason.WRONG_TOPIC),
        (b" " * (MAX_MESSAGE_BYTES + 1), RefusalReason.TOO_LARGE),
    ],
)
def test_a_message_without_a_readable_header_is_refused_whole(payload: bytes, reason: RefusalReason) -> None:
    parsed = parse_envelope(TOPIC, payload)
    assert parsed.header is None
    assert parsed.readings == ()
    assert [refused.reason for refused in parsed.refused] == [reason]


def test_a_gateway_may_speak_only_under_its_own_topic() -> None:
    parsed = parse_envelope("cunmai/v1/38/other/readings", envelope(reading(1)))
    assert [refused.reason for refused in parsed.refused] == [RefusalReason.WRONG_TOPIC]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["v", "gateway", "stream", "sent", "clock", "readings", "x"]), json_values, max_size=4
    ),
    json_values,
)
def test_nothing_raises_and_good_readings_survive_bad_neighbours(changes: dict[str, Any], bad: Any) -> None:
    parse_envelope(TOPIC, envelope(reading(1), **changes))
    parsed = parse_envelope(TOPIC, envelope(reading(1), bad, reading(3)))
    assert [one.seq for one in parsed.readings] == [1, 3]
    assert len(parsed.refused) == 1


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_with_a_reason(payload: bytes) -> None:
    parsed = parse_envelope(TOPIC, payload)
    assert parsed.header is None
    assert parsed.refused[0].detail
