"""The bench with several SMS providers behind it, and a carrier that misbehaves as told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from cunmai_rules.escalation.receipts import CarrierReceipt, Taken
from cunmai_rules.journal.database import JournalAt
from support.fake_carrier import FakeCarrier, Report
from support.rules_bench import Bench
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

    def states(self) -> list[str]:
        return [state for (state,) in self.rows("SELECT state FROM notice ORDER BY number")]
