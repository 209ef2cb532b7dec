"""The ledger's page, for a phone and for a desk: Chinese, with an English switch, and without a script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cunmai_ingest.api.desk import Desk
from cunmai_ingest.api.problems import Refusal
from cunmai_ingest.api.routes import only_known_parameters
from cunmai_ingest.api.tokens import Right
from cunmai_ingest.api.view import ledger_view
from cunmai_ingest.api.words import TEXT, Lang, say
from cunmai_ingest.ledger.days import day_of

HERE = Path(__file__).parent
PATHS = frozenset({"/ledger", "/ledger/token"})

COOKIE = "cunmai_ledger"
_COOKIE_S = 30 * 86_400
_PAGE_DAYS = 14

_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
)

Language = Annotated[str | None, Query(pattern="^(zh|en)$")]
_HTML: dict[int | str, dict[str, object]] = {
    status: {"description": text, "content": {"text/html": {"schema": {"type": "string"}}}}
    for status, text in {
        401: "asks for a token",
        403: "the token lacks the right",
        422: "the request is not understood",
        503: "the book cannot be read now",
    }.items()
}


def router(desk: Desk) -> APIRouter:
    """The page, and the form that takes a token for it."""
    routes = APIRouter(
        tags=["pages"],
        default_response_class=HTMLResponse,
        responses=_HTML,
        dependencies=[Depends(only_known_parameters)],
    )

    @routes.get("/ledger")
    def ledger(request: Request, lang: Language = None) -> HTMLResponse:
        """The last days by gateway, and every open gap."""
        token = desk.admit(request.cookies.get(COOKIE), Right.LEDGER)
        today = day_of(desk.clock(), desk.utc_offset_minutes)
        allow = token.sites.allow
        view = ledger_view(
            desk.ledger.days(today - _PAGE_DAYS + 1, today, allow),
            desk.ledger.gaps(allow),
            desk.ledger.gateways(allow),
            now_ms=desk.clock(),
            utc_offset_minutes=desk.utc_offset_minutes,
            lang=_language(lang),
        )
        return render("ledger.html", 200, _language(lang), view=view)

    @routes.post("/ledger/token", status_code=303, response_class=RedirectResponse)
    def take_token(token: Annotated[str, Form(max_length=200)] = "", lang: Language = None) -> Response:
        """Keep the token in a cookie of this browser, where no script can read it."""
        desk.admit(token.strip(), Right.LEDGER)
        answer = RedirectResponse("/ledger?lang=en" if lang == "en" else "/ledger", status_code=303)
        secure = desk.settings.api.public_url.startswith("https:")
        answer.set_cookie(
            COOKIE, token.strip(), max_age=_COOKIE_S, httponly=True, samesite="strict", secure=secure
        )
        return answer

    return routes


def refusal(request: Request, refused: Refusal, headers: dict[str, str]) -> HTMLResponse:
    """What the page says where it can show nothing; for want of a token, the form to give one."""
    lang = _language(request.query_params.get("lang"))
    template = "token.html" if refused.status in (401, 403) else "refusal.html"
    text = refused.problem.zh if lang == "zh" else refused.problem.en
    page = render(template, refused.status, lang, problem=text)
    page.headers.update(headers)
    return page


def render(template: str, status: int, lang: Lang, **values: object) -> HTMLResponse:
    text = {name: say(pair, lang) for name, pair in TEXT.items()}
    html = _TEMPLATES.get_template(template).render(
        lang=lang, other="en" if lang == "zh" else "zh", text=text, **values
    )
    return HTMLResponse(html, status_code=status)


def _language(lang: str | None) -> Lang:
    return "en" if lang == "en" else "zh"
