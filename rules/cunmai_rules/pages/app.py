"""The pages' web application. A link's token is the right to one escalation; nothing else is served.

Opening a page answers nothing (message apps fetch links by themselves); only the form does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cunmai_rules.cautions import cautions
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.escalation.states import Status
from cunmai_rules.escalation.summaries import CHANGE_WITHIN_MS
from cunmai_rules.health import NOBODY_WATCHES, Json, Watching, signs
from cunmai_rules.journal.database import FAULTS, Database, JournalAt
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.pages.callbacks import add_callbacks, most_body_bytes
from cunmai_rules.pages.referrals import decide, referral_views
from cunmai_rules.pages.refusal import Refusal
from cunmai_rules.pages.refused import Refused
from cunmai_rules.pages.summary import add_summary
from cunmai_rules.pages.view import escalation_view
from cunmai_rules.pages.words import TEXT, Lang, say
from cunmai_rules.pages.worklist import add_worklist
from cunmai_rules.referral.book import Book
from cunmai_rules.registry.api import build_registry_api
from cunmai_rules.registry.levels import level_cautions
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.watch import InForce
from cunmai_runtime.clock import Clock
from cunmai_wire.events import Answer, AnswerMeans, Lane

MOST_BODY_BYTES = 4096
_HERE = Path(__file__).parent
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # The token is in the address: it must not travel on with a click.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def build_app(
    journal: JournalAt,
    settings: RulesSettings,
    link_key: bytes,
    clock: Clock,
    in_force: InForce,
    circuits: Callable[[], dict[str, str]] = dict,
    policies: PoliciesInForce | None = None,
    watching: Watching = NOBODY_WATCHES,
) -> FastAPI:
    """The application over one journal. `circuits`: how each SMS provider stands; `policies`: those watched;
    `watching`: what of this process watches it."""
    app = FastAPI(title="Cunmai rules", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    pages = _Pages(journal, settings, link_key, clock, in_force, policies)

    @app.middleware("http")
    async def protect(request: Request, call_next: Callable[[Request], object]) -> Response:
        if _body_refused(request):
            return Response(status_code=413, headers={"Connection": "close"})
        response: Response = await call_next(request)  # type: ignore[misc]  # Starlette's untyped call_next
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> HTMLResponse:
        return pages.refusal(refusal, _language(request))

    @app.get("/e/{token}")
    def show(request: Request, token: str) -> HTMLResponse:
        return pages.show(token, _language(request), done=_done(request))

    @app.post("/e/{token}")
    def take(request: Request, token: str, answer: Annotated[str, Form()] = "") -> Response:
        return pages.take(token, answer, _language(request))

    @app.post("/e/{token}/referral")
    def decide_on(
        request: Request, token: str, decision: Annotated[str, Form()] = "", note: Annotated[str, Form()] = ""
    ) -> Response:
        return pages.decide(token, decision, note.strip(), _language(request))

    add_worklist(app, pages, _language)
    add_summary(app, pages, _language)
    add_callbacks(app, journal, settings, link_key, clock, policies)
    app.mount("/registry", build_registry_api(journal, settings, clock))
    _answer_faults(app, pages)

    @app.get("/health")
    def health() -> JSONResponse:
        wrong = (*in_force.problems, *(policies.problems if policies else ()))
        problems = [*(str(problem) for problem in wrong), *watching.problems]
        return JSONResponse(
            {
                "rules": in_force.rules.versions,
                "release": in_force.release,
                "policy": policies.policies.version if policies else None,
                "problems": problems,
                "cautions": (*cautions(settings), *pages.level_cautions(), *watching.cautions),
                "pages": pages.counts(),
                "sms": circuits(),
                **pages.signs(watching),
            }
        )

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _answer_faults(app: FastAPI, pages: _Pages) -> None:
    """A journal that cannot be used now is a sentence for the reader, and a line in the log."""
    log = structlog.get_logger("rules")

    async def busy(request: Request, error: Exception) -> HTMLResponse:
        log.warning("rules.page_failed", why=str(error))
        return pages.refusal(Refusal("busy", 503), _language(request))

    for fault in FAULTS:
        app.add_exception_handler(fault, busy)


def _body_refused(request: Request) -> bool:
    """An answer is a few bytes, and says how many: nothing longer is read at all."""
    if request.method in ("GET", "HEAD"):
        return False
    length = request.headers.get("content-length", "")
    return not (length.isascii() and length.isdigit()) or int(length) > most_body_bytes(
        request.url.path, MOST_BODY_BYTES
    )


def _language(request: Request) -> Lang:
    return "en" if request.query_params.get("lang") == "en" else "zh"


def _done(request: Request) -> str:
    """What has just been done, if anything."""
    return request.query_params.get("done", "none") or "answered"


class _Pages:
    """Handlers run on a pool of threads, so each request opens its own connection."""

    def __init__(
        self,
        journal: JournalAt,
        settings: RulesSettings,
        link_key: bytes,
        clock: Clock,
        in_force: InForce,
        policies: PoliciesInForce | None,
    ) -> None:
        self._policies = policies
        self._journal = journal
        self.settings = settings
        self._link_key = link_key
        self.clock = clock
        self.in_force = in_force
        self.refused = Refused(clock)
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )

    def show(self, token: str, lang: Lang, *, done: str) -> HTMLResponse:
        with self.opened() as (db, desk):
            escalation_id, contact = self._admit(db, desk, token)
            with db.transaction():
                desk.escalations.log(self.clock(), escalation_id, "viewed", contact)
            escalation = desk.escalations.get(escalation_id)
            assert escalation is not None, "a link belongs to an escalation"
            view = escalation_view(
                escalation,
                Judgements(db),
                desk.escalations,
                desk.directory,
                self.in_force.rules,
                lang,
                self.clock(),
                desk.policies.of(escalation.grade, escalation.priority).quiet_s,
            )
            referrals = referral_views(Book(db).of(escalation_id), contact, desk.directory, lang)
        return self.render(
            "escalation.html", 200, lang, view=view, action=f"/e/{token}", answered=done == "answered",
            notice="referral_done" if done == "referral" else None, back=None, colleagues=(), referrals=referrals,
        )  # fmt: skip

    def decide(self, token: str, decision: str, note: str, lang: Lang) -> Response:
        with self.opened() as (db, desk):
            escalation_id, contact = self._admit(db, desk, token)
            decide(db, desk, escalation_id, contact, decision, note, AnswerMeans.LINK, self.clock())
        query = "?done=referral&lang=en" if lang == "en" else "?done=referral"
        return RedirectResponse(f"/e/{token}{query}", status_code=303)

    def take(self, token: str, answer: str, lang: Lang) -> Response:
        with self.opened() as (db, desk):
            escalation_id, contact = self._admit(db, desk, token)
            if answer not in list(Answer):
                raise Refusal("bad_answer", 422)
            with db.transaction():
                desk.answer(escalation_id, contact, Answer(answer), self.clock())
        query = "?done&lang=en" if lang == "en" else "?done"
        return RedirectResponse(f"/e/{token}{query}", status_code=303)

    def counts(self) -> dict[str, int]:
        """Pages as they stand, by status. `exhausted`: everyone was asked, and nobody answers."""
        with self.opened() as (_, desk):
            counts = desk.escalations.counts()
        return {status.value: counts.get((Lane.PAGE, status), 0) for status in Status}

    def level_cautions(self) -> tuple[str, ...]:
        """Levels of the policy file in force that nobody holds."""
        with self.opened() as (db, desk):
            return level_cautions(db, self.settings, desk.policies, self.clock())

    def signs(self, watching: Watching) -> dict[str, Json]:
        """How the self-test, the signal to the watcher outside and the clock stand."""
        with self.opened() as (db, _):
            return signs(db, self.settings, watching, self.clock())

    def refusal(self, refusal: Refusal, lang: Lang) -> HTMLResponse:
        hint = TEXT.get(f"{refusal.text}_hint")
        return self.render(
            "refusal.html",
            refusal.status,
            lang,
            title=say(TEXT[refusal.text], lang),
            hint=say(hint, lang) if hint else "",
        )

    def _admit(self, db: Database, desk: Desk, token: str) -> tuple[str, str]:
        """Escalation and contact of a token. Raises Refusal."""
        found = desk.escalations.link(token)
        if found is None:
            self.refused.refuse(db, desk, Refusal("unknown_link", 404))
        escalation, contact, expires_ms = found
        why = self._over(desk, escalation, contact, expires_ms)
        if why is not None:
            self.refused.refuse(db, desk, Refusal(why, 410), contact=contact, escalation=escalation)
        return escalation, contact

    def _over(self, desk: Desk, escalation: str, contact: str, expires_ms: int) -> str | None:
        """Why a link that was given out opens nothing any more."""
        now_ms = self.clock()
        if now_ms > expires_ms:
            return "expired_link"
        if not desk.directory.serves(contact, now_ms):
            return "left_link"
        about = desk.escalations.get(escalation)
        closed_ms = None if about is None or about.status is not Status.CLOSED else about.closed_ms
        return "used_link" if closed_ms is not None and now_ms - closed_ms > CHANGE_WITHIN_MS else None

    @contextmanager
    def opened(self) -> Iterator[tuple[Database, Desk]]:
        db = open_journal(self._journal)
        try:
            yield db, Desk(db, self.settings, self._link_key, self._policies)
        finally:
            db.close()

    def render(self, template: str, status: int, lang: Lang, **values: object) -> HTMLResponse:
        text = {name: say(pair, lang) for name, pair in TEXT.items()}
        html = self._templates.get_template(template).render(
            lang=lang, other="en" if lang == "zh" else "zh", text=text, **values
        )
        return HTMLResponse(html, status_code=status)
