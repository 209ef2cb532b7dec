"""Ultrasound exams as the machine offers them: a DICOM data set and link figures, compressed.

docs/ble-ultrasound.md, "Content", is the specification.
"""

from __future__ import annotations

import json
import random
import uuid
import zlib
from dataclasses import asdict, dataclass
from datetime import datetime

from pydicom.dataset import Dataset

ULTRASOUND_IMAGE = "1.2.840.10008.5.1.4.1.1.6.1"
ULTRASOUND_MULTI_FRAME_IMAGE = "1.2.840.10008.5.1.4.1.1.3.1"


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """The 5G link while the exam was made. None: not known."""

    uplink_mbps: float | None = None
    round_trip_ms: float | None = None
    rsrp_dbm: float | None = None


@dataclass(frozen=True)
class Exam:
    """One exam: `content` is what goes over the air, the others are what it says."""

    content: bytes
    dataset: Dataset
    link: LinkFigures | None

    @property
    def crc32(self) -> int:
        return zlib.crc32(self.content)


@dataclass(frozen=True, slots=True)
class Patient:
    """What a real machine knows of the person, and the gateway must drop. All invented."""

    name: str = "Wang^Xiaoming=王^小明"
    identity_number: str = "110101199003070134"
    birth_date: str = "19900307"
    sex: str = "F"


def make_exam(
    seed: int,
    made_at: datetime,
    *,
    images: int = 12,
    patient: Patient | None = None,
    link: LinkFigures | None = LinkFigures(uplink_mbps=86.4, round_trip_ms=23.5, rsrp_dbm=-91.0),
) -> Exam:
    """An abdominal exam, the same for the same seed. `made_at` must know its UTC offset.

    `images` is how many stored images it refers to, about 90 bytes of content each.
    """
    if made_at.tzinfo is None:
        raise ValueError("an exam's time must know its UTC offset")
    draw = random.Random(f"exam {seed}")  # noqa: S311 (invented identifiers, not secrets)
    dataset = _study(draw, made_at)
    _add_patient(dataset, patient or Patient())
    _add_acquisition(dataset, draw)
    dataset.ReferencedImageSequence = [_reference(draw) for _ in range(images)]
    return encode_exam(dataset, link)


def encode_exam(dataset: Dataset, link: LinkFigures | None) -> Exam:
    """The content of a data set and link figures: JSON, compressed by zlib."""
    members: dict[str, object] = {"dicom": dataset.to_json_dict()}
    if link is not None:
        members["link"] = {name: value for name, value in asdict(link).items() if value is not None}
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    return Exam(zlib.compress(text.encode(), 9), dataset, link)


def _study(draw: random.Random, made_at: datetime) -> Dataset:
    study = Dataset()
    study.SpecificCharacterSet = "ISO_IR 192"
    study.SOPClassUID = ULTRASOUND_MULTI_FRAME_IMAGE
    study.SOPInstanceUID = _uid(draw)
    study.StudyInstanceUID = _uid(draw)
    study.SeriesInstanceUID = _uid(draw)
    study.Modality = "US"
    study.StudyDate = made_at.strftime("%Y%m%d")
    study.StudyTime = made_at.strftime("%H%M%S")
    study.TimezoneOffsetFromUTC = made_at.strftime("%z")[:5]
    study.AccessionNumber = f"US{draw.randrange(10**6):06d}"
    study.StudyDescription = "腹部超声"
    study.BodyPartExamined = "ABDOMEN"
    return study


def _add_patient(study: Dataset, patient: Patient) -> None:
    study.PatientName = patient.name
    study.PatientID = patient.identity_number
    study.PatientBirthDate = patient.birth_date
    study.PatientSex = patient.sex
    study.OperatorsName = "Li^Yisheng=李^医生"


def _add_acquisition(study: Dataset, draw: random.Random) -> None:
    study.Manufacturer = "Cunmai Simulated"
    study.ManufacturerModelName = "SIM-US 5G"
    study.DeviceSerialNumber = f"SN{draw.randrange(10**6):06d}"
    study.SoftwareVersions = ["1.4.2", "probe 2.0"]
    study.TransducerType = "CURVED LINEAR"
    study.DepthOfScanField = draw.randrange(100, 201, 10)
    study.MechanicalIndex = draw.choice(("0.7", "0.9", "1.1"))
    study.BoneThermalIndex = "0.3"
    study.SoftTissueThermalIndex = draw.choice(("0.4", "0.6"))
    study.Rows = 768
    study.Columns = 1024
    study.NumberOfFrames = draw.randrange(20, 61)
    study.FrameTime = "33.3"
    study.SequenceOfUltrasoundRegions = [_region()]


def _region() -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat = 1  # 2D
    region.RegionDataType = 1  # tissue
    region.RegionFlags = 0
    region.RegionLocationMinX0 = 0
    region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1 = 1023
    region.RegionLocationMaxY1 = 767
    region.PhysicalUnitsXDirection = 3  # cm
    region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = 0.02
    region.PhysicalDeltaY = 0.02
    return region


def _reference(draw: random.Random) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = ULTRASOUND_IMAGE
    reference.ReferencedSOPInstanceUID = _uid(draw)
    return reference


def _uid(draw: random.Random) -> str:
    return f"2.25.{uuid.UUID(int=draw.getrandbits(128), version=4).int}"
