"""What an exam's content holds, read back by hand and by pydicom."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydicom.dataset import Dataset

from cunmai_sim.exam import Exam, LinkFigures, Patient, make_exam

MADE_AT = datetime(2026, 3, 4, 15, 6, 7, tzinfo=timezone(timedelta(hours=8)))


def _members(exam: Exam) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(zlib.decompress(exam.content))
    return members


def _value(exam: Exam, tag: str) -> Any:
    return _members(exam)["dicom"][tag]["Value"][0]


def test_the_content_is_a_zlib_stream_of_dicom_json_and_link_figures() -> None:
    exam = make_exam(1, MADE_AT)
    assert exam.content[:1] == b"\x78"  # zlib, 32 KiB window
    assert set(_members(exam)) == {"dicom", "link"}
    assert _members(exam)["link"] == {"uplink_mbps": 86.4, "round_trip_ms": 23.5, "rsrp_dbm": -91.0}
    assert exam.crc32 == zlib.crc32(exam.content)


def test_pydicom_reads_it_back() -> None:
    exam = make_exam(1, MADE_AT)
    read = Dataset.from_json(json.dumps(_members(exam)["dicom"]))
    assert read == exam.dataset
    assert read.PatientName.ideographic == "王^小明"


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("00080060", "US"),
        ("00080016", "1.2.840.10008.5.1.4.1.1.3.1"),
        ("00080020", "20260304"),
        ("00080030", "150607"),
        ("00080201", "+0800"),
        ("00180015", "ABDOMEN"),
        ("00186031", "CURVED LINEAR"),
        ("00280010", 768),
        ("00280011", 1024),
        ("00181063", 33.3),
        ("00185024", 0.3),
    ],
)
def test_fields_under_their_tags(tag: str, value: object) -> None:
    assert _value(make_exam(1, MADE_AT), tag) == value


NEEDED = {
    "0020000D": "study",
    "0020000E": "series",
    "00080018": "SOP instance",
    "00080050": "accession number",
    "00080070": "maker",
    "00081090": "model",
    "00181000": "serial",
    "00181020": "software",
    "00185050": "depth",
    "00185022": "mechanical index",
    "00185027": "thermal index of soft tissue",
    "00280008": "frames",
}


@pytest.mark.parametrize("tag", NEEDED)
def test_fields_that_a_reading_needs_are_there(tag: str) -> None:
    assert _value(make_exam(1, MADE_AT), tag) not in ("", None)


def test_the_patient_is_in_it_so_that_a_gateway_has_something_to_drop() -> None:
    exam = make_exam(1, MADE_AT)
    assert _value(exam, "00100010") == {"Alphabetic": "Wang^Xiaoming", "Ideographic": "王^小明"}
    assert _value(exam, "00100020") == "110101199003070134"
    assert _value(exam, "00100030") == "19900307"
    assert _value(exam, "00081070")["Ideographic"] == "李^医生"


def test_the_same_seed_is_the_same_exam_and_another_is_another() -> None:
    assert make_exam(1, MADE_AT).content == make_exam(1, MADE_AT).content
    uids = {_value(make_exam(seed, MADE_AT), "00080018") for seed in range(20)}
    assert len(uids) == 20
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_link_figures_may_be_unknown_in_part_or_whole() -> None:
    assert _members(make_exam(1, MADE_AT, link=LinkFigures(rsrp_dbm=-101.0)))["link"] == {"rsrp_dbm": -101.0}
    assert "link" not in _members(make_exam(1, MADE_AT, link=None))


def test_images_make_it_larger() -> None:
    assert len(make_exam(1, MADE_AT, images=500).content) > 10_000


def test_another_patient() -> None:
    text = zlib.decompress(make_exam(1, MADE_AT, patient=Patient(name="Zhao^Liu")).content).decode()
    assert "Zhao^Liu" in text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="UTC offset"):
        make_exam(1, MADE_AT.replace(tzinfo=None))
    assert _value(make_exam(1, MADE_AT.astimezone(UTC)), "00080201") == "+0000"
