"""One stored reading as FHIR Observations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from fhir.resources.R4B.observation import Observation

from cunmai_ingest.fhir.catalogue import LOINC, UCUM, Quantity, Spec
from cunmai_ingest.query.base import Row

SYSTEM = "urn:x-cunmai"
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID = re.compile(r"([0-9a-z]{1,25})\.([0-9a-z]{1,11})\.([0-9a-z]{1,9})\.([0-9]{1,7}-[0-9])")


@dataclass(frozen=True, slots=True)
class ObservationId:
    """A resource id: which reading, when it was measured (so that it is found at once), and which of its values."""

    stream: str
    seq: int
    t_ms: int
    loinc: str

    def text(self) -> str:
        """At most 58 characters of those that FHIR allows."""
        number = int(self.stream.replace("-", ""), 16)
        return f"{_base36(number)}.{_base36(self.seq)}.{_base36(self.t_ms)}.{self.loinc}"


def read_id(text: str) -> ObservationId | None:
    """The inverse; None where no resource can have such an id."""
    found = _ID.fullmatch(text)
    if found is None:
        return None
    number, seq, t_ms = (int(part, 36) for part in found.groups()[:3])
    if number >= 1 << 128 or seq >= 1 << 53 or t_ms > 253_402_300_799_999:
        return None
    digits = f"{number:032x}"
    stream = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return ObservationId(stream, seq, t_ms, found[4])


def observations(row: Row, specs: Sequence[Spec], utc_offset_minutes: int) -> Iterator[Observation]:
    """The Observations of one reading of a resident, one for each of `specs` that it has a value for."""
    for spec in specs:
        present = [quantity for quantity in spec.quantities if quantity.field in row.fields]
        if spec.kind == row.measurement and present:
            yield Observation.model_validate(_document(row, spec, present, utc_offset_minutes))


def _document(row: Row, spec: Spec, present: Sequence[Quantity], utc_offset_minutes: int) -> dict[str, Any]:
    stream, seq = row.tags["stream"], int(row.fields["seq"])
    document: dict[str, Any] = {
        "resourceType": "Observation",
        "id": ObservationId(stream, seq, row.t_ms, spec.loinc).text(),
        "identifier": [{"system": f"{SYSTEM}:reading", "value": f"{stream}/{seq}"}],
        "status": _status(row),
        "category": [{"coding": [{"system": _CATEGORY, "code": spec.category}]}],
        "code": _concept(spec.loinc, spec.display, spec.display_zh),
        "subject": subject(row.tags["resident"]),
        "effectiveDateTime": instant(row.t_ms, utc_offset_minutes),
        "issued": instant(int(row.fields.get("arrived_ms", row.t_ms)), utc_offset_minutes),
        "device": {"identifier": {"system": f"{SYSTEM}:device", "value": row.tags["device"]}},
        "performer": [{"identifier": {"system": f"{SYSTEM}:gateway", "value": row.tags["gateway"]}}],
    }
    notes = _notes(row)
    if notes:
        document["note"] = [{"text": text} for text in notes]
    if spec.panel:
        document["component"] = [
            {
                "code": _concept(quantity.code.loinc or "", quantity.code.display, quantity.code.display_zh),
                "valueQuantity": _value(row, quantity),
            }
            for quantity in present
        ]
    else:
        document["valueQuantity"] = _value(row, present[0])
    return document


def _status(row: Row) -> str:
    """What a correction stands in for was an error; a correction says so itself."""
    if row.fields.get("superseded"):
        return "entered-in-error"
    if "corrects" in row.fields:
        return "corrected"
    return "preliminary" if "early_estimate" in _flags(row) else "final"


def _flags(row: Row) -> list[str]:
    return [flag for flag in str(row.fields.get("quality", "")).split(",") if flag]


def _notes(row: Row) -> list[str]:
    """What a reader must know before trusting the value."""
    notes = [f"quality: {flag}" for flag in _flags(row)]
    if row.fields.get("clock") not in (None, "trusted"):
        notes.append(f"clock: {row.fields['clock']}")
    if "time_flag" in row.fields:
        notes.append(f"time: {row.fields['time_flag']}")
    return notes


def _concept(loinc: str, display: str, display_zh: str) -> dict[str, Any]:
    return {
        "coding": [{"system": LOINC, "code": loinc, "display": display}],
        "text": f"{display_zh} {display}",
    }


def _value(row: Row, quantity: Quantity) -> dict[str, Any]:
    value = Decimal(repr(float(row.fields[quantity.field]))) * quantity.scale
    return {"value": value, "unit": quantity.unit, "system": UCUM, "code": quantity.unit}


def subject(resident: str) -> dict[str, Any]:
    """A resident's reference: literal where the id is one that FHIR allows, by identifier always."""
    reference: dict[str, Any] = {
        "type": "Patient",
        "identifier": {"system": f"{SYSTEM}:resident", "value": resident},
    }
    if _FHIR_ID.fullmatch(resident):
        reference["reference"] = f"Patient/{resident}"
    return reference


def instant(t_ms: int, utc_offset_minutes: int) -> str:
    """`2023-11-15T06:13:20.000+08:00`, in the clinic's time."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(t_ms, 253_402_200_000_000))
    local = moment.astimezone(timezone(timedelta(minutes=utc_offset_minutes)))
    return local.isoformat(timespec="milliseconds")


def _base36(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text
