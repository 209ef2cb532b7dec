"""The bench with several SMS providers behind it, and a carrier that misbehaves as told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from httpx2 import Response
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from cunmai_rules.escalation.receipts import CarrierReceipt, Taken
from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.pages.app import build_app
from support.fake_carrier import FakeCarrier, Report
from support.postgres import Cluster
from support.rules_bench import LINK_KEY, Bench
from support.sms_sink import SECRET, SmsSink

WHO = {"13800000001": "V", "13800000002": "T"}


def webhook_provider(name: str, **changes: Any) -> dict[str, Any]:
    """One provider as `rules.yaml` says it."""
    return {"kind": "webhook", "name": name, "url": f"http://{name}.example/sms", "secret": SECRET} | changes


def unsigned_provider(name: str, **changes: Any) -> dict[str, Any]:
    """One that knows no idempotency key."""
    return {
        "kind": "aliyun", "name": name, "access_key_id": "id", "access_key_secret": "secret",
        "sign_name": "某县医共体", "templates": {"page": "SMS_1"}, "callback_token": "t" * 24,
    } | changes  # fmt: skip


class Says(Protocol):
    def __call__(self, *, delivered: bool, number: str = ...) -> Taken: ...


class SmsBench(Bench):
    """`told` is what the providers have really taken."""

    carrier: FakeCarrier
    _calls: int = 0

    @staticmethod
    def of(
        folder: Path, at: JournalAt | None, *providers: dict[str, Any], seed: int = 1, **changes: Any
    ) -> SmsBench:
        """A bench with these providers in their order, and no other."""
        carrier = FakeCarrier(lambda: bench.now_ms, seed)
        settings = {"webhook": None, "sms": {"providers": list(providers)}} | changes
        bench = SmsBench(folder, SmsSink(), at=at, changes=settings, carrier=carrier)
        return bench

    @property
    def told(self) -> list[str]:
        return [WHO[message.to] for _, message in self.carrier.taken]

    def by(self) -> list[str]:
        """The providers that were asked, in order."""
        return [provider for provider, _ in self.carrier.asked]

    def reports(self, seconds: float = 1) -> list[Taken]:
        """Time goes by, the receipts that are due arrive, and what follows from them is sent."""
        self.now_ms += int(seconds * 1000)
        taken = [self.take(report) for report in self.carrier.due()]
        self.engine.tick()
        self.notifier.send_due()
        return taken

    def take(self, report: Report) -> Taken:
        """One receipt, past the callback address."""
        receipt = CarrierReceipt(
            report.provider,
            report.delivered,
            "DELIVRD" if report.delivered else "UNDELIV",
            provider_id=report.id if self.carrier.names_messages else None,
            notice=None if self.carrier.names_messages else report.notice,
            to_mark=self.desk.mark(report.number),
        )
        with self.db.transaction():
            return self.desk.notices.receipt(receipt, self.now_ms)

    def receipt_for(self, id_: str) -> Says:
        """A receipt of provider `a` for the message that it calls by this id."""

        def says(*, delivered: bool, number: str = "13800000001") -> Taken:
            return self.take(Report(self.now_ms, "a", id_, "", number, delivered))

        return says

    def desaturate_resident(self, resident: str) -> None:
        """Twenty seconds of a low value, of this resident."""
        for _ in range(20):
            self.deliver(self.reading(90, resident=resident))
            self.now_ms += 1000

    # -- what providers call us with ------------------------------------------------------------------

    def client(self, address: str = "203.0.113.9") -> TestClient:
        """The pages, called from this address."""
        app = build_app(self.journal, self.settings, LINK_KEY, self.clock, self.in_force)
        return TestClient(app, client=(address, 50000))

    def call(self, what: str, data: dict[str, Any], **changes: Any) -> Response:
        """A signed call of webhook provider `a`; `changes` to its id, its time and its secret."""
        type_ = "sms.receipt" if what == "receipts" else "sms.reply"
        body = json.dumps({"type": type_, "timestamp": "2026-01-02T03:04:05Z", "data": data})
        self._calls += 1
        id_ = changes.get("id", f"call-{self._calls}")
        sent = datetime.fromtimestamp(changes.get("t_ms", self.now_ms) // 1000, UTC)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": Webhook(changes.get("secret", SECRET)).sign(id_, sent, body),
        }
        with self.client() as client:
            return client.post(f"/sms/a/{what}", content=changes.get("body", body), headers=headers)

    def replies(self, text: str, number: str = "13800000001", **changes: Any) -> Response:
        """A reply by SMS; the answer to it, if any, is sent."""
        answered = self.call("replies", {"from": number, "text": text}, **changes)
        self.notifier.send_due()
        return answered

    @property
    def courtesies(self) -> list[str]:
        """What was answered to replies."""
        return [message.text for _, message in self.carrier.taken if message.template != "page"]

    def codes(self) -> list[str]:
        """The short codes, in the order in which they were given."""
        return [code for (code,) in self.rows("SELECT code FROM short_code ORDER BY made_ms, code")]

    def escalation_of(self, resident: str) -> Escalation:
        """The newest escalation of a resident."""
        return next(one for one in self.desk.escalations.newest(50) if one.resident == resident)

    def states(self) -> list[str]:
        return [state for (state,) in self.rows("SELECT state FROM notice ORDER BY number")]


class Make:
    """Makes benches over one kind of journal, and closes them."""

    def __init__(self, folder: Path, cluster: Cluster | None) -> None:
        self._folder, self._cluster = folder, cluster
        self.made: list[SmsBench] = []

    def __call__(self, *providers: dict[str, Any], **changes: Any) -> SmsBench:
        folder = self._folder / str(len(self.made))
        folder.mkdir()
        at = self._cluster.schema() if self._cluster else None
        self.made.append(SmsBench.of(folder, at, *providers, **changes))
        return self.made[-1]
