"""The short way from a reading to its line, against a line written by hand and against the general way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cunmai_ingest.assembly import NothingKnown, understand
from cunmai_ingest.encoders import encoder_of
from cunmai_ingest.sanity import Known
from cunmai_wire.envelope import AnyReading
from cunmai_wire.ranges import SeqRanges
from cunmai_wire.readings import KINDS, ReadingBase
from support.messages import EVENT_STREAM, READINGS_TOPIC, STREAM, T0_MS, envelope, oximetry

ARRIVED_MS = T0_MS + 60_000
_adapter: TypeAdapter[Any] = TypeAdapter(AnyReading)


def test_a_line_written_by_hand() -> None:
    reading = oximetry(7, 1_700_000_000_123, spo2_pct=97, quality=["poor_signal", "finger_off"])
    (point,) = understand(READINGS_TOPIC, envelope([reading]), ARRIVED_MS).points
    assert point.line() == (
        "oximetry,gateway=clinic-01,stream=11111111-2222-3333-4444-555555555555,device=plx-1,resident=r-1001"
        ' mode="continuous",spo2_pct=97.0,pulse_bpm=72.0,perfusion_index_pct=4.5,seq=7i,clock="trusted",'
        'quality="finger_off,poor_signal",arrived_ms=1700000060000i,superseded=false 1700000000123000007'
    )


def test_text_that_means_something_to_the_protocol_is_escaped() -> None:
    reading = {"seq": 1, "t": T0_MS, "clock": "trusted", "device": "thermo", "kind": "temperature"}
    reading |= {"temperature_c": 36, "site": 'say "ah", \\ =\n'}
    (point,) = understand(READINGS_TOPIC, envelope([reading]), ARRIVED_MS).points
    assert r'temperature_c=36.0,site="say \"ah\", \\ =' + "\n" + '",seq=1i' in point.line()


class _Superseded(NothingKnown):
    """Every even number was corrected, and one reading had been placed an hour ahead."""

    def superseded(self, stream: str) -> SeqRanges:
        return SeqRanges((n, n) for n in range(2, 500, 2)) if stream == STREAM else SeqRanges()

    def known(self, number: tuple[str, int]) -> Known:
        return Known(placed_ms=3_600_000) if number[1] == 1 else Known()


_text = st.text(min_size=1, max_size=12) | st.text('",= \\\n#%中😷', min_size=1, max_size=8)
_by_type = {
    "string": _text,
    "number": st.floats(0, 2.5),
    "integer": st.integers(0, 2**70),
    "boolean": st.booleans(),
}


def _value(name: str, schema: dict[str, Any], words: dict[str, Any]) -> st.SearchStrategy[Any]:
    options = schema.get("anyOf", [schema])
    schema = next((option for option in options if option.get("type") != "null"), schema)
    if name.endswith("_uid"):
        return st.just("1.2.840.1")
    if "$ref" in schema:
        return st.sampled_from(words[schema["$ref"].removeprefix("#/$defs/")]["enum"])
    if schema.get("type") == "object":
        return st.dictionaries(_text, st.floats(0, 10), max_size=3)
    largest = schema.get("maximum", 2**70)
    return _by_type[schema["type"]].filter(lambda value: isinstance(value, str) or value <= largest)


def _readings() -> st.SearchStrategy[dict[str, Any]]:
    """Any reading of any kind that the contract takes, from the contract's own schema."""
    return st.sampled_from(sorted(KINDS)).flatmap(_of_kind)


def _of_kind(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    model = KINDS[kind]
    schema = model.model_json_schema()
    own = {
        name: _value(name, field, schema.get("$defs", {}))
        for name, field in schema["properties"].items()
        if name not in ReadingBase.model_fields and name != "kind"
    }
    own |= {"rsrp_dbm": st.floats(-200, 0)} if "rsrp_dbm" in own else {}
    own |= {"rssi_dbm": st.floats(-200, 50)} if "rssi_dbm" in own else {}
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    return st.fixed_dictionaries(
        {
            "kind": st.just(kind),
            "seq": st.integers(1, 6),
            "t": st.integers(T0_MS - 10_000, ARRIVED_MS + 10**8),
            "clock": st.sampled_from(["trusted", "untrusted", "unknown"]),
            "device": st.sampled_from(["plx-1", "F0:0D:00:00:18:22"]),
            "resident": st.sampled_from([None, "r-1001", "R_7"]),
            "quality": st.lists(st.sampled_from(["poor_signal", "movement", "new_flag"]), max_size=3),
            **{name: value for name, value in own.items() if name in required},
        },
        optional={
            "corrects": st.fixed_dictionaries({"stream": st.just(EVENT_STREAM), "seq": st.just(4)}),
            **{name: value for name, value in own.items() if name not in required},
        },
    )


@given(st.lists(_readings(), min_size=1, max_size=3))
def test_the_short_way_says_what_the_general_way_says(readings: list[dict[str, Any]]) -> None:
    payload = json.dumps({**json.loads(envelope([])), "readings": readings}).encode()
    for point in understand(READINGS_TOPIC, payload, ARRIVED_MS, _Superseded()).points:
        try:
            general = point.plain().line()
        except ValueError as error:
            with pytest.raises(ValueError, match=str(error)):
                point.line()
        else:
            assert point.line() == general


@given(_readings())
def test_the_strategy_makes_readings_of_the_contract(reading: dict[str, Any]) -> None:
    """Else the test above would pass by seeing nothing."""
    _adapter.validate_json(json.dumps(reading))


def test_a_value_of_a_new_type_is_noticed_when_the_program_starts() -> None:
    class Odd(ReadingBase):
        values: tuple[float, ...]

    with pytest.raises(TypeError, match="no place in a line"):
        encoder_of(Odd)
