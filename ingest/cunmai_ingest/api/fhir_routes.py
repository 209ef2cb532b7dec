"""The FHIR endpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from cunmai_ingest.api.desk import Desk
from cunmai_ingest.api.fhir_pages import MOST_EXAMS, bundle_of, observations_page, read_search, studies_page
from cunmai_ingest.api.problems import not_found
from cunmai_ingest.api.routes import Presented, bearer, only_known_parameters
from cunmai_ingest.api.tokens import Right
from cunmai_ingest.fhir.catalogue import specs_for
from cunmai_ingest.fhir.imaging import MEASUREMENT, studies
from cunmai_ingest.fhir.observation import observations, read_id
from cunmai_ingest.fhir.search import (
    MOST_COUNT,
    BadSearch,
    read_codes,
)
from cunmai_ingest.fhir.wrap import capabilities
from cunmai_ingest.query.base import Question

MEDIA_TYPE = "application/fhir+json"
_FORMATS = ("json", "application/json", MEDIA_TYPE)

_OUTCOME: dict[str, Any] = {"content": {MEDIA_TYPE: {"schema": {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1}},
}}}}  # fmt: skip


def _resource(name: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": name}},
    }
    return {"description": name, "content": {MEDIA_TYPE: {"schema": schema}}}


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, **_OUTCOME}
    for status, text in {
        400: "the search is not understood",
        401: "no live token",
        403: "the token lacks the right",
        404: "there is none in scope",
        422: "the request is not understood",
        503: "the store cannot be read now; see Retry-After",
    }.items()
}

_PARAMETERS = {
    "subject": "the resident: Patient/ID or ID; required",
    "patient": "the same as subject",
    "code": "LOINC codes, commas between, with or without http://loinc.org|",
    "date": "eq, ge, gt, le, lt, sa or eb, then a date or time; may be given twice",
    "_count": f"resources on a page, at most {MOST_COUNT}",
    "_page": "as the next link gives it",
}
_FORMAT = {
    "name": "_format",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["json", "application/json", MEDIA_TYPE]},
}


_READ: dict[str, Any] = {"parameters": [_FORMAT]}


def _parameters(*more: str) -> dict[str, Any]:
    """How the parameters of a search are described. They are read by `fhir.search`, which says what is wrong."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": text,
                "schema": {"type": "array", "items": {"type": "string"}}
                if name == "date"
                else {"type": "string"},
            }
            for name, text in _PARAMETERS.items()
            if name != "code" or name in more
        ]
        + [_FORMAT]
    }


def _right_format(request: Request) -> None:
    for text in request.query_params.getlist("_format"):
        if text not in _FORMATS:
            raise BadSearch("_format", "not-supported", f"the format is {MEDIA_TYPE}")


class FhirResponse(Response):
    """A resource, as its model writes it."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return content.model_dump_json().encode() if content is not None else b""


def router(desk: Desk) -> APIRouter:
    """Every FHIR endpoint, over one desk."""
    routes = APIRouter(
        prefix="/fhir",
        tags=["fhir"],
        default_response_class=FhirResponse,
        dependencies=[Depends(only_known_parameters), Depends(_right_format)],
    )
    base = f"{desk.settings.api.public_url}/fhir"

    @routes.get(
        "/metadata", responses={**_PROBLEMS, 200: _resource("CapabilityStatement")}, openapi_extra=_READ
    )
    def metadata() -> FhirResponse:
        """What this server can do. Needs no token."""
        date = datetime.fromtimestamp(desk.clock() // 1000, UTC).isoformat()
        return FhirResponse(capabilities(base, version("cunmai"), date))

    bundle = {**_PROBLEMS, 200: _resource("Bundle")}

    @routes.get("/Observation", responses=bundle, openapi_extra=_parameters("code"))
    def search_observations(request: Request, presented: Presented) -> FhirResponse:
        """A resident's observations, newest first. What a correction stands in for is left out."""
        token = desk.admit(bearer(presented), Right.RESIDENTS)
        asked = read_search(request, desk)
        specs = specs_for(read_codes(request.query_params.get("code")))
        desk.look(token, [asked.resident], "fhir Observation")
        found, following = observations_page(desk, token, asked, specs) if specs else ([], None)
        return FhirResponse(bundle_of(base, "Observation", asked, found, following))

    @routes.get(
        "/Observation/{id}", responses={**_PROBLEMS, 200: _resource("Observation")}, openapi_extra=_READ
    )
    def read_observation(
        presented: Presented,
        id: Annotated[str, Path(max_length=64)],  # noqa: A002 - FHIR's word
    ) -> FhirResponse:
        """One observation. One that was corrected since says so: entered-in-error."""
        token = desk.admit(bearer(presented), Right.RESIDENTS)
        wanted = read_id(id)
        if wanted is None:
            raise not_found()
        specs = specs_for([wanted.loinc])
        if not specs:
            raise not_found()
        question = Question(
            tuple(dict.fromkeys(spec.kind for spec in specs)),
            token.sites,
            wanted.t_ms,
            wanted.t_ms + 1,
            tags={"stream": wanted.stream},
            fields={"seq": wanted.seq},
            limit=1,
        )
        rows = desk.rows(question)
        row = desk.look_at_owner(token, rows[0] if rows else None, "fhir Observation")
        found = list(observations(row, specs, desk.utc_offset_minutes))
        if not found:
            raise not_found()
        return FhirResponse(found[0])

    _add_studies(routes, desk, base)
    return routes


def _add_studies(routes: APIRouter, desk: Desk, base: str) -> None:
    @routes.get(
        "/ImagingStudy", responses={**_PROBLEMS, 200: _resource("Bundle")}, openapi_extra=_parameters()
    )
    def search_studies(request: Request, presented: Presented) -> FhirResponse:
        """A resident's ultrasound studies, newest first. `date`: when the exam was recorded."""
        token = desk.admit(bearer(presented), Right.RESIDENTS)
        asked = read_search(request, desk)
        desk.look(token, [asked.resident], "fhir ImagingStudy")
        found, following = studies_page(desk, token, asked)
        return FhirResponse(bundle_of(base, "ImagingStudy", asked, found, following))

    @routes.get(
        "/ImagingStudy/{id}", responses={**_PROBLEMS, 200: _resource("ImagingStudy")}, openapi_extra=_READ
    )
    def read_study(
        presented: Presented,
        id: Annotated[str, Path(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)],  # noqa: A002
    ) -> FhirResponse:
        """One study, by its DICOM UID."""
        token = desk.admit(bearer(presented), Right.RESIDENTS)
        rows = desk.rows(Question((MEASUREMENT,), token.sites, fields={"study_uid": id}, limit=MOST_EXAMS))
        current = [row for row in rows if row.current and "resident" in row.tags]
        owner = desk.look_at_owner(token, current[0] if current else None, "fhir ImagingStudy")
        own = [row for row in current if row.tags["resident"] == owner.tags["resident"]]
        return FhirResponse(studies(own, desk.utc_offset_minutes)[0])
