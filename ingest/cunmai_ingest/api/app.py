"""The read API's application: every answer of 400 and more is one of ours, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from cunmai_ingest.api import fhir_routes, page, routes
from cunmai_ingest.api.desk import Desk
from cunmai_ingest.api.fhir_routes import FhirResponse
from cunmai_ingest.api.problems import Problem, Refusal, bad_request, unavailable
from cunmai_ingest.fhir.search import BadSearch
from cunmai_ingest.fhir.wrap import outcome
from cunmai_runtime.errors import Retryable

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def build_app(desk: Desk) -> FastAPI:
    """The application over one desk. `/openapi.json` describes it."""
    app = FastAPI(
        title="Cunmai read API",
        description="Readings, devices and the loss ledger; FHIR R4 under /fhir.",
        docs_url=None,
        redoc_url=None,
    )
    app.mount("/static", StaticFiles(directory=page.HERE / "static"), name="static")
    app.include_router(routes.router(desk))
    app.include_router(fhir_routes.router(desk))
    app.include_router(page.router(desk))
    _answer_faults(app)
    return app


def _answer_faults(app: FastAPI) -> None:
    @app.middleware("http")
    async def protect(request: Request, call_next: Callable[[Request], object]) -> Response:
        response: Response = await call_next(request)  # type: ignore[misc]  # Starlette's untyped call_next
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        return _answer(request, refusal)

    @app.exception_handler(Retryable)
    async def wait(request: Request, _error: Retryable) -> Response:
        return _answer(request, unavailable())

    @app.exception_handler(BadSearch)
    async def bad_search(_request: Request, error: BadSearch) -> Response:
        found = outcome(error.code, error.text, expression=_expression(error.parameter))
        return FhirResponse(found, status_code=400)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        ]
        return _answer(request, bad_request("; ".join(faults)[:500]))

    @app.exception_handler(HTTPException)
    async def http_fault(request: Request, error: HTTPException) -> Response:
        problem = Problem(reason=f"http_{error.status_code}", zh=f"{error.detail}", en=f"{error.detail}")
        issue = "not-found" if error.status_code == 404 else "not-supported"
        return _answer(request, Refusal(error.status_code, problem, issue), dict(error.headers or {}))


def _answer(request: Request, refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    headers = {**(headers or {}), **refusal.headers}
    if request.url.path.startswith("/fhir"):
        found = outcome(refusal.issue, refusal.problem.en)
        return FhirResponse(found, status_code=refusal.status, headers=headers)
    if request.url.path in page.PATHS:
        return page.refusal(request, refusal, headers)
    return JSONResponse(refusal.problem.model_dump(), status_code=refusal.status, headers=headers)


def _expression(parameter: str) -> str | None:
    """FHIR wants a path there; a parameter that a stranger made up may be anything."""
    return f"http.{parameter}" if parameter.replace("_", "").isalnum() and parameter.isascii() else None
