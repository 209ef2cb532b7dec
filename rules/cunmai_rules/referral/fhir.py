"""A referral as FHIR R4: a ServiceRequest that says what is asked for, and a Task that says how far it is. Pure.

Sources: hl7.org/fhir/R4/servicerequest.html, hl7.org/fhir/R4/task.html (the pattern of "request and response").
People are opaque ids, as everywhere outside the registry.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cunmai_rules.referral.states import Referral, ReferralState

RESIDENTS = "urn:x-cunmai:resident"
STAFF = "urn:x-cunmai:staff"

_REQUEST = {
    ReferralState.REQUESTED: "active",
    ReferralState.ACCEPTED: "active",
    ReferralState.DECLINED: "revoked",
    ReferralState.RETURNED: "completed",
}
_TASK = {
    ReferralState.REQUESTED: "requested",
    ReferralState.ACCEPTED: "accepted",
    ReferralState.DECLINED: "rejected",
    ReferralState.RETURNED: "completed",
}
_REFERRAL = {"system": "http://snomed.info/sct", "code": "3457005", "display": "Patient referral"}
_FULFIL = {"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}


def bundle(referrals: Iterable[Referral]) -> dict[str, Any]:
    """A collection of both resources of each referral."""
    resources = [resource for one in referrals for resource in (service_request(one), task(one))]
    entries = [
        {"fullUrl": f"urn:x-cunmai:{one['resourceType']}:{one['id']}", "resource": one} for one in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def service_request(referral: Referral) -> dict[str, Any]:
    """What is asked for."""
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "id": referral.id,
        "identifier": [{"system": "urn:x-cunmai:referral", "value": referral.id}],
        "status": _REQUEST[referral.state],
        "intent": "order",
        "priority": "urgent",
        "code": {"coding": [_REFERRAL]},
        "subject": _subject(referral),
        "authoredOn": _time(referral.requested_ms),
        "requester": _staff(referral.sender),
        "performer": [_staff(referral.receiver)],
        "reasonReference": [{"display": f"escalation {referral.escalation}"}],
    }
    return resource | ({"note": [{"text": referral.note}]} if referral.note else {})


def task(referral: Referral) -> dict[str, Any]:
    """How far it is."""
    resource: dict[str, Any] = {
        "resourceType": "Task",
        "id": f"{referral.id}-task",
        "status": _TASK[referral.state],
        "intent": "order",
        "code": {"coding": [_FULFIL]},
        "focus": {"reference": f"ServiceRequest/{referral.id}"},
        "for": _subject(referral),
        "authoredOn": _time(referral.requested_ms),
        "lastModified": _time(referral.decided_ms or referral.requested_ms),
        "requester": _staff(referral.sender),
        "owner": _staff(referral.receiver),
    }
    if referral.state is ReferralState.DECLINED:
        resource["statusReason"] = {"text": referral.answer_note}
    elif referral.answer_note:
        resource["note"] = [{"text": referral.answer_note}]
    return resource


def _subject(referral: Referral) -> dict[str, Any]:
    if referral.resident is None:
        return {"display": "nobody checked in"}
    return {"identifier": {"system": RESIDENTS, "value": referral.resident}}


def _staff(contact: str) -> dict[str, Any]:
    return {"identifier": {"system": STAFF, "value": contact}}


def _time(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
