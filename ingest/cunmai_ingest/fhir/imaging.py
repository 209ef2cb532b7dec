"""Stored ultrasound exams as FHIR ImagingStudies: one for each study, with its series and instances. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fhir.resources.R4B.imagingstudy import ImagingStudy

from cunmai_ingest.fhir.observation import SYSTEM, instant, subject
from cunmai_ingest.query.base import Row

MEASUREMENT = "ultrasound_exam"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ULTRASOUND = {"system": _DICOM, "code": "US", "display": "Ultrasound"}


def studies(rows: Iterable[Row], utc_offset_minutes: int) -> list[ImagingStudy]:
    """The studies that these exams belong to, the newest first.

    An instance that was issued again counts once, as it was issued last. Two residents never share a study.
    """
    by_study: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows, key=_issued):
        by_study.setdefault((row.tags["resident"], str(row.fields["study_uid"])), []).append(row)
    made = [_study(uid, exams, utc_offset_minutes) for (_, uid), exams in by_study.items()]
    started = {id(study): _started(exams) for study, exams in zip(made, by_study.values(), strict=True)}
    return sorted(made, key=lambda study: (-started[id(study)], str(study.id)))


def _issued(row: Row) -> tuple[int, int]:
    return int(row.fields.get("arrived_ms", row.t_ms)), int(row.fields["seq"])


def _started(exams: Sequence[Row]) -> int:
    return min(int(row.fields.get("exam_t", row.t_ms)) for row in exams)


def _study(uid: str, exams: Sequence[Row], utc_offset_minutes: int) -> ImagingStudy:
    instances = {str(row.fields["sop_instance_uid"]): row for row in exams}
    newest = exams[-1]
    series = _series(list(instances.values()))
    document: dict[str, Any] = {
        "resourceType": "ImagingStudy",
        "id": uid,
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}],
        # A study without a single image here: the images stay at the machine.
        "status": "available",
        "modality": [_ULTRASOUND],
        "subject": subject(newest.tags["resident"]),
        "started": instant(_started(exams), utc_offset_minutes),
        "numberOfSeries": len(series),
        "numberOfInstances": len(instances),
        "series": series,
    }
    if "accession_number" in newest.fields:
        document["identifier"].append(
            {"system": f"{SYSTEM}:accession", "value": str(newest.fields["accession_number"]).strip() or "-"}
        )
    return ImagingStudy.model_validate(document)


def _series(rows: Sequence[Row]) -> list[dict[str, Any]]:
    by_series: dict[str, list[Row]] = {}
    for row in rows:
        by_series.setdefault(str(row.fields["series_uid"]), []).append(row)
    return [_one_series(uid, exams) for uid, exams in sorted(by_series.items())]


def _one_series(uid: str, rows: Sequence[Row]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uid": uid,
        "modality": _ULTRASOUND,
        "numberOfInstances": len(rows),
        "instance": [
            {
                "uid": str(row.fields["sop_instance_uid"]),
                "sopClass": {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{row.fields['sop_class_uid']}"},
            }
            for row in sorted(rows, key=lambda row: str(row.fields["sop_instance_uid"]))
        ],
    }
    body_part = str(rows[-1].fields.get("body_part", "")).strip()
    if body_part:
        made["bodySite"] = {"display": body_part}
    machine = " ".join(
        text for name in ("manufacturer", "model") if (text := str(rows[-1].fields.get(name, "")).strip())
    )
    if machine:
        made["performer"] = [{"actor": {"type": "Device", "display": machine}}]
    return made
