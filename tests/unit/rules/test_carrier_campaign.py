"""Many escalations over a carrier that refuses, forgets, repeats, confuses and lies.

Short by default. In full: CUNMAI_SMS_CAMPAIGN=10000 ./dev run pytest tests/unit/rules/test_carrier_campaign.py
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from cunmai_rules.escalation.states import Status
from cunmai_rules.notify.providers.base import Message
from support.fake_carrier import Chances
from support.sms_bench import SmsBench, unsigned_provider, webhook_provider

ESCALATIONS = int(os.environ.get("CUNMAI_SMS_CAMPAIGN", "20"))
AT_A_TIME = 20
BAD = Chances(
    refuses=0.2, never_answers=0.1, loses=0.15, drops=0.15, duplicates=0.2, lies=0.05, mistakes=0.05,
    delay_s=(0.5, 90),
)  # fmt: skip
ANSWERS = 0.4
"""How likely a doctor answers a message that reached the phone."""


class Doctors:
    """They answer what reaches their phones, by its code, sometimes."""

    def __init__(self, bench: SmsBench, seed: int) -> None:
        self._bench = bench
        self._random = random.Random(seed)
        self._read = 0
        self.answered = 0

    def look(self) -> None:
        new = self._bench.carrier.taken[self._read :]
        self._read = len(self._bench.carrier.taken)
        for _, message in new:
            reached = self._bench.carrier.phones[message.id] > 0
            if message.template == "page" and reached and self._random.random() < ANSWERS:
                self._answer(message)

    def _answer(self, message: Message) -> None:
        code = message.text.split("加 ")[1].split(" ")[0]
        self._bench.call("replies", {"from": message.to, "text": f"{self._random.choice('234')} {code}"})
        self.answered += 1


@pytest.mark.timeout(7200 if ESCALATIONS > 1000 else 300)
@pytest.mark.parametrize("names_messages", [True, False], ids=["by-their-id", "by-our-id"])
def test_every_escalation_ends_and_none_is_forgotten(tmp_path: Path, names_messages: bool) -> None:
    seed = 20260102
    bench = SmsBench.of(
        tmp_path, None, webhook_provider("a", replies=True, receipt_within_s=60),
        unsigned_provider("b", receipt_within_s=60), seed=seed, keep_days=3650,
    )  # fmt: skip
    bench.carrier.chances = {"a": BAD, "b": BAD}
    bench.carrier.names_messages = names_messages
    doctors = Doctors(bench, seed)
    begun = 0
    for _ in range(ESCALATIONS * 100):
        while begun < ESCALATIONS and len(bench.desk.escalations.open(1000)) < AT_A_TIME:
            begun += 1
            bench.desaturate_resident(f"R-{begun}")
        bench.reports(15)
        doctors.look()
        if begun == ESCALATIONS and not bench.desk.escalations.open(1):
            break
    bench.reports(200)
    everything = bench.desk.escalations.newest(ESCALATIONS + 1)
    notices = dict(bench.rows("SELECT id, unsure_ms FROM notice"))
    counts = dict(bench.rows("SELECT state, count(*) FROM notice GROUP BY state"))
    doubles = {id_ for id_, times in bench.carrier.phones.items() if times > 1}
    histories = bench.rows("SELECT count(*) FROM history WHERE type = 'notice_postponed'")
    bench.close()

    assert len(everything) == ESCALATIONS
    assert {one.status for one in everything} == {Status.CLOSED}
    assert all((one.closed_because or "").startswith("answered_") for one in everything)
    assert doctors.answered >= ESCALATIONS
    # A phone gets a notice twice only where a provider did not answer and another one was asked after the wait.
    given = {(provider, message.id) for provider, message in bench.carrier.taken}
    assert len(given) == len(bench.carrier.taken), "one provider took the same notice twice"
    assert all({("a", id_), ("b", id_)} <= given for id_ in doubles & set(notices))
    assert len(doubles) < 0.2 * len(notices)
    assert set(counts) <= {"accepted", "delivered", "failed", "unconfirmed", "dropped"}
    assert min(counts["delivered"], counts["failed"], counts["unconfirmed"], histories[0][0]) > 0
