"""The clinic's recent ultrasound exams, for whoever says that one has been read. Pure; never a name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from cunmai_gateway.kiosk.store import Kept

MOST_LISTED = 30


@dataclass(frozen=True, slots=True)
class Exam:
    """One study: when its first image came, from which device, for whom it counts, and its last report."""

    study_uid: str
    t_ms: int
    device: str
    resident: str | None
    images: int
    body_part: str | None
    report: str | None
    """The status that was entered last; None: none yet."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def exams(kept: Iterable[Kept]) -> list[Exam]:
    """From measurements in the order of their times; the newest exam first."""
    images: dict[str, list[tuple[Kept, dict[str, Any]]]] = {}
    reports: dict[str, str] = {}
    for one in kept:
        if one.kind not in ("ultrasound_exam", "ultrasound_report"):
            continue
        fields = json.loads(one.body)
        if one.kind == "ultrasound_exam":
            images.setdefault(fields["study_uid"], []).append((one, fields))
        else:
            reports[fields["study_uid"]] = fields["status"]
    found = [_exam(study, group, reports.get(study)) for study, group in images.items()]
    return sorted(found, key=lambda exam: exam.t_ms, reverse=True)[:MOST_LISTED]


def _exam(study_uid: str, group: list[tuple[Kept, dict[str, Any]]], report: str | None) -> Exam:
    first, last = group[0], group[-1]
    taken_ms = first[1].get("exam_t") or first[0].t_ms
    sop_instances = {fields["sop_instance_uid"] for _, fields in group}
    # The newest image says for whom: a correction of part of a study is on its way through all of it.
    return Exam(
        study_uid, taken_ms, last[0].device, last[0].resident, len(sop_instances),
        last[1].get("body_part"), report,
    )  # fmt: skip
