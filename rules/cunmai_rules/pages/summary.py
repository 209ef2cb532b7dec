"""The list that a summary's link opens: what one contact was asked about at its sites, one tap to each.

It opens what the separate messages would have opened, each by its own link, and nothing else; for as long as
they would have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.folds import SummaryLink
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.pages.referrals import decide, referral_views
from cunmai_rules.pages.refusal import Refusal
from cunmai_rules.pages.view import escalation_view
from cunmai_rules.pages.words import Lang
from cunmai_rules.pages.worklist import Around, page_of
from cunmai_rules.pages.worklist_view import summary_view
from cunmai_rules.referral.book import Book
from cunmai_wire.events import Answer, AnswerMeans


def add_summary(app: FastAPI, around: Around, language: Callable[[Request], Lang]) -> None:
    """The routes under /s/."""
    pages = _Summary(around)

    @app.get("/s/{token}")
    def show(request: Request, token: str) -> HTMLResponse:
        answered = "done" in request.query_params
        return pages.show(token, language(request), answered=answered, page=page_of(request))

    @app.post("/s/{token}")
    def seen(
        request: Request, token: str, answer: Annotated[str, Form()] = "", shown: Annotated[str, Form()] = ""
    ) -> Response:
        return pages.all_seen(token, answer, shown, language(request), page_of(request))

    @app.get("/s/{token}/{escalation}")
    def one(request: Request, token: str, escalation: str) -> HTMLResponse:
        return pages.one(token, escalation, language(request))

    @app.post("/s/{token}/{escalation}")
    def take(request: Request, token: str, escalation: str, answer: Annotated[str, Form()] = "") -> Response:
        return pages.take(token, escalation, answer, language(request))

    @app.post("/s/{token}/{escalation}/referral")
    def decide_on(
        request: Request,
        token: str,
        escalation: str,
        decision: Annotated[str, Form()] = "",
        note: Annotated[str, Form()] = "",
    ) -> Response:
        return pages.decide(token, escalation, decision, note.strip(), language(request))


class _Summary:
    def __init__(self, around: Around) -> None:
        self._around = around

    def show(self, token: str, lang: Lang, *, answered: bool, page: int) -> HTMLResponse:
        now_ms = self._around.clock()
        with self._around.opened() as (db, desk):
            link = self._admit(db, desk, token)
            rules = self._around.in_force.rules
            view = summary_view(link, desk, Judgements(db), rules, lang, now_ms, page)
            grades = {item.id: item.grade_css for shelf in view.shelves for item in shelf.items}
            unanswered = [one for one in _unanswered(desk, link, now_ms) if grades.get(one.id) == one.grade]
            with db.transaction():
                desk.worklists.looked(link.contact, view.shown, now_ms)
        return self._around.render(
            "summary.html", 200, lang, view=view, token=token, unanswered=len(unanswered), answered=answered,
            shown=" ".join(map(_as_shown, unanswered)),
        )  # fmt: skip

    def all_seen(self, token: str, answer: str, shown: str, lang: Lang, page: int) -> Response:
        """Only 已看 can be said of all at once: of what the page showed, where it still is as grave as shown.

        What has come since, or has turned red, nobody has seen on it. `shown`: from the form, so of what this
        link opens only; as long as a body may be, which is room for all that a page shows.
        """
        if answer != Answer.SEEN:
            raise Refusal("bad_answer", 422)
        now_ms = self._around.clock()
        with self._around.opened() as (db, desk):
            link = self._admit(db, desk, token)
            with db.transaction():
                wanted = set(shown.split())
                desk.escalations.hold_all([one.id for one in _unanswered(desk, link, now_ms)])
                seen = [one for one in _unanswered(desk, link, now_ms) if _as_shown(one) in wanted]
                for one in seen:
                    desk.answer(one.id, link.contact, Answer.SEEN, now_ms)
        return _back_to(token, lang, answered=bool(seen), page=page)

    def one(self, token: str, escalation_id: str, lang: Lang) -> HTMLResponse:
        now_ms = self._around.clock()
        with self._around.opened() as (db, desk):
            link = self._admit_to(db, desk, token, escalation_id)
            with db.transaction():
                desk.escalations.log(now_ms, escalation_id, "viewed", link.contact)
            escalation = desk.escalations.get(escalation_id)
            assert escalation is not None, "admitted to it"
            rules = self._around.in_force.rules
            view = escalation_view(
                escalation,
                Judgements(db),
                desk.escalations,
                desk.directory,
                rules,
                lang,
                now_ms,
                desk.policies.of(escalation.grade, escalation.priority).quiet_s,
            )
            referrals = referral_views(Book(db).of(escalation_id), link.contact, desk.directory, lang)
        return self._around.render(
            "escalation.html", 200, lang, view=view, action=f"/s/{token}/{escalation_id}", answered=False,
            notice=None, back=f"/s/{token}", colleagues=(), referrals=referrals,
        )  # fmt: skip

    def take(self, token: str, escalation_id: str, answer: str, lang: Lang) -> Response:
        """Back to the list: the next one is waiting."""
        with self._around.opened() as (db, desk):
            link = self._admit_to(db, desk, token, escalation_id)
            if answer not in list(Answer):
                raise Refusal("bad_answer", 422)
            with db.transaction():
                desk.answer(escalation_id, link.contact, Answer(answer), self._around.clock())
        return _back_to(token, lang)

    def decide(self, token: str, escalation_id: str, decision: str, note: str, lang: Lang) -> Response:
        with self._around.opened() as (db, desk):
            link = self._admit_to(db, desk, token, escalation_id)
            now_ms = self._around.clock()
            decide(db, desk, escalation_id, link.contact, decision, note, AnswerMeans.LINK, now_ms)
        return _back_to(token, lang)

    def _admit(self, db: Database, desk: Desk, token: str) -> SummaryLink:
        """What this link opens, to whom. Raises Refusal; each is on record."""
        link, refused = desk.folds.link(token), self._around.refused
        if link is None:
            refused.refuse(db, desk, Refusal("unknown_link", 404))
        if self._around.clock() > link.expires_ms:
            refused.refuse(db, desk, Refusal("expired_link", 410), contact=link.contact)
        if not desk.directory.serves(link.contact, self._around.clock()):
            refused.refuse(db, desk, Refusal("unknown_link", 404), contact=link.contact, why="left_summary")
        return link

    def _admit_to(self, db: Database, desk: Desk, token: str, escalation_id: str) -> SummaryLink:
        """The same, for one escalation that is on its list. Raises Refusal."""
        link = self._admit(db, desk, token)
        listed = desk.summaries.listed(link.contact, link.sites, self._around.clock())
        if escalation_id not in {one.id for one in listed}:
            known = desk.escalations.get(escalation_id)
            self._around.refused.refuse(
                db, desk, Refusal("unknown_link", 404), contact=link.contact,
                escalation=known.id if known else None, why="not_on_summary",
            )  # fmt: skip
        return link


def _as_shown(one: Escalation) -> str:
    return f"{one.id}:{one.grade}"


def _unanswered(desk: Desk, link: SummaryLink, now_ms: int) -> list[Escalation]:
    listed = desk.summaries.listed(link.contact, link.sites, now_ms)
    return [one for one in listed if one.status in (Status.OPEN, Status.EXHAUSTED)]


def _back_to(token: str, lang: Lang, *, answered: bool = True, page: int = 1) -> RedirectResponse:
    words = ["done"] if answered else []
    words += ["lang=en"] if lang == "en" else []
    words += [f"page={page}"] if page > 1 else []
    query = f"?{'&'.join(words)}" if words else ""
    return RedirectResponse(f"/s/{token}{query}", status_code=303)
