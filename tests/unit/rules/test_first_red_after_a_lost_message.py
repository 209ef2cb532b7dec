"""The first message that a person gets of a red is not held back by a rate, though an earlier one was lost."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from cunmai_rules.escalation.receipts import CarrierReceipt
from cunmai_rules.journal.notices import Notice
from cunmai_rules.thresholds.loader import build_rules
from cunmai_wire.events import NoticeState
from support.fake_carrier import Chances
from support.rules import OXIMETRY
from support.rules_bench import GATEWAY
from support.sms_bench import SmsBench, webhook_provider

RULES = (
    OXIMETRY.split(b"rules:")[0]
    + b"""rules:
  - {id: spo2-deep, title: {zh: t, en: t}, grade: red, lane: page, source: a test,
     when: {reads: oximetry.spo2_pct, unit: '%', below: 85}, clear: {at_or_above: 95}}
"""
)
POLICIES = """policy: rate
version: 1
plans:
  - for: {grade: [red]}
    levels: [village]
    accept_within_s: 60
    ack_within_s: [180]
    outcome_within_s: 1800
    rounds: 3
    then_every_s: 900
    source: a test
  - for: {grade: [yellow]}
    levels: [village]
    ack_within_s: [180]
    outcome_within_s: 1800
    source: a test
rate:
  red: {messages: 30, within_s: 3600}
"""


def test_its_receipt_lets_the_second_go(tmp_path: Path) -> None:
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICIES, "utf-8")
    site = {"gateway": GATEWAY, "name": "x", "altitude_m": 40, "contacts": ["village"]}
    provider = webhook_provider("a", receipt_within_s=3600)
    changes: dict[str, Any] = {"policies": str(policies), "sites": [site], "fallback_contacts": ["village"]}
    with closing(SmsBench.of(tmp_path, None, provider, **changes)) as bench:
        bench.engine.rules = build_rules([("oximetry.yaml", RULES)])
        bench.carrier.chances["a"] = Chances(drops=1.0)
        # Nobody answers these: what is asked again about them fills the rate.
        for n in range(15):
            bench.deliver(bench.reading(80, resident=f"R-{n:02d}", device=f"oxi-{n}"))
        for _ in range(45):
            bench.passes(10)
        bench.deliver(bench.reading(80, resident="R-LAST", device="oxi-99"))
        bench.passes(1)

        def last() -> list[Notice]:
            return bench.desk.escalations.notices(bench.escalation_of("R-LAST").id)

        for _ in range(30):
            bench.passes(10)
        first, second = last()
        assert first.state is NoticeState.ACCEPTED
        assert (second.state, second.held_why) == (NoticeState.QUEUED, "rate")
        lost = CarrierReceipt("a", delivered=False, reason="UNDELIV", provider_id=first.provider_id)
        with bench.db.transaction():
            bench.desk.notices.receipt(lost, bench.now_ms)
        bench.passes(1)
        assert last()[1].accepted_ms == bench.now_ms
        assert last()[1].weight == "first_red"
