"""The JSON endpoints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from cunmai_ingest.api.answers import (
    DeviceOut,
    DevicesOut,
    GapOut,
    GatewayOut,
    GatewaysOut,
    HealthOut,
    HistoryOut,
    LatestOut,
    LedgerDayOut,
    LedgerOut,
    ReadingOut,
)
from cunmai_ingest.api.desk import Desk
from cunmai_ingest.api.problems import Problem, bad_request
from cunmai_ingest.api.tokens import Right, Token
from cunmai_ingest.fhir.search import BadSearch, read_page
from cunmai_ingest.ledger.days import day_from_text, day_of, day_text, offset_text
from cunmai_ingest.points import READING_MEASUREMENTS
from cunmai_ingest.query.base import Question, Row, place_after
from cunmai_wire.base import MAX_MILLIS, refuse_personal_number

BEARER = HTTPBearer(auto_error=False, description="`cunmai ingest token new`")
Presented = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]

MOST_READINGS = 500
MOST_DAYS = 400
_OLDER_ROUNDS = 5
_ABOUT = frozenset(
    {"seq", "clock", "quality", "arrived_ms", "superseded", "superseded_by", "corrects", "time_flag",
     "clock_offset_ms"}
)  # fmt: skip


def _opaque(value: str) -> str:
    """Without its value in the answer: it may be somebody's number."""
    try:
        return refuse_personal_number(value)
    except ValueError as error:
        raise PydanticCustomError("personal_number", str(error)) from None


Resident = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,63}$", description="opaque id"), AfterValidator(_opaque)
]
Kind = Literal[
    "oximetry", "blood_pressure", "temperature", "heart_rate", "respiration", "assessment", "follow_up",
    "glucose", "weight", "ultrasound_exam", "ultrasound_report",
]  # fmt: skip
_PERSONAL = tuple(kind for kind in READING_MEASUREMENTS if kind not in ("site_status", "device_status"))
Gateway = Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$", description="one gateway only")]
Millis = Annotated[int, Query(ge=0, le=MAX_MILLIS)]
Day = Annotated[
    str | None,
    Query(pattern=r"^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$|^2[0-9]{3}-(0[13-9]|1[0-2])-(29|30)$|^2[0-9]{3}-(0[13578]|1[02])-31$|^2[0-9]{3}-02-29$",
          description="the clinic's day, YYYY-MM-DD"),
]  # fmt: skip

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        401: "no live token",
        403: "the token lacks the right",
        422: "the request is not understood",
        503: "the store cannot be read now; see Retry-After",
    }.items()
}


def bearer(presented: HTTPAuthorizationCredentials | None) -> str | None:
    """The token that came with a request, where one did."""
    return None if presented is None else presented.credentials


def only_known_parameters(request: Request) -> None:
    """Refuse a parameter that would be ignored: a misspelt `to_ms` must not widen a search."""
    route: APIRoute = request.scope["route"]
    known = {field.alias for field in route.dependant.query_params}
    known |= {parameter["name"] for parameter in (route.openapi_extra or {}).get("parameters", ())}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise bad_request(f"there is no parameter {unknown[0][:64]!r} here")


def router(desk: Desk) -> APIRouter:
    """Every JSON endpoint, over one desk."""
    routes = APIRouter(responses=PROBLEMS, dependencies=[Depends(only_known_parameters)])

    @routes.get("/api/v1/residents/{resident}/latest", tags=["residents"])
    def latest(resident: Resident, presented: Presented) -> LatestOut:
        """The newest current reading of each kind."""
        token = desk.admit(bearer(presented), Right.RESIDENTS)
        desk.look(token, [resident], "latest")
        newest = [found for kind in _PERSONAL if (found := _newest(desk, token, resident, kind))]
        return LatestOut(resident=resident, readings=[_reading(row) for row in newest])

    @routes.get("/api/v1/residents/{resident}/readings", tags=["residents"])
    def history(
        resident: Resident,
        presented: Presented,
        kind: Annotated[Kind | None, Query(description="one kind only")] = None,
        from_ms: Millis = 0,
        to_ms: Millis = MAX_MILLIS,
        limit: Annotated[int, Query(ge=1, le=MOST_READINGS)] = 100,
        page: Annotated[str | None, Query(max_length=40, description="next_page of the page before")] = None,
    ) -> HistoryOut:
        """A resident's readings, `from_ms <= t < to_ms`, newest first. A correction replaces what it corrects."""
        token = desk.admit(bearer(presented), Right.RESIDENTS)
        start = _page(page)
        desk.look(token, [resident], "readings")
        question = Question(
            measurements=(kind,) if kind else _PERSONAL,
            sites=token.sites,
            from_ms=from_ms,
            to_ms=to_ms,
            tags={"resident": resident},
            place=start,
            limit=limit + 1,
        )
        rows = desk.rows(question)
        shown = rows[:limit]
        following = place_after(shown, start) if len(rows) > limit else None
        return HistoryOut(
            resident=resident,
            readings=[_reading(row) for row in shown if row.current],
            next_page=None if following is None else f"{following.t_ns}-{following.skip}-0",
        )

    @routes.get("/api/v1/gateways", tags=["ledger"])
    def gateways(presented: Presented) -> GatewaysOut:
        """Gateways, and when each was last heard of."""
        token = desk.admit(bearer(presented), Right.LEDGER)
        rows = desk.ledger.gateways(token.sites.allow)
        return GatewaysOut(gateways=[GatewayOut(**asdict(row)) for row in rows])

    @routes.get("/api/v1/devices", tags=["ledger"])
    def devices(presented: Presented, gateway: Gateway = None) -> DevicesOut:
        """Devices, and when the newest reading of each was measured and arrived."""
        token = desk.admit(bearer(presented), Right.LEDGER)
        rows = desk.ledger.devices(token.sites.allow, gateway)
        return DevicesOut(devices=[DeviceOut(**asdict(row)) for row in rows])

    @routes.get("/api/v1/ledger", tags=["ledger"])
    def ledger(
        presented: Presented,
        gateway: Gateway = None,
        day: Day = None,
        days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="how many days, up to `day`")] = 14,
    ) -> LedgerOut:
        """Measured = stored + quarantined + lost + missing, by gateway and day, and the gaps that are open."""
        token = desk.admit(bearer(presented), Right.LEDGER)
        last = _day(day) if day is not None else _today(desk)
        rows = desk.ledger.days(last - days + 1, last, token.sites.allow, gateway)
        gaps = desk.ledger.gaps(token.sites.allow, gateway)
        return LedgerOut(
            utc_offset=offset_text(desk.utc_offset_minutes),
            days=[
                LedgerDayOut(
                    gateway=row.gateway,
                    day=day_text(row.day),
                    reckoned_ms=row.reckoned_ms,
                    **asdict(row.figures),
                )
                for row in rows
            ],
            gaps=[GapOut(**asdict(gap)) for gap in gaps],
        )

    @routes.get("/health", tags=["health"])
    def health() -> HealthOut:
        """Whether the book can be read. Needs no token and names nobody."""
        newest = desk.ledger.newest_day()
        return HealthOut(newest_day=None if newest is None else day_text(newest))

    return routes


def _today(desk: Desk) -> int:
    return day_of(desk.clock(), desk.utc_offset_minutes)


def _day(text: str) -> int:
    try:
        return day_from_text(text)
    except ValueError:
        raise bad_request(f"day: there is no {text}") from None


def _page(text: str | None) -> Any:
    try:
        return read_page(text).place
    except BadSearch as error:
        raise bad_request(f"page: {error.text}") from None


def _newest(desk: Desk, token: Token, resident: str, kind: str) -> Row | None:
    """The newest current reading of a kind; what was corrected is passed over, within bounds."""
    place = None
    for _ in range(_OLDER_ROUNDS):
        question = Question((kind,), token.sites, tags={"resident": resident}, place=place, limit=50)
        rows = desk.rows(question)
        current = next((row for row in rows if row.current), None)
        if current is not None or len(rows) < question.limit:
            return current
        place = place_after(rows, place)
    return None


def _reading(row: Row) -> ReadingOut:
    fields = row.fields
    arrived, clock = fields.get("arrived_ms"), fields.get("clock")
    return ReadingOut(
        stream=row.tags["stream"],
        seq=int(fields["seq"]),
        kind=row.measurement,
        t_ms=row.t_ms,
        arrived_ms=None if arrived is None else int(arrived),
        gateway=row.tags["gateway"],
        device=row.tags["device"],
        clock=None if clock is None else str(clock),
        quality=[flag for flag in str(fields.get("quality", "")).split(",") if flag],
        values={name: value for name, value in fields.items() if name not in _ABOUT},
    )
