"""What the registry's API answers where it does not do what was asked."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from cunmai_rules.journal.database import FAULTS
from cunmai_rules.registry.writes import NotDone


class Refused(Exception):
    """A named reason, what to do in both languages, and the HTTP status."""

    def __init__(self, status: int, reason: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.status = status
        self.body = {"reason": reason, "zh": zh, "en": en}


def answer_faults(app: FastAPI) -> None:
    """Every answer of 400 and more is one of ours, and repeats nothing of the request."""

    def answering(made: Callable[[Exception], Refused]) -> Callable[[Request, Exception], JSONResponse]:
        def answer(_request: Request, error: Exception) -> JSONResponse:
            refused = made(error)
            headers = {401: {"WWW-Authenticate": 'Bearer realm="cunmai"'}, 503: {"Retry-After": "5"}}
            return JSONResponse(refused.body, refused.status, headers.get(refused.status))

        return answer

    app.add_exception_handler(Refused, answering(_same))
    app.add_exception_handler(NotDone, answering(_not_done))
    app.add_exception_handler(RequestValidationError, answering(_not_understood))
    app.add_exception_handler(HTTPException, answering(_http))
    for fault in FAULTS:
        app.add_exception_handler(
            fault,
            answering(
                lambda _error: Refused(503, "busy", "登记库暂时不可用", "the registry cannot be used now")
            ),
        )


def _same(error: Exception) -> Refused:
    assert isinstance(error, Refused)
    return error


def _not_done(error: Exception) -> Refused:
    assert isinstance(error, NotDone)
    return Refused(409, error.reason, error.zh, error.en)


def _not_understood(error: Exception) -> Refused:
    assert isinstance(error, RequestValidationError)
    places = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors()[:10])
    return Refused(422, "bad_request", f"请求有误: {places}", f"the request is not understood: {places}")


def _http(error: Exception) -> Refused:
    assert isinstance(error, HTTPException)
    return Refused(error.status_code, f"http_{error.status_code}", "没有这个接口", str(error.detail))
