"""From notifications to outcomes: signal quality that other frames tell, limits per model, glucose with its meal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.decoders import glucose
from cunmai_gateway.decoders.registry import FRAME_TYPES
from cunmai_gateway.decoders.stream import Refused
from cunmai_gateway.decoders.vendors.pc60 import Pc60Other
from cunmai_gateway.interpret.glucose import ContextPairing
from cunmai_gateway.interpret.listener import Heard, Listener
from cunmai_gateway.interpret.perfusion import LIMITS, low_perfusion_limit_pct
from cunmai_gateway.measurement import Measurement, NotClinical, NotClinicalReason, Outcome
from cunmai_gateway.readings import to_reading
from cunmai_wire.base import ClockTrust

VALUES_A = "fe0a55004f6314bf391d"
"""Published: 79, 99 %, the sum without FE."""
VALUES_B = "fe0a5500525f1770cf64"
"""Published: 82, 95 %, the sum with FE."""


def outcomes(listener: Listener, *notifications: str) -> list[Outcome | None]:
    heard = [each for data in notifications for each in listener.feed(bytes.fromhex(data))]
    assert all(isinstance(each, Heard) for each in heard), heard
    return [each.outcome for each in heard if isinstance(each, Heard)]


def quality(outcome: Outcome | None) -> tuple[str, ...]:
    assert isinstance(outcome, Measurement)
    return outcome.quality


def test_values_are_judged_by_the_latest_waveform() -> None:
    listener = Listener(FRAME_TYPES["FE-FFE4"])
    # FE 08 56 wave flags bar counter: flags 0x0E off, motion, low; 08+56+1F+0E+05+23 = 0xB3, then 0x00: A6 with 24.
    bad, fine = "fe08561f0e0523b3", "fe08561f000524a6"
    first, silent, second, _, third = outcomes(listener, VALUES_A, bad, VALUES_A, fine, VALUES_A)
    assert silent is None, "a waveform measures nobody"
    assert quality(first) == quality(third) == ()
    assert quality(second) == ("finger_off", "low_perfusion", "movement")


def test_each_connection_begins_without_what_another_heard() -> None:
    outcomes(Listener(FRAME_TYPES["FE-FFE4"]), "fe08561f0e0523b3")
    (outcome,) = outcomes(Listener(FRAME_TYPES["FE-FFE4"]), VALUES_A)
    assert quality(outcome) == ()


def test_a_device_does_not_change_its_sum_from_one_frame_to_the_next() -> None:
    """A byte that is 2 too high under one sum fits the other: 99 % would become 101, or 95 become 97."""
    listener = Listener(FRAME_TYPES["FE-FFE4"])
    assert outcomes(listener, VALUES_A, VALUES_B, VALUES_B)[1:] == [
        NotClinical(NotClinicalReason.INVALID),
        outcomes(Listener(FRAME_TYPES["FE-FFE4"]), VALUES_B)[0],
    ]


def test_a_berry_that_sent_a_good_sum_is_held_to_it() -> None:
    good = "ffaa07085e5d4b4ca000151430102700005a32c6"
    bad = good[:-2] + "ce"
    never_good = Listener(FRAME_TYPES["BERRY-V15"])
    assert all(isinstance(each, Measurement) for each in outcomes(never_good, bad, bad))
    once_good = Listener(FRAME_TYPES["BERRY-V15"])
    assert outcomes(once_good, good, bad, good)[1] == NotClinical(NotClinicalReason.INVALID)


def test_what_measures_nobody_is_still_heard() -> None:
    (heard,) = Listener(FRAME_TYPES["PC60-NUS"]).feed(bytes.fromhex("aa55f0030303f6"))
    assert isinstance(heard, Heard)
    assert isinstance(heard.record, Pc60Other)
    assert (heard.record.battery, heard.outcome) == (3, None)


def test_a_frame_that_a_format_refuses_is_refused_with_its_reason() -> None:
    (refused,) = Listener(FRAME_TYPES["2A5F"]).feed(bytes.fromhex("0064005a"))
    assert isinstance(refused, Refused)
    assert refused.reason == "pulse rate: needs 2 bytes at offset 3, the frame has 1 left"


def test_a_stream_that_ends_within_a_frame_says_so() -> None:
    listener = Listener(FRAME_TYPES["CONTEC-FF02"])
    assert listener.feed(bytes.fromhex("eb0105")) == []
    assert [type(each) for each in listener.flush()] == [Refused]
    assert Listener(FRAME_TYPES["2A5F"]).flush() == []


@given(st.sampled_from(sorted(FRAME_TYPES)), st.lists(st.binary(max_size=60), max_size=6))
def test_whatever_a_device_sends_every_byte_is_heard_or_refused(
    name: str, notifications: list[bytes]
) -> None:
    """Nothing else comes out, and what is taken for a measurement is one that the contract allows."""
    listener = Listener(FRAME_TYPES[name], "some model")
    heard = [each for data in notifications for each in listener.feed(data)] + listener.flush()
    for each in heard:
        if isinstance(each, Refused):
            assert each.reason
        elif isinstance(each.outcome, Measurement):
            to_reading(each.outcome, device="d", resident=None, t_ms=1, clock=ClockTrust.TRUSTED)


# -- low perfusion, per model --------------------------------------------------------------------------


@pytest.mark.parametrize(("pi_thousandths", "low"), [(299, True), (300, True), (301, False)])
def test_low_perfusion_by_the_limit_of_the_model(pi_thousandths: int, low: bool) -> None:
    # 72 bpm, 93 %: FE 0A 55 00 48 5D PIhi PIlo 01, sum without FE.
    body = bytes([0x0A, 0x55, 0x00, 0x48, 0x5D, pi_thousandths >> 8, pi_thousandths & 0xFF, 0x01])
    frame = b"\xfe" + body + bytes([sum(body) % 256])
    (outcome,) = outcomes(Listener(FRAME_TYPES["FE-FFE4"], "BO-YX110"), frame.hex())
    assert quality(outcome) == (("low_perfusion",) if low else ())


def test_every_model_has_a_limit_and_every_limit_a_reason() -> None:
    assert LIMITS[-1].name_begins == "", "the last row is the default"
    assert all(limit.basis and 0 < limit.low_pct < 5 for limit in LIMITS)
    assert low_perfusion_limit_pct("Nonin3230_502341") == 0.3


def test_no_perfusion_index_is_no_low_perfusion() -> None:
    (outcome,) = outcomes(Listener(FRAME_TYPES["CONTEC-FF02"]), "eb01053e627f0010")
    assert quality(outcome) == ()


# -- glucose with its context ---------------------------------------------------------------------------


def record(seq: int, *, context_follows: bool) -> glucose.GlucoseMeasurement:
    """5.6 mmol/L: 56 x 10^-4 mol/L."""
    flags = 0x16 if context_follows else 0x06
    return glucose.decode_measurement(bytes([flags, seq, 0]) + bytes.fromhex("ea0703010c0000 38c0 11"))


def context(seq: int) -> glucose.GlucoseContext:
    """Meal 3: fasting."""
    return glucose.decode_context(bytes([0x02, seq, 0, 3]))


def meals(found: list[Outcome]) -> list[object]:
    assert all(isinstance(each, Measurement) for each in found)
    return [each.values["meal"] for each in found if isinstance(each, Measurement)]


def test_a_record_waits_for_the_context_that_it_announced() -> None:
    pairing = ContextPairing()
    assert pairing.measurement(record(1, context_follows=True)) == []
    assert meals(pairing.context(context(1))) == ["fasting"]
    assert pairing.flush() == []


def test_a_context_that_never_comes_costs_no_record() -> None:
    pairing = ContextPairing()
    assert pairing.measurement(record(1, context_follows=True)) == []
    assert meals(pairing.measurement(record(2, context_follows=False))) == [None, None]
    assert pairing.measurement(record(3, context_follows=True)) == []
    assert meals(pairing.flush()) == [None]


def test_a_context_of_another_record_is_not_mixed_up() -> None:
    pairing = ContextPairing()
    pairing.measurement(record(1, context_follows=True))
    assert pairing.context(context(9)) == []
    assert meals(pairing.flush()) == [None]
