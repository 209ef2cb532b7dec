from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_ingest.assembly import understand
from cunmai_ingest.messages import Message, Origin
from support.messages import (
    EVENT_STREAM,
    EVENTS_TOPIC,
    GATEWAY,
    READINGS_TOPIC,
    STATE_TOPIC,
    STREAM,
    T0_MS,
    envelope,
    events,
    opened,
    oximetry,
    state,
)

ARRIVED_MS = T0_MS + 60_000


def _refusals(message: Message) -> list[tuple[str, int | None]]:
    return [(refusal.reason.value, refusal.seq) for refusal in message.refused]


def test_readings_become_points_with_their_origin() -> None:
    message = understand(READINGS_TOPIC, envelope([oximetry(1), oximetry(2)]), ARRIVED_MS)
    assert message.origin == Origin(STREAM, GATEWAY)
    assert [point.seq for point in message.points] == [1, 2]
    assert message.refused == ()
    assert message.points[0].plain().fields["arrived_ms"] == ARRIVED_MS


@pytest.mark.parametrize(
    "wrong", [{"consciousness": "X"}, {"on_oxygen": "yes"}, {"oxygen_flow_l_min": 101}, {"on_oxygen": 1}]
)
def test_an_assessment_that_says_what_it_may_not_stands_aside_alone(wrong: dict[str, object]) -> None:
    seen = {"t": T0_MS, "clock": "trusted", "device": "kiosk", "kind": "assessment", "consciousness": "A"}
    readings = [seen | {"seq": 1}, seen | wrong | {"seq": 2}, oximetry(3)]
    message = understand(READINGS_TOPIC, envelope(readings), ARRIVED_MS)
    assert _refusals(message) == [("bad_reading", 2)]
    assert [point.seq for point in message.points] == [1, 3]


def test_bad_readings_stand_aside_and_the_rest_goes_on() -> None:
    readings = [
        oximetry(1),
        oximetry(2, 0),
        oximetry(3, 3_786_912_000_000),
        oximetry(4, kind="aura"),
        oximetry(5, spo2_pct="97"),
        oximetry(6),
    ]
    message = understand(READINGS_TOPIC, envelope(readings), ARRIVED_MS)
    assert [point.seq for point in message.points] == [1, 6]
    assert sorted(_refusals(message), key=str) == [
        ("bad_reading", 5),
        ("implausible_time", 2),
        ("implausible_time", 3),
        ("unknown_kind", 4),
    ]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (READINGS_TOPIC, b"\xff\xfe", "not_json"),
        (READINGS_TOPIC, b"[1]", "bad_header"),
        (READINGS_TOPIC, envelope([oximetry(1)], v=2), "unknown_version"),
        (READINGS_TOPIC, envelope([oximetry(1)], gateway="clinic-02"), "wrong_topic"),
        (READINGS_TOPIC, b" " * 1_048_577, "too_large"),
        (EVENTS_TOPIC, b"{}", "unknown_version"),
        (STATE_TOPIC, b"{}", "bad_header"),
        (STATE_TOPIC, state(1, gateway="clinic-02"), "wrong_topic"),
        ("cunmai/v1/00/clinic-01/state", state(1), "wrong_topic"),
        ("cunmai/v1/12/clinic-01/commands", b"{}", "wrong_topic"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_whole(topic: str, payload: bytes, reason: str) -> None:
    message = understand(topic, payload, ARRIVED_MS)
    assert _refusals(message) == [(reason, None)]
    assert (message.topic, message.payload) == (topic, payload)
    assert (message.origin, message.points, message.state) == (None, (), None)


def test_events_become_points_with_their_source_as_origin() -> None:
    items = [opened(1), opened(2, t=0)]
    message = understand(EVENTS_TOPIC, events(items), ARRIVED_MS)
    assert message.origin == Origin(EVENT_STREAM, "rules")
    assert [(point.plain().measurement, point.seq) for point in message.points] == [("escalation_opened", 1)]
    assert _refusals(message) == [("implausible_time", 2)]


def test_a_state_is_read_and_a_cleared_one_is_no_fault() -> None:
    message = understand(STATE_TOPIC, state(41), ARRIVED_MS)
    assert message.state is not None
    assert message.state.measured == 41
    assert understand(STATE_TOPIC, b"", ARRIVED_MS) == Message(STATE_TOPIC, b"", ARRIVED_MS)


def _documents(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[object]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    )


_json = _documents(st.floats(allow_nan=False, allow_infinity=False))
_like_json = _documents(st.floats())
"""With NaN and infinities, which JSON does not have: a message that holds one is no JSON as a whole."""

_near = st.dictionaries(
    st.sampled_from(
        ["v", "gateway", "stream", "sent", "clock", "readings", "events", "seq", "t", "kind", "spo2_pct"]
    ),
    _json | st.just(1) | st.just(STREAM) | st.just("oximetry"),
)


@given(
    st.sampled_from([READINGS_TOPIC, EVENTS_TOPIC, STATE_TOPIC, "", "x"]),
    st.binary() | _like_json.map(lambda value: json.dumps(value).encode()),
)
def test_nothing_in_a_message_raises(topic: str, payload: bytes) -> None:
    message = understand(topic, payload, ARRIVED_MS)
    assert message.refused or message.points or message.state or payload == b""


@given(st.lists(_near, min_size=1, max_size=3))
def test_a_mangled_reading_never_takes_a_good_one_with_it(mangled: list[dict[str, object]]) -> None:
    document = {**json.loads(envelope([oximetry(999)])), "readings": [*mangled, oximetry(999)]}
    message = understand(READINGS_TOPIC, json.dumps(document).encode(), ARRIVED_MS)
    assert 999 in [point.seq for point in message.points]
    assert len(message.refused) + len({point.seq for point in message.points}) >= 2
