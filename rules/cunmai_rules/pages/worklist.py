"""The worklist of one contact: what is open, whose it is, and an answer in one tap.

The address is the right to it, as with a message's link, and opens everything that this contact may be
asked about; so it is given out by the county's IT (`cunmai rules worklist-link`), never in a message, and
can be taken back. Reading and answering work without a script; with one, the list renews itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Status
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.pages.live import Live
from cunmai_rules.pages.referrals import (
    check_note,
    check_receiver,
    colleagues_of,
    decide,
    refer,
    referral_views,
)
from cunmai_rules.pages.refusal import Refusal
from cunmai_rules.pages.refused import Refused
from cunmai_rules.pages.view import escalation_view
from cunmai_rules.pages.words import Lang
from cunmai_rules.pages.worklist_view import MOST_READ, digest, is_on, worklist_view
from cunmai_rules.referral.book import Book
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.watch import InForce
from cunmai_runtime.clock import Clock
from cunmai_wire.events import Answer, AnswerMeans

_NOTICES = {"handed": "handed_over", "referral": "referral_done"}
"""What is said on top of the page after something was done."""
_WITH_SCRIPT = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


class Around(Protocol):
    """What the pages have in common."""

    settings: RulesSettings
    clock: Clock
    in_force: InForce
    refused: Refused

    def opened(self) -> AbstractContextManager[tuple[Database, Desk]]: ...
    def render(self, template: str, status: int, lang: Lang, **values: object) -> HTMLResponse: ...


@dataclass(frozen=True, slots=True)
class _Form:
    """What was sent about one escalation of a worklist; a field that the form does not have is empty."""

    token: str
    escalation: str
    answer: str
    to: str
    decision: str
    note: str


def _sent(
    token: str,
    escalation: str,
    answer: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    decision: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> _Form:
    return _Form(token, escalation, answer, to, decision, note.strip())


_Sent = Annotated[_Form, Depends(_sent)]


def page_of(request: Request) -> int:
    """Which page of a list is wanted; the first where it is not said, or no number."""
    wanted = request.query_params.get("page", "1")
    return int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 4 else 1


def add_worklist(app: FastAPI, around: Around, language: Callable[[Request], Lang]) -> None:
    """The routes under /w/."""
    pages = _Worklist(around)

    @app.get("/w/{token}")
    def show(request: Request, token: str) -> HTMLResponse:
        return pages.show(token, language(request), page_of(request))

    @app.get("/w/{token}/live")
    async def live(token: str) -> StreamingResponse:
        return await pages.live(token)

    @app.get("/w/{token}/{escalation}")
    def one(request: Request, token: str, escalation: str) -> HTMLResponse:
        return pages.one(token, escalation, language(request), done=request.query_params.get("done", ""))

    @app.post("/w/{token}/{escalation}")
    def take(request: Request, form: _Sent) -> Response:
        return pages.take(form, language(request))

    @app.post("/w/{token}/{escalation}/hand-over")
    def hand_over(request: Request, form: _Sent) -> Response:
        return pages.hand_over(form, language(request))

    @app.post("/w/{token}/{escalation}/refer")
    def refer_up(request: Request, form: _Sent) -> Response:
        return pages.refer(form, language(request))

    @app.post("/w/{token}/{escalation}/referral")
    def decide_on(request: Request, form: _Sent) -> Response:
        return pages.decide(form, language(request))


class _Worklist:
    def __init__(self, around: Around) -> None:
        self._around = around
        self._settings = around.settings
        self._live = Live(self._stand)

    def show(self, token: str, lang: Lang, number: int) -> HTMLResponse:
        now_ms = self._around.clock()
        with self._around.opened() as (db, desk):
            contact = self._admit(db, desk, token)
            rules = self._around.in_force.rules
            view = worklist_view(contact, desk, Judgements(db), rules, lang, now_ms, number)
            with db.transaction():
                desk.worklists.looked(contact, view.shown, now_ms)
        page = self._around.render("worklist.html", 200, lang, view=view, token=token)
        page.headers["Content-Security-Policy"] = _WITH_SCRIPT
        return page

    def one(self, token: str, escalation_id: str, lang: Lang, *, done: str) -> HTMLResponse:
        with self._around.opened() as (db, desk):
            contact = self._admit_to(db, desk, token, escalation_id)
            with db.transaction():
                desk.escalations.log(self._around.clock(), escalation_id, "viewed", contact)
            escalation = desk.escalations.get(escalation_id)
            assert escalation is not None, "admitted to it"
            view = escalation_view(
                escalation, Judgements(db), desk.escalations, desk.directory, self._around.in_force.rules, lang,
                self._around.clock(), desk.policies.of(escalation.grade, escalation.priority).quiet_s,
            )  # fmt: skip
            open_ = escalation.status is not Status.CLOSED
            colleagues = colleagues_of(escalation, contact, desk.directory, self._around.clock())
            referrals = referral_views(Book(db).of(escalation_id), contact, desk.directory, lang)
        return self._around.render(
            "escalation.html", 200, lang, view=view, action=f"/w/{token}/{escalation_id}",
            answered=done == "answered", notice=_NOTICES.get(done), back=f"/w/{token}",
            colleagues=colleagues if open_ else (), referrals=referrals,
        )  # fmt: skip

    def take(self, form: _Form, lang: Lang) -> Response:
        with self._around.opened() as (db, desk):
            contact = self._admit_to(db, desk, form.token, form.escalation)
            if form.answer not in list(Answer):
                raise Refusal("bad_answer", 422)
            with db.transaction():
                now_ms = self._around.clock()
                desk.answer(form.escalation, contact, Answer(form.answer), now_ms, AnswerMeans.WORKLIST)
        return _back_to(form, "answered", lang)

    def hand_over(self, form: _Form, lang: Lang) -> Response:
        check_note(form.note)
        with self._around.opened() as (db, desk):
            contact = self._admit_to(db, desk, form.token, form.escalation)
            check_receiver(desk, form.escalation, contact, form.to, self._around.clock())
            with db.transaction():
                desk.hand_over(form.escalation, contact, form.to, form.note, self._around.clock())
        return _back_to(form, "handed", lang)

    def refer(self, form: _Form, lang: Lang) -> Response:
        with self._around.opened() as (db, desk):
            contact = self._admit_to(db, desk, form.token, form.escalation)
            refer(db, desk, form.escalation, contact, form.to, form.note, self._around.clock())
        return _back_to(form, "referral", lang)

    def decide(self, form: _Form, lang: Lang) -> Response:
        with self._around.opened() as (db, desk):
            contact = self._admit_to(db, desk, form.token, form.escalation)
            means, now_ms = AnswerMeans.WORKLIST, self._around.clock()
            decide(db, desk, form.escalation, contact, form.decision, form.note, means, now_ms)
        return _back_to(form, "referral", lang)

    async def live(self, token: str) -> StreamingResponse:
        """Server-sent events: one whenever the list has changed. Raises Refusal."""
        stood = await run_in_threadpool(self._stands, token)
        return StreamingResponse(self._live.stream(token, stood), media_type="text/event-stream")

    def _stands(self, token: str) -> str:
        with self._around.opened() as (db, desk):
            contact = self._admit(db, desk, token)
            return digest(desk.escalations.open(MOST_READ), contact, self._settings)

    def _stand(self, tokens: Iterable[str]) -> dict[str, str]:
        """How the lists of these tokens stand, in one look."""
        found: dict[str, str] = {}
        with self._around.opened() as (db, desk):
            open_ = desk.escalations.open(MOST_READ)
            for token in tokens:
                with suppress(Refusal):
                    found[token] = digest(open_, self._admit(db, desk, token), self._settings)
        return found

    def _admit(self, db: Database, desk: Desk, token: str) -> str:
        """Whose worklist this is. Raises Refusal."""
        refusal, now_ms = Refusal("unknown_worklist", 404), self._around.clock()
        found = desk.worklists.contact_of(token)
        if found is None:
            self._around.refused.refuse(db, desk, refusal)
        contact, expires_ms = found
        if now_ms > expires_ms:
            self._around.refused.refuse(db, desk, refusal, contact=contact, why="expired_worklist")
        if not desk.directory.serves(contact, now_ms):
            self._around.refused.refuse(db, desk, refusal, contact=contact, why="left_worklist")
        return contact

    def _admit_to(self, db: Database, desk: Desk, token: str, escalation_id: str) -> str:
        """The same, for one escalation that is this contact's business. Raises Refusal."""
        contact = self._admit(db, desk, token)
        escalation = desk.escalations.get(escalation_id)
        if escalation is None or not is_on(escalation, contact, self._settings):
            known = None if escalation is None else escalation.id
            refusal = Refusal("unknown_link", 404)
            self._around.refused.refuse(
                db, desk, refusal, contact=contact, escalation=known, why="not_theirs"
            )
        return contact


def _back_to(form: _Form, done: str, lang: Lang) -> RedirectResponse:
    english = "&lang=en" if lang == "en" else ""
    return RedirectResponse(f"/w/{form.token}/{form.escalation}?done={done}{english}", status_code=303)
