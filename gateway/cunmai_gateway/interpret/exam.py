"""Ultrasound exam content to the contract's `ultrasound_exam`: docs/ble-ultrasound.md, "From the content".

Only the fields named there are read. Names, patient ids, birth dates and operators never leave this module.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, tzinfo
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.measurement import Measurement
from cunmai_wire.base import ClockTrust, refuse_personal_number
from cunmai_wire.readings import UltrasoundExam

MAX_JSON_BYTES = 4 << 20
_MAX_TEXT = 64

_TEXT_FIELDS = {
    "accession_number": "AccessionNumber",
    "body_part": "BodyPartExamined",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "device_serial": "DeviceSerialNumber",
    "software": "SoftwareVersions",
    "transducer_type": "TransducerType",
}
_TYPED_IN = ("accession_number", "body_part")
_REQUIRED_UIDS = {
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "sop_instance_uid": "SOPInstanceUID",
    "sop_class_uid": "SOPClassUID",
}
_FLOAT_FIELDS = {
    "depth_mm": "DepthOfScanField",
    "mechanical_index": "MechanicalIndex",
    "frame_time_ms": "FrameTime",
}
_INT_FIELDS = {"rows": "Rows", "columns": "Columns", "frames": "NumberOfFrames"}
_THERMAL_INDICES = ("BoneThermalIndex", "CranialThermalIndex", "SoftTissueThermalIndex")
_LINK_FIELDS = ("uplink_mbps", "round_trip_ms", "rsrp_dbm")


_CONTRACT = TypeAdapter(UltrasoundExam)
_FRAME: dict[str, object] = {
    "seq": 1,
    "t": 0,
    "clock": ClockTrust.UNKNOWN,
    "device": "any",
    "kind": "ultrasound_exam",
}
"""What every reading has, so that the exam's own fields can be tried against the contract."""


def interpret_exam(content: bytes, crc32: int, clinic_zone: tzinfo) -> Measurement:
    """Reduce one transferred content. Raises Malformed where it is not what the protocol promises."""
    document = _document(content)
    dataset = _dataset(document.get("dicom"))
    values: dict[str, object] = {"content_crc32": crc32, "exam_t": _exam_t(dataset, clinic_zone)}
    for name, keyword in _REQUIRED_UIDS.items():
        uid = _text(dataset, keyword)
        if uid is None:
            raise Malformed(f"dicom: {keyword} is missing")
        values[name] = uid
    values |= {name: _text(dataset, keyword) for name, keyword in _TEXT_FIELDS.items()}
    values |= {name: _impersonal(values[name]) for name in _TYPED_IN}
    values |= {name: _number(dataset, keyword) for name, keyword in _FLOAT_FIELDS.items()}
    for name, keyword in _INT_FIELDS.items():
        number = _number(dataset, keyword)
        values[name] = None if number is None else int(number)
    indices = [index for keyword in _THERMAL_INDICES if (index := _number(dataset, keyword)) is not None]
    values["thermal_index"] = max(indices, default=None)
    values |= _link(document.get("link"))
    once_keys = (f"exam:{values['sop_instance_uid']}:{crc32:08x}",)
    return Measurement("ultrasound_exam", _possible(values), once_keys=once_keys)


def _possible(values: dict[str, object]) -> dict[str, object]:
    """Without the figures that cannot be: one wrong setting must not cost the exam. Raises Malformed."""
    try:
        _CONTRACT.validate_python(_FRAME | values)
    except ValidationError as error:
        impossible = {str(fault["loc"][0]) for fault in error.errors()}
    else:
        return values
    required = sorted(impossible & _REQUIRED_UIDS.keys())
    if required:
        raise Malformed(f"dicom: {', '.join(required)} is not a UID")
    return {name: None if name in impossible else value for name, value in values.items()}


def _document(content: bytes) -> dict[str, Any]:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(content, MAX_JSON_BYTES)
    except zlib.error as error:
        raise Malformed(f"content: not a zlib stream ({error})") from None
    if inflater.unconsumed_tail:
        raise Malformed(f"content: more than {MAX_JSON_BYTES} bytes when decompressed")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"content: not JSON ({error})") from None
    if not isinstance(document, dict):
        raise Malformed("content: expected a JSON object")
    return document


def _dataset(dicom: object) -> Dataset:
    if not isinstance(dicom, dict):
        raise Malformed("dicom: expected a DICOM JSON data set")
    # Only the attributes that are read: a broken attribute that nobody needs is nobody's problem.
    wanted = {
        *_TEXT_FIELDS.values(),
        *_REQUIRED_UIDS.values(),
        *_FLOAT_FIELDS.values(),
        *_INT_FIELDS.values(),
    }
    wanted |= {*_THERMAL_INDICES, "StudyDate", "StudyTime", "TimezoneOffsetFromUTC"}
    tags = {f"{tag_for_keyword(keyword):08X}" for keyword in wanted}
    try:
        return Dataset.from_json({tag: element for tag, element in dicom.items() if tag in tags})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed(f"dicom: {error}") from None


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = dataset.get(keyword)
    if value is None:
        return None
    parts = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
    text = ", ".join(str(part).strip() for part in parts)
    return text[:_MAX_TEXT] or None


def _impersonal(text: object) -> object:
    """None where somebody typed an identity or phone number into the field."""
    try:
        return text and refuse_personal_number(str(text))
    except ValueError:
        return None


def _number(dataset: Dataset, keyword: str) -> float | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Malformed(f"dicom: {keyword} is not a number") from None


def _exam_t(dataset: Dataset, clinic_zone: tzinfo) -> int | None:
    date, time = _text(dataset, "StudyDate"), _text(dataset, "StudyTime")
    if date is None:
        return None
    offset = _text(dataset, "TimezoneOffsetFromUTC")
    clock = ((time or "").split(".")[0] + "000000")[:6]
    try:
        if offset:
            moment = datetime.strptime(f"{date}{clock}{offset}", "%Y%m%d%H%M%S%z")
        else:
            naive = datetime.strptime(f"{date}{clock}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - zone follows
            moment = naive.replace(tzinfo=clinic_zone)
    except ValueError:
        raise Malformed(f"dicom: study date {date!r} and time {time!r} are not a moment") from None
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _link(link: object) -> dict[str, object]:
    if not isinstance(link, dict):
        return {}
    return {
        name: float(value)
        for name in _LINK_FIELDS
        if isinstance(value := link.get(name), (int, float)) and not isinstance(value, bool)
    }
