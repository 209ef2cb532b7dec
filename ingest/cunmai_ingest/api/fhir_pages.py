"""FHIR searches: read, answered a page at a time, and wrapped with the links to the other pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fhir.resources.R4B.imagingstudy import ImagingStudy
from fhir.resources.R4B.observation import Observation

from cunmai_ingest.api.desk import Desk
from cunmai_ingest.api.tokens import Token
from cunmai_ingest.fhir.catalogue import Spec
from cunmai_ingest.fhir.imaging import MEASUREMENT, studies
from cunmai_ingest.fhir.observation import observations
from cunmai_ingest.fhir.search import BadSearch, Page, read_count, read_dates, read_page, read_subject
from cunmai_ingest.fhir.wrap import searchset
from cunmai_ingest.query.base import Place, Question, Row, place_after

MOST_EXAMS = 1000
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it was asked, every parameter read."""

    resident: str
    dates: tuple[int, int]
    count: int
    page: Page
    parameters: tuple[tuple[str, str], ...]
    """Without `_page`: what a link to another page repeats."""


def read_search(request: Request, desk: Desk) -> Asked:
    """Every parameter read. Raises BadSearch."""
    given = request.query_params.multi_items()
    several = [name for name in dict(given) if name != "date" and len(request.query_params.getlist(name)) > 1]
    if several:
        raise BadSearch(several[0], "value", f"give {several[0]} once")
    query = request.query_params
    return Asked(
        read_subject(query.get("subject"), query.get("patient")),
        read_dates(query.getlist("date"), desk.utc_offset_minutes),
        read_count(query.get("_count")),
        read_page(query.get("_page")),
        tuple((name, value) for name, value in given if name != "_page"),
    )


def observations_page(
    desk: Desk, token: Token, asked: Asked, specs: Sequence[Spec]
) -> tuple[list[Observation], Page | None]:
    """One page, and where the next begins. A page is short where many readings were corrected."""
    found: list[Observation] = []
    place, part = asked.page.place, asked.page.part
    question = Question(
        tuple(dict.fromkeys(spec.kind for spec in specs)),
        token.sites,
        *asked.dates,
        tags={"resident": asked.resident},
        limit=asked.count + 1,
    )
    for _ in range(_ROUNDS):
        rows = desk.rows(replace(question, place=place))
        for index, row in enumerate(rows):
            made = list(observations(row, specs, desk.utc_offset_minutes)) if row.current else []
            for number, observation in enumerate(made[part:], part):
                if len(found) == asked.count:
                    return found, Page(_place_of(rows, index, place), number)
                found.append(observation)
            part = 0
        if len(rows) < question.limit:
            return found, None
        place = place_after(rows, place)
    return found, Page(place)


def _place_of(rows: list[Row], index: int, start: Place | None) -> Place:
    """Where a page that begins with this very row begins."""
    if index:
        before = place_after(rows[:index], start)
        return before if before.t_ns == rows[index].t_ns else Place(rows[index].t_ns)
    skipped = start.skip if start is not None and start.t_ns == rows[0].t_ns else 0
    return Place(rows[0].t_ns, skipped)


def studies_page(desk: Desk, token: Token, asked: Asked) -> tuple[list[ImagingStudy], Page | None]:
    """Studies are made of several exams, so all exams of the time are read, within bounds, and then paged."""
    question = Question(
        (MEASUREMENT,), token.sites, *asked.dates, tags={"resident": asked.resident}, limit=MOST_EXAMS + 1
    )
    rows = desk.rows(question)
    if len(rows) > MOST_EXAMS:
        raise BadSearch("date", "too-costly", f"more than {MOST_EXAMS} exams: ask about a shorter time")
    made = studies([row for row in rows if row.current], desk.utc_offset_minutes)
    start = asked.page.place.skip if asked.page.place is not None else 0
    end = start + asked.count
    return made[start:end], Page(Place(0, end)) if end < len(made) else None


def bundle_of(base: str, kind: str, asked: Asked, found: Sequence[Any], following: Page | None) -> Any:
    """The page as a searchset, with the link to itself and to the next."""

    def link(page: Page | None) -> str:
        parameters = [*asked.parameters]
        if page is not None:
            parameters.append(("_page", page.text()))
        return f"{base}/{kind}?{urlencode(parameters, errors='replace')}"

    here = asked.page if asked.page.place is not None else None
    return searchset(base, found, link(here), None if following is None else link(following))
