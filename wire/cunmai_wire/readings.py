"""Readings: one measurement by one device at one moment, one model per kind.

Every number carries its unit in its name. `codes.py` maps each to LOINC, MDC and UCUM.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from cunmai_wire.base import ClockTrust, DeviceId, Message, Millis, ResidentId, Seq, StreamId
from cunmai_wire.quality import Flags

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=64)]
DicomUid = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]


class Corrects(Message):
    """Which earlier reading this one stands in for, and to whom that one was counted."""

    stream: StreamId
    seq: Seq
    resident: ResidentId | None = None
    """None: it counted for nobody. Otherwise it counted for the wrong resident, and is retracted there."""


class ReadingBase(Message):
    """What every reading carries, whatever its kind."""

    seq: Seq
    t: Millis
    """When it was measured, by the gateway's clock."""
    clock: ClockTrust
    """How far that clock could be believed at `t`."""
    device: DeviceId
    resident: ResidentId | None = None
    """None while nobody is checked in: unattributed, to be attributed later by a correction."""
    quality: Flags = ()
    corrects: Corrects | None = None
    """Set on a correction: the same measurement (`t`, `device`, kind and values), counted for `resident`."""


class OximetryMode(StrEnum):
    """SPOT: one considered value (PLX 2A5E). CONTINUOUS: one of a running series (PLX 2A5F)."""

    SPOT = "spot"
    CONTINUOUS = "continuous"


class Oximetry(ReadingBase):
    """Oxygen saturation by pulse oximetry. A frame without an SpO2 value is not a reading."""

    kind: Literal["oximetry"]
    mode: OximetryMode
    spo2_pct: float = Field(ge=0, le=100)
    pulse_bpm: float | None = Field(default=None, ge=0, le=400)
    perfusion_index_pct: float | None = Field(default=None, ge=0, le=100)


class BloodPressure(ReadingBase):
    """Non-invasive blood pressure."""

    kind: Literal["blood_pressure"]
    systolic_mmhg: float = Field(ge=0, le=400)
    diastolic_mmhg: float = Field(ge=0, le=400)
    mean_arterial_mmhg: float | None = Field(default=None, ge=0, le=400)
    pulse_bpm: float | None = Field(default=None, ge=0, le=400)


class Temperature(ReadingBase):
    """Body temperature; `site` is the thermometer's word for where (ear, armpit, forehead …)."""

    kind: Literal["temperature"]
    temperature_c: float = Field(ge=0, le=60)
    site: ShortText | None = None


class HeartRate(ReadingBase):
    """Heart rate by a heart-rate sensor (not the pulse of an oximeter or a cuff)."""

    kind: Literal["heart_rate"]
    heart_rate_bpm: float = Field(ge=0, le=400)


class Respiration(ReadingBase):
    """Breaths counted over a minute, by a person or by a sensor."""

    kind: Literal["respiration"]
    respiratory_rate_per_min: float = Field(ge=0, le=200)


class Consciousness(StrEnum):
    """The ACVPU scale of NEWS2: alert, new confusion, responds to voice, to pain, unresponsive."""

    ALERT = "A"
    CONFUSED = "C"
    VOICE = "V"
    PAIN = "P"
    UNRESPONSIVE = "U"


class Assessment(ReadingBase):
    """What a person saw of a resident and entered. What was not looked at is absent, never "normal"."""

    kind: Literal["assessment"]
    consciousness: Consciousness | None = None
    on_oxygen: bool | None = None
    oxygen_flow_l_min: float | None = Field(default=None, ge=0, le=100)
    febrile_or_crying: bool | None = None
    """Of a child: breaths counted meanwhile say nothing."""


class FollowUpMethod(StrEnum):
    """How a resident was followed up."""

    HOME = "home"
    CLINIC = "clinic"
    PHONE = "phone"
    VIDEO = "video"


class FollowUp(ReadingBase):
    """Somebody of the team has seen or spoken to the resident."""

    kind: Literal["follow_up"]
    method: FollowUpMethod


class Glucose(ReadingBase):
    """Blood glucose, with what is known of the sample and of the meal."""

    kind: Literal["glucose"]
    glucose_mmol_l: float = Field(ge=0, le=100)
    sample: ShortText | None = None
    meal: ShortText | None = None


class Weight(ReadingBase):
    """Body weight, with height and body-mass index where the scale knows them."""

    kind: Literal["weight"]
    weight_kg: float = Field(ge=0, le=700)
    height_m: float | None = Field(default=None, ge=0, le=3)
    bmi_kg_m2: float | None = Field(default=None, ge=0, le=300)


class UltrasoundExam(ReadingBase):
    """Metadata of one ultrasound exam (DICOM US). Images stay at the machine; no patient name, ever."""

    kind: Literal["ultrasound_exam"]
    study_uid: DicomUid
    series_uid: DicomUid
    sop_instance_uid: DicomUid
    sop_class_uid: DicomUid
    content_crc32: int = Field(ge=0, le=0xFFFF_FFFF)
    """CRC-32 of the exam's metadata as transferred: with the SOP instance it tells a re-issue from a copy."""
    exam_t: Millis | None = None
    accession_number: ShortText | None = None
    body_part: ShortText | None = None
    manufacturer: ShortText | None = None
    model: ShortText | None = None
    device_serial: ShortText | None = None
    software: ShortText | None = None
    transducer_type: ShortText | None = None
    depth_mm: float | None = Field(default=None, ge=0, le=1000)
    mechanical_index: float | None = Field(default=None, ge=0, le=10)
    thermal_index: float | None = Field(default=None, ge=0, le=50)
    rows: int | None = Field(default=None, ge=0, le=100_000)
    columns: int | None = Field(default=None, ge=0, le=100_000)
    frames: int | None = Field(default=None, ge=0, le=1_000_000)
    frame_time_ms: float | None = Field(default=None, ge=0, le=100_000)
    uplink_mbps: float | None = Field(default=None, ge=0, le=100_000)
    """The 5G link during the exam: throughput, round trip and reference signal power."""
    round_trip_ms: float | None = Field(default=None, ge=0, le=600_000)
    rsrp_dbm: float | None = Field(default=None, ge=-200, le=0)


class ReportStatus(StrEnum):
    """How far the report of an exam has come."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CANCELLED = "cancelled"


class UltrasoundReport(ReadingBase):
    """An exam has been read. Only that, and for which study: the report itself stays where it was written."""

    kind: Literal["ultrasound_report"]
    study_uid: DicomUid
    status: ReportStatus


class SiteStatus(ReadingBase):
    """How the clinic itself is doing: entered by its staff, or read from its systems."""

    kind: Literal["site_status"]
    waiting_count: int | None = Field(default=None, ge=0, le=100_000)
    free_beds_count: int | None = Field(default=None, ge=0, le=100_000)
    stock_days: dict[ShortText, Annotated[float, Field(ge=0, le=10_000)]] = Field(
        default_factory=dict, max_length=200
    )
    """Days of use left, per medicine."""


class DeviceCondition(StrEnum):
    """What the gateway says of a device."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    SILENT = "silent"
    """Nothing heard for longer than its expected interval."""
    FAULT = "fault"


class DeviceStatus(ReadingBase):
    """How a device of the clinic is doing. Not a measurement of anyone."""

    kind: Literal["device_status"]
    condition: DeviceCondition
    reason: ShortText | None = None
    battery_pct: float | None = Field(default=None, ge=0, le=100)
    rssi_dbm: float | None = Field(default=None, ge=-200, le=50)
    manufacturer: ShortText | None = None
    model: ShortText | None = None
    firmware: ShortText | None = None
    clock_offset_s: float | None = None
    """How far the device's own clock was ahead of the gateway's when it connected."""
    silent_s: float | None = Field(default=None, ge=0)
    not_clinical_count: int | None = Field(default=None, ge=0)
    """Frames since the last status that were demo, test, unavailable or without a value."""
    malformed_count: int | None = Field(default=None, ge=0)
    """Frames since the last status that no decoder could read."""


Reading = (
    Oximetry
    | BloodPressure
    | Temperature
    | HeartRate
    | Respiration
    | Assessment
    | FollowUp
    | Glucose
    | Weight
    | UltrasoundExam
    | UltrasoundReport
    | SiteStatus
    | DeviceStatus
)

KINDS: dict[str, type[ReadingBase]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(Reading)
}
"""Every kind of version 1, by the name it bears on the wire."""

COMMON_FIELDS = frozenset(ReadingBase.model_fields) | {"kind"}


def values_of(reading: ReadingBase) -> dict[str, object]:
    """The kind's own values that are present, by field name, in the order of the contract."""
    return {
        name: value
        for name in type(reading).model_fields
        if name not in COMMON_FIELDS and (value := getattr(reading, name)) is not None
    }
