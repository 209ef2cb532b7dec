"""What goes around resources: Bundle, OperationOutcome, CapabilityStatement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

FHIR_VERSION = "4.0.1"


def searchset(base: str, resources: Sequence[Any], self_url: str, next_url: str | None) -> Bundle:
    """A page of a search. `base`: the address that the resources are under."""
    links = [{"relation": "self", "url": self_url}]
    if next_url is not None:
        links.append({"relation": "next", "url": next_url})
    entries = [
        {
            "fullUrl": f"{base}/{resource.get_resource_type()}/{resource.id}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    document: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if entries:
        document["entry"] = entries
    return Bundle.model_validate(document)


def outcome(code: str, text: str, *, expression: str | None = None, fatal: bool = False) -> OperationOutcome:
    """Why there is nothing else to be had. `code` is one of FHIR's issue types."""
    issue: dict[str, Any] = {
        "severity": "fatal" if fatal else "error",
        "code": code,
        "diagnostics": text,
    }
    if expression is not None:
        issue["expression"] = [expression]
    return OperationOutcome.model_validate({"resourceType": "OperationOutcome", "issue": [issue]})


def capabilities(base: str, version: str, date: str) -> CapabilityStatement:
    """What this server can do."""
    subject = [
        {"name": "subject", "type": "reference", "documentation": "Patient/ID; required"},
        {"name": "patient", "type": "reference", "documentation": "the same as subject"},
        {"name": "date", "type": "date", "documentation": "eq, ge, gt, le, lt, sa, eb; up to two"},
    ]
    code = {"name": "code", "type": "token", "documentation": "LOINC, commas between"}
    interactions = [{"code": "read"}, {"code": "search-type"}]
    return CapabilityStatement.model_validate(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": date,
            "kind": "instance",
            "software": {"name": "Cunmai", "version": version},
            "implementation": {"description": "Cunmai ingest, read API", "url": base},
            "fhirVersion": FHIR_VERSION,
            "format": ["application/fhir+json"],
            "rest": [
                {
                    "mode": "server",
                    "security": {"cors": False, "description": "Bearer tokens with scopes by site"},
                    "resource": [
                        {
                            "type": "Observation",
                            "interaction": interactions,
                            "searchParam": [*subject, code],
                        },
                        {"type": "ImagingStudy", "interaction": interactions, "searchParam": subject},
                    ],
                }
            ],
        }
    )
