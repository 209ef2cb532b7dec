"""Floats, and the Pulse Oximeter Service: values, status bits, and what is never clinical."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.decoders.registry import FRAME_TYPES, describe
from cunmai_gateway.decoders.sfloat import Special, finite, sfloat


# By hand from IEEE 11073-20601: mantissa x 10^exponent, both two's complement.
@pytest.mark.parametrize(
    ("word", "value"),
    [
        (0x0072, 114),
        (0xF3B6, 95.0),  # 950 x 10^-1
        (0xFFFF, -0.1),  # -1 x 10^-1
        (0x0FFF, -1),
        (0x07FD, 2045),
        (0x0803, -2045),
        (0x7001, 10_000_000),
        (0x8001, 0.00000001),
        (0x0000, 0),
    ],
)
def test_sfloat(word: int, value: float) -> None:
    assert sfloat(word) == value


@pytest.mark.parametrize(
    ("word", "special"),
    [
        (0x07FF, Special.NAN),
        (0x0800, Special.NRES),
        (0x07FE, Special.PLUS_INFINITY),
        (0x0802, Special.MINUS_INFINITY),
        (0x0801, Special.RESERVED),
    ],
)
def test_words_that_are_not_numbers(word: int, special: Special) -> None:
    assert sfloat(word) is special
    assert finite(sfloat(word)) is None


@given(st.integers(0, 0xFFFF))
def test_every_word_is_a_finite_number_or_a_special(word: int) -> None:
    number = sfloat(word)
    assert isinstance(number, Special) or math.isfinite(number)


@pytest.mark.parametrize(
    ("frame", "flags"),
    [
        ("00 6100 4800", []),  # nothing said about the signal
        ("04 6100 4800 4040", ["early_estimate", "questionable"]),  # status bits 6 and 14
        ("08 6100 4800 200800", ["finger_off", "low_perfusion"]),  # sensor bits 5 and 11
        ("08 6100 4800 010000", []),  # sensor bit 0: extended display update
        ("0c 6100 4800 0002 100400", ["from_storage", "interference", "poor_signal"]),
    ],
)
def test_status_bits_become_named_flags(frame: str, flags: list[str]) -> None:
    decoded = describe(FRAME_TYPES["2A5F"], bytes.fromhex(frame))
    assert decoded["quality"] == flags
    assert (decoded["spo2_pct"], decoded["pulse_bpm"]) == (97, 72)


@pytest.mark.parametrize(
    ("status_bit", "reason"),
    [(10, "demo"), (11, "testing"), (12, "calibrating"), (13, "unavailable"), (15, "invalid")],
)
@pytest.mark.parametrize(("name", "flags"), [("2A5F", 0x04), ("2A5E", 0x02)])
def test_some_frames_are_never_clinical(name: str, flags: int, status_bit: int, reason: str) -> None:
    frame = bytes([flags, 97, 0, 72, 0]) + (1 << status_bit).to_bytes(2, "little")
    decoded = describe(FRAME_TYPES[name], frame)
    assert decoded["not_clinical"] == reason
    assert "spo2_pct" not in decoded


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("00 ff07 4800", "no_value"),
        ("00 0000 4800", "out_of_range"),
        ("00 6500 4800", "out_of_range"),  # 101 %
        ("00 7f00 ff01", "out_of_range"),  # 127 and 511: what some chips send without a finger
        ("00 6100 9501", "out_of_range"),  # a pulse of 405
    ],
)
def test_values_that_cannot_be_are_not_readings(frame: str, reason: str) -> None:
    assert describe(FRAME_TYPES["2A5F"], bytes.fromhex(frame))["not_clinical"] == reason


def test_a_reading_without_a_pulse_is_still_a_reading() -> None:
    decoded = describe(FRAME_TYPES["2A5F"], bytes.fromhex("00 5a00 ff07"))
    assert decoded["spo2_pct"] == 90
    assert "pulse_bpm" not in decoded


def test_a_device_clock_that_was_never_set_is_flagged() -> None:
    decoded = describe(FRAME_TYPES["2A5E"], bytes.fromhex("11 6100 4800 0000000000 0000"))
    assert decoded["timestamp"] == "0000-00-00T00:00:00"
    assert decoded["quality"] == ["device_clock_not_set"]
