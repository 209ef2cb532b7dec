"""Ultrasound exam transfer by the worked example of docs/ble-ultrasound.md, and the reduction of an exam."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta, timezone
from typing import Any

import pytest

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.exam_transfer import (
    MAX_DISCARDS,
    MAX_FRUITLESS_STARTS,
    ExamEntry,
    Next,
    Opcode,
    Transfer,
    decode_answer,
    decode_info,
    decode_list,
    decode_open,
    request_abort,
    request_close,
    request_list,
    request_open,
)
from cunmai_gateway.interpret import exam as interpreter
from cunmai_gateway.interpret.exam import interpret_exam
from cunmai_gateway.readings import to_reading
from cunmai_wire.base import ClockTrust

CHINA = timezone(timedelta(hours=8))


def h(text: str) -> bytes:
    return bytes.fromhex(text)


def test_the_requests_of_the_worked_example() -> None:
    assert request_list(0) == h("01 00000000")
    assert request_open(42) == h("02 2a000000")
    assert request_close(0xCBF43926) == h("05 2639f4cb")
    assert request_abort() == h("06")


def test_the_answers_of_the_worked_example() -> None:
    info = decode_info(h("01 0400 0200 2a000000 01000000"))
    assert (info.version, info.chunk_max, info.exams, info.newest_id) == (1, 4, 2, 42)
    status, payload = decode_answer(
        h("81 00 0000 02 29000000 e8030000 efbeadde 01 2a000000 09000000 2639f4cb 00"), Opcode.LIST
    )
    assert status == 0
    assert decode_list(payload) == (0, [ExamEntry(41, 1000, 0xDEADBEEF), ExamEntry(42, 9, 0xCBF43926)])
    assert decode_open(decode_answer(h("82 00 09000000 2639f4cb 0400"), Opcode.OPEN)[1]) == (9, 0xCBF43926, 4)
    assert decode_answer(h("82 03"), Opcode.OPEN) == (3, b"")


def test_the_transfer_of_the_worked_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cunmai_gateway.decoders.exam_transfer.WINDOW_PACKETS", 2)
    transfer = Transfer(9, 0xCBF43926, 4, epoch=6)
    assert transfer.start() == h("03 07 00000000 0200")
    assert transfer.packet(h("07 00000000 507e 31323334")) is Next.ACK
    assert transfer.ack() == h("04 07 04000000")
    assert transfer.packet(h("07 04000000 446a 35363739")) is Next.START  # the damaged one
    assert transfer.start() == h("03 08 04000000 0200")
    assert transfer.packet(h("07 08000000 0663 39")) is Next.WAIT  # still in flight, of the old epoch
    assert transfer.packet(h("08 04000000 10f2 35363738")) is Next.ACK
    assert transfer.ack() == h("04 08 08000000")
    assert transfer.packet(h("08 08000000 05a6 39")) is Next.DONE
    assert transfer.ack() == h("04 08 09000000")
    assert transfer.intact()
    assert bytes(transfer.held) == b"123456789"


def test_a_gap_a_short_packet_and_an_overrun_start_again() -> None:
    transfer = Transfer(9, 0xCBF43926, 4, epoch=7)
    assert transfer.packet(h("07 04000000 9bb5 35363738")) is Next.START
    assert transfer.packet(h("07 00")) is Next.START
    assert transfer.silence() is Next.START
    assert bytes(transfer.held) == b""


def test_a_transfer_that_gets_nowhere_is_given_up() -> None:
    transfer = Transfer(9, 1, 4, epoch=0)
    for _ in range(MAX_FRUITLESS_STARTS):
        transfer.start()
    assert transfer.silence() is Next.GIVE_UP


def test_a_content_that_never_matches_its_checksum_is_given_up() -> None:
    transfer = Transfer(1, 0, 4, epoch=0)
    outcomes = [transfer.discard() for _ in range(MAX_DISCARDS)]
    assert outcomes == [True] * (MAX_DISCARDS - 1) + [False]


@pytest.mark.parametrize(
    "answer", ["", "81", "82 00", "7f 00"], ids=["empty", "no status", "another request", "not an answer"]
)
def test_an_answer_to_something_else_is_malformed(answer: str) -> None:
    with pytest.raises(Malformed):
        decode_answer(h(answer), Opcode.LIST)


def test_another_protocol_version_is_not_spoken() -> None:
    with pytest.raises(Malformed, match="version 2"):
        decode_info(h("02 0400 0200 2a000000 01000000"))


# -- from the content to a reading --------------------------------------------------------------------

DICOM: dict[str, Any] = {
    "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.6.1"]},
    "00080018": {"vr": "UI", "Value": ["2.25.3"]},
    "0020000D": {"vr": "UI", "Value": ["2.25.1"]},
    "0020000E": {"vr": "UI", "Value": ["2.25.2"]},
    "00080020": {"vr": "DA", "Value": ["20260102"]},
    "00080030": {"vr": "TM", "Value": ["030405.5"]},
    "00080050": {"vr": "SH", "Value": ["A1"]},
    "00080070": {"vr": "LO", "Value": ["SimProbe"]},
    "00081090": {"vr": "LO", "Value": ["SP-1"]},
    "00181000": {"vr": "LO", "Value": ["0001"]},
    "00181020": {"vr": "LO", "Value": ["1.0", "fw 2"]},
    "00180015": {"vr": "CS", "Value": ["ABDOMEN"]},
    "00185050": {"vr": "IS", "Value": [160]},
    "00185022": {"vr": "DS", "Value": [0.9]},
    "00185024": {"vr": "DS", "Value": [0.3]},
    "00185027": {"vr": "DS", "Value": [0.4]},
    "00280008": {"vr": "IS", "Value": [30]},
    "00280010": {"vr": "US", "Value": [480]},
    "00280011": {"vr": "US", "Value": [640]},
    "00181063": {"vr": "DS", "Value": [33.3]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Xiaoming", "Ideographic": "王^小明"}]},
    "00100020": {"vr": "LO", "Value": ["110105194912310021"]},
    "00100030": {"vr": "DA", "Value": ["19491231"]},
    "00081070": {"vr": "PN", "Value": [{"Alphabetic": "Zhao^Yi"}]},
}


def content(dicom: object = DICOM, link: object = ...) -> bytes:
    document = {"dicom": dicom} | ({} if link is ... else {"link": link})
    return zlib.compress(json.dumps(document).encode())


def test_an_exam_becomes_a_reading_of_the_contract() -> None:
    exam = interpret_exam(content(link={"uplink_mbps": 48.5, "rsrp_dbm": -92, "note": "x"}), 7, CHINA)
    assert exam.once_keys == ("exam:2.25.3:00000007",)
    values = {name: value for name, value in exam.values.items() if value is not None}
    assert values == {
        "content_crc32": 7,
        "exam_t": 1_767_294_245_000,  # 2026-01-02 03:04:05 +08:00 = 2026-01-01T19:04:05Z
        "study_uid": "2.25.1",
        "series_uid": "2.25.2",
        "sop_instance_uid": "2.25.3",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1",
        "accession_number": "A1",
        "body_part": "ABDOMEN",
        "manufacturer": "SimProbe",
        "model": "SP-1",
        "device_serial": "0001",
        "software": "1.0, fw 2",
        "depth_mm": 160.0,
        "mechanical_index": 0.9,
        "thermal_index": 0.4,
        "rows": 480,
        "columns": 640,
        "frames": 30,
        "frame_time_ms": 33.3,
        "uplink_mbps": 48.5,
        "rsrp_dbm": -92.0,
    }


def test_nothing_personal_leaves_the_gateway() -> None:
    exam = interpret_exam(content(), 7, CHINA)
    reading = to_reading(exam, device="us-1", resident=None, t_ms=1, clock=ClockTrust.TRUSTED)
    text = reading.body.decode()
    for personal in ("Wang", "王", "小明", "1101051949", "19491231", "Zhao"):
        assert personal not in text


def test_a_number_of_a_person_that_was_typed_into_a_field_stays_out_and_a_uid_that_looks_like_one_stays() -> (
    None
):
    typed = {
        "00080050": {"vr": "SH", "Value": ["13800138000"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.110105194912310021"]},
    }
    exam = interpret_exam(content(DICOM | typed), 7, CHINA)
    assert exam.values["accession_number"] is None
    assert exam.values["study_uid"] == "1.2.110105194912310021"


def test_a_figure_that_cannot_be_does_not_cost_the_exam() -> None:
    wrong = DICOM | {"00185022": {"vr": "DS", "Value": [99]}}
    exam = interpret_exam(content(wrong, link={"rsrp_dbm": 25, "uplink_mbps": 48.5}), 7, CHINA)
    assert (exam.values["mechanical_index"], exam.values["rsrp_dbm"]) == (None, None)
    assert exam.values["uplink_mbps"] == 48.5
    reading = to_reading(exam, device="us-1", resident=None, t_ms=1, clock=ClockTrust.TRUSTED)
    assert b"2.25.3" in reading.body


def test_an_exam_whose_name_cannot_be_is_malformed() -> None:
    with pytest.raises(Malformed, match="dicom"):
        interpret_exam(content(DICOM | {"00080018": {"vr": "UI", "Value": ["2.25.x"]}}), 7, CHINA)


def test_an_offset_in_the_exam_wins_over_the_clinics_zone() -> None:
    exam = interpret_exam(content(DICOM | {"00080201": {"vr": "SH", "Value": ["+0000"]}}), 7, CHINA)
    assert exam.values["exam_t"] == 1_767_323_045_000


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (b"not zlib", "zlib"),
        (zlib.compress(b"not json"), "JSON"),
        (zlib.compress(b"[1]"), "object"),
        (zlib.compress(b"[" * 100_000), "JSON"),
        (content(None), "DICOM JSON"),
        (content({}), "StudyInstanceUID"),
        (content(DICOM | {"00080020": {"vr": "DA", "Value": ["20261399"]}}), "dicom"),
        (content(DICOM | {"00185022": {"vr": "DS", "Value": ["abc"]}}), "dicom"),
    ],
)
def test_a_broken_content_is_malformed_with_a_reason(bad: bytes, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        interpret_exam(bad, 7, CHINA)


def test_a_decompression_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "MAX_JSON_BYTES", 1000)
    with pytest.raises(Malformed, match="more than 1000 bytes"):
        interpret_exam(zlib.compress(b" " * 1_000_000), 7, CHINA)
