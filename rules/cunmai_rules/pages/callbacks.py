"""Where SMS providers call: delivery receipts and replies.

    POST /sms/{provider}/receipts          webhook, Twilio: signed
    POST /sms/{provider}/replies
    POST /sms/{provider}/receipts/{token}  Aliyun, Tencent Cloud: they do not sign
    POST /sms/{provider}/replies/{token}

A call that is believed is answered with success, whatever was made of it: a provider that gets an error
sends the same again for hours. Each item of a call is a transaction of its own, and is taken once.
"""

from __future__ import annotations

from contextlib import closing

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from cunmai_rules import metrics
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy_watch import PoliciesInForce
from cunmai_rules.escalation.receipts import CarrierReceipt
from cunmai_rules.escalation.replies import Replies, digest_of
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.notify.providers.callbacks import (
    BadCallback,
    DeliveryReport,
    IncomingReply,
    Item,
    What,
    read_callback,
)
from cunmai_rules.notify.providers.settings import AliyunProvider, Provider, TencentProvider, TwilioProvider
from cunmai_rules.notify.providers.signatures import Call, doubt
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import Clock
from cunmai_runtime.logs import OnChange

PREFIX = "/sms/"
MOST_CALL_BYTES = 262_144
"""Providers send hundreds of receipts in one call."""


def add_callbacks(
    app: FastAPI,
    journal: JournalAt,
    settings: RulesSettings,
    link_key: bytes,
    clock: Clock,
    policies: PoliciesInForce | None = None,
) -> None:
    """Add the providers' addresses to the application."""
    callbacks = _Callbacks(journal, settings, link_key, clock, policies)

    async def take(request: Request, name: str, what: What, token: str | None = None) -> Response:
        body = await request.body()
        query = f"?{request.url.query}" if request.url.query else ""
        call = Call(
            f"{settings.public_url}{request.url.path}{query}",
            {key.lower(): value for key, value in request.headers.items()},
            body,
            token,
            request.client.host if request.client else None,
        )
        return await run_in_threadpool(callbacks.take, name, what, call, dict(request.query_params))

    app.add_api_route("/sms/{name}/{what}", take, methods=["POST"])
    app.add_api_route("/sms/{name}/{what}/{token}", take, methods=["POST"])


class _Callbacks:
    """Handlers run on a pool of threads, so each call opens its own connection."""

    def __init__(
        self,
        journal: JournalAt,
        settings: RulesSettings,
        link_key: bytes,
        clock: Clock,
        policies: PoliciesInForce | None,
    ) -> None:
        self._policies = policies
        self._journal = journal
        self._settings = settings
        self._link_key = link_key
        self._clock = clock
        self._log = structlog.get_logger("notify")
        self._changed = OnChange()

    def take(self, name: str, what: What, call: Call, query: dict[str, str]) -> Response:
        provider = next((one for one in self._settings.providers if one.name == name), None)
        if provider is None:
            return self._refused(name, "unknown_provider", 404)
        doubted = doubt(call, provider, self._clock())
        if doubted is not None:
            return self._refused(name, doubted, 401)
        try:
            items = read_callback(provider, what, call.body, query)
        except BadCallback as bad:
            return self._refused(name, "bad_form", 400, detail=str(bad))
        call_id = call.headers.get("webhook-id", "")
        with closing(open_journal(self._journal)) as db:
            desk = Desk(db, self._settings, self._link_key, self._policies)
            take_item = self._receipt if what == "receipts" else self._reply
            for item in items:
                with db.transaction():
                    digest = digest_of(item) if isinstance(item, IncomingReply) else repr(item)
                    first = desk.calls.first_time(
                        f"{name}/{what}", item.call or call_id, digest, self._clock()
                    )
                    outcome = take_item(desk, Replies(desk), provider, item) if first else "repeated"
                if first is None:
                    return self._refused(name, "id_reused", 409)
                self._count(provider, what, outcome)
        return _thanks(provider)

    def _receipt(self, desk: Desk, replies: Replies, provider: Provider, item: Item) -> str:  # noqa: ARG002
        assert isinstance(item, DeliveryReport), "receipts are read as reports"
        receipt = CarrierReceipt(
            provider.name,
            item.delivered,
            item.reason,
            provider_id=item.provider_id,
            notice=item.notice,
            to_mark=desk.mark(item.number) if item.number else None,
        )
        return desk.notices.receipt(receipt, self._clock())

    def _reply(self, desk: Desk, replies: Replies, provider: Provider, item: Item) -> str:  # noqa: ARG002
        assert isinstance(item, IncomingReply), "replies are read as replies"
        return replies.take(item, self._clock())

    def _count(self, provider: Provider, what: What, outcome: str) -> None:
        if what == "receipts":
            metrics.RECEIPTS.labels(provider.name, outcome).inc()
        else:
            metrics.REPLIES.labels(outcome).inc()

    def _refused(self, name: str, why: str, status: int, **detail: str) -> Response:
        metrics.CALLBACKS_REFUSED.labels(why).inc()
        if self._changed("callback", why):
            self._log.warning("notify.callback_refused", provider=name[:40], why=why, **detail)
        return JSONResponse({"refused": why}, status)


def _thanks(provider: Provider) -> Response:
    """What each provider takes for success."""
    match provider:
        case AliyunProvider():
            return JSONResponse({"code": 0, "msg": "接收成功"})
        case TencentProvider():
            return JSONResponse({"result": 0, "errmsg": "OK"})
        case TwilioProvider():
            return Response("<Response></Response>", media_type="text/xml")
        case _:
            return JSONResponse({})


def most_body_bytes(path: str, usually: int) -> int:
    """How much of a request is read at all."""
    return MOST_CALL_BYTES if path.startswith(PREFIX) else usually
