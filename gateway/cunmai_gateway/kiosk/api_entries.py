"""The API for what people enter by hand: the clinic's status, what was seen of a resident, reports of exams."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from cunmai_gateway.kiosk.entering import EntryFault, assessment, follow_up, respiration
from cunmai_gateway.kiosk.faults import Fault, body_of
from cunmai_gateway.kiosk.kiosk import Kiosk
from cunmai_gateway.kiosk.requests import (
    Assessed,
    Dismiss,
    ExamReport,
    FollowedUp,
    Observed,
    Respiration,
    SiteReport,
)
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.readings import NotInContract

_STATUS = {
    EntryFault.CHECK_IN_FIRST: 409,
    EntryFault.SOMEBODY_ELSE: 409,
    EntryFault.NO_SUCH_EXAM: 404,
}


class EntriesApi:
    """Every change needs what the guard asks of a change."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk

    def add_to(self, app: FastAPI) -> None:
        """Register the paths."""
        app.add_api_route("/api/exams", self.exams, methods=["GET"])
        for path, handler in (
            ("/api/site-status", self.site_status),
            ("/api/respiration", self.respiration),
            ("/api/assessment", self.assessment),
            ("/api/follow-up", self.follow_up),
            ("/api/ultrasound-report", self.ultrasound_report),
            ("/api/dismiss", self.dismiss),
        ):
            app.add_api_route(path, handler, methods=["POST"])

    async def site_status(self, request: Request) -> Response:
        asked = await body_of(request, SiteReport)
        values: dict[str, Any] = asked.model_dump(exclude={"key"}, exclude_none=True)
        if not values["stock_days"]:
            del values["stock_days"]
        if not values:
            raise Fault("nothing_entered", 422)
        if not set(asked.stock_days) <= set(self._kiosk.settings.medicines):
            raise Fault("bad_number", 422)
        try:
            new = await self._kiosk.entries.site(values, asked.key)
        except NotInContract:
            raise Fault("bad_number", 422) from None
        return JSONResponse({"new": new})

    async def respiration(self, request: Request) -> Response:
        asked = await body_of(request, Respiration)
        return await self._observed(asked, respiration(asked.respiratory_rate_per_min))

    async def assessment(self, request: Request) -> Response:
        asked = await body_of(request, Assessed)
        seen = assessment(
            asked.consciousness, asked.on_oxygen, asked.oxygen_flow_l_min, asked.febrile_or_crying
        )
        return await self._observed(asked, seen)

    async def follow_up(self, request: Request) -> Response:
        asked = await body_of(request, FollowedUp)
        return await self._observed(asked, follow_up(asked.method))

    async def _observed(self, asked: Observed, measurement: Measurement | EntryFault) -> Response:
        if isinstance(measurement, EntryFault):
            raise _fault(measurement)
        return _answer(await self._kiosk.entries.observe(measurement, key=asked.key, began_ms=asked.began_ms))

    async def exams(self) -> Response:
        return JSONResponse({"exams": [exam.as_json() for exam in await self._kiosk.entries.exams()]})

    async def ultrasound_report(self, request: Request) -> Response:
        asked = await body_of(request, ExamReport)
        return _answer(await self._kiosk.entries.report(asked.study_uid, asked.status, key=asked.key))

    async def dismiss(self, request: Request) -> Response:
        asked = await body_of(request, Dismiss)
        return JSONResponse({"dismissed": self._kiosk.dismiss(asked.id)})


def _answer(outcome: bool | EntryFault) -> Response:
    if isinstance(outcome, EntryFault):
        raise _fault(outcome)
    return JSONResponse({"new": outcome})


def _fault(fault: EntryFault) -> Fault:
    return Fault(fault.value, _STATUS.get(fault, 422))
