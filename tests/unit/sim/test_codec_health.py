"""Frames of the health services and of makers' oximeters, against published bytes and bytes counted by hand."""

# ruff: noqa: DTZ001 (a device's own clock knows no zone)

from __future__ import annotations

from datetime import datetime

import pytest

from cunmai_sim import codec_health as health
from cunmai_sim import codec_vendor as vendor
from cunmai_sim.records import Record as Stored
from cunmai_sim.records import RecordStore
from cunmai_sim.scenario import Sample


def test_blood_pressure() -> None:
    assert health.encode_blood_pressure(health.BloodPressure(120, 80, 93)).hex() == "00780050005d00"
    full = health.BloodPressure(
        124, 86, 97, datetime(2024, 6, 15, 17, 17, 27), 51, status=health.CuffStatus(0x27)
    )
    assert health.encode_blood_pressure(full).hex() == "167c0056006100e807060f11111b33002700"
    kilopascal = health.BloodPressure(
        18.9, 11, 15.9, pulse_bpm=60, status=health.CuffStatus(18), kilopascal=True
    )
    assert health.encode_blood_pressure(kilopascal).hex() == "15bdf00b009ff03c001200"


def test_temperature() -> None:
    # 37.6 = 376e-1: mantissa 0x000178, exponent -1; armpit is 1
    assert health.encode_temperature(health.Temperature(37.6, site=1)).hex() == "04780100ff01"
    # a whole number keeps one decimal: 100.0 F = 1000e-1 = 0x0003e8
    assert health.encode_temperature(health.Temperature(100, fahrenheit=True)).hex() == "01e80300ff"


def test_heart_rate() -> None:
    assert health.encode_heart_rate(85).hex() == "0055"
    assert health.encode_heart_rate(255, contact=False).hex() == "04ff"
    assert health.encode_heart_rate(257, contact=True, rr_1024=(1, 258)).hex() == "1701010100" + "0201"


def test_glucose_and_its_context() -> None:
    # 5.4 mmol/L = 54e-4 mol/L = c036; capillary whole blood, finger = 11
    at = datetime(2019, 2, 27, 11, 10, 30)
    assert (
        health.encode_glucose(health.Glucose(1, at, 5.4)).hex() == "06" + "0100" + "e307021b0b0a1e" + "36c011"
    )
    with_context = health.Glucose(258, at, offset_min=-5, status=261, meal=3)
    assert health.encode_glucose(with_context).hex() == "19" + "0201" + "e307021b0b0a1e" + "fbff" + "0501"
    assert health.encode_glucose_context(258, 3).hex() == "02" + "0201" + "03"


def test_weight() -> None:
    at = datetime(2023, 12, 25, 14, 30, 45)
    assert health.encode_weight(health.Weight(70.0, at)).hex() == "02b036e7070c190e1e2d"
    # 24.2 kg/m2 = 00f2, 1.70 m = 1700 mm = 06a4
    assert health.encode_weight(health.Weight(70.0, bmi=24.2, height_m=1.7)).hex() == "08b036f200a406"


def test_current_time_is_read_and_written() -> None:
    told = bytes.fromhex("e907" + "0b16" + "0a1e05" + "06" + "00" + "00")  # Saturday, 22 November 2025
    assert health.encode_current_time(datetime(2025, 11, 22, 10, 30, 5)) == told
    assert health.decode_current_time(told) == datetime(2025, 11, 22, 10, 30, 5)
    for wrong in (told[:9], told[:7] + b"\x05\0\0"):
        with pytest.raises(ValueError, match=r"not a current time|not day"):
            health.decode_current_time(wrong)


def test_frames_of_makers_are_those_that_were_captured() -> None:
    assert vendor.crc8_maxim(b"123456789") == 0xA1
    assert vendor.pc60_frame(Sample(0, 97, 64, 8.1)).hex() == "aa550f08016140005100c05b"
    assert vendor.pc60_wave().hex() == "aa550f0702000000000028"
    assert vendor.contec_frame(Sample(0, 98, 62, 1)).hex() == "eb01053e627f0010"
    assert vendor.yuwell_frame(Sample(0xCF, 95, 82, 6.0)).hex() == "fe0a5500525f1770cf64"
    other_maker = vendor.yuwell_frame(Sample(0x39, 99, 79, 5.311), sum_with_header=False)
    assert other_maker.hex() == "fe0a55004f6314bf391d"
    assert vendor.yuwell_wave(31).hex() == "fe08561f000522a4"
    # signal 6 with the sync bit, wave 40, bar 5, pulse 150 = bit 7 apart + 22, SpO2 96
    assert vendor.berry_bci_frame(Sample(0, 96, 150, 1)).hex() == "8628451660"
    assert vendor.berry_bci_frame(Sample(0, None, None, None, finger=False)).hex() == "8628557f7f"


# -- stored records ---------------------------------------------------------------------------------


@pytest.fixture
def store() -> RecordStore:
    return RecordStore(numbered=True, records=[Stored(seq, (("2A18", bytes([seq])),)) for seq in (1, 2, 5)])


@pytest.mark.parametrize(
    ("request_hex", "sent", "answer"),
    [
        ("0101", [1, 2, 5], "06000101"),
        ("01030102" + "00", [2, 5], "06000101"),
        ("01030106" + "00", [], "06000106"),
        ("0105", [1], "06000101"),
        ("0106", [5], "06000101"),
        ("0401", [], "05000300"),
        ("0104", [], "06000104"),
        ("010302", [], "06000109"),
        ("0901", [], "06000902"),
        ("0300", [], "06000301"),
    ],
)
def test_requests_to_the_record_access_control_point(
    store: RecordStore, request_hex: str, sent: list[int], answer: str
) -> None:
    procedure = store.perform(bytes.fromhex(request_hex))
    assert [record.seq for record in procedure.records] == sent
    assert procedure.answer.hex() == answer


def test_deleted_records_are_gone_and_unnumbered_ones_have_no_sequence(store: RecordStore) -> None:
    assert store.perform(bytes.fromhex("0201")).answer.hex() == "06000201"
    assert store.perform(bytes.fromhex("0101")).answer.hex() == "06000106"
    assert RecordStore().perform(bytes.fromhex("0103010200")).answer.hex() == "06000104"
