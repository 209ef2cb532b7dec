"""Summaries that no provider takes: what they would have told of goes out singly, at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cunmai_rules.cautions import cautions
from cunmai_rules.notify.providers.base import Fault, Message, Outcome, Refused
from cunmai_rules.shipped import policies_dir
from cunmai_rules.thresholds.loader import build_rules
from support.rules import OXIMETRY
from support.sms_bench import SmsBench, unsigned_provider

BOTH = {"page": "SMS_1", "summary": "SMS_4"}
RED_AT_ONCE = (
    OXIMETRY.split(b"rules:")[0]
    + b"""rules:
  - {id: spo2-deep, title: {zh: t, en: t}, grade: red, lane: page, source: a test,
     when: {reads: oximetry.spo2_pct, unit: '%', below: 85}, clear: {at_or_above: 95}}
"""
)


@contextmanager
def burst_bench(folder: Path, *providers: dict[str, Any]) -> Iterator[SmsBench]:
    """A bench whose policies fold bursts, and ten residents of one site with a red each."""
    policies = folder / "county.yaml"
    shutil.copy(policies_dir() / "county.yaml", policies)
    with closing(SmsBench.of(folder, None, *providers, policies=str(policies))) as bench:
        bench.engine.rules = build_rules([("oximetry.yaml", RED_AT_ONCE)])
        yield bench


def ten_reds(bench: SmsBench) -> None:
    for n in range(10):
        bench.deliver(bench.reading(80, resident=f"R-{n:02d}", device=f"oxi-{n}"))


def unheard(bench: SmsBench) -> list[str]:
    """The residents of whom no message was taken."""
    found = bench.desk.escalations.newest(50)
    return [
        str(one.resident)
        for one in found
        if not any(notice.accepted_ms for notice in bench.desk.escalations.notices(one.id))
    ]


def test_nothing_is_folded_where_one_provider_cannot_send_summaries(tmp_path: Path) -> None:
    able, unable = unsigned_provider("ali", templates=BOTH), unsigned_provider("other")
    with burst_bench(tmp_path, able, unable) as bench:
        bench.carrier.down.add("ali")
        ten_reds(bench)
        bench.passes(5)
        assert len(bench.desk.escalations.newest(50)) == 10
        assert unheard(bench) == []
        assert {message.template for _, message in bench.carrier.taken} == {"page"}
        (said,) = [one for one in cautions(bench.settings) if "summary" in one]
        assert "other has no template `summary`: nothing is folded" in said


@pytest.mark.parametrize("fault", [Fault.PERMANENT, Fault.MISDIRECTED])
def test_a_refused_summary_is_taken_apart_at_once(
    tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    with burst_bench(tmp_path, unsigned_provider("ali", templates=BOTH)) as bench:
        usual, refused = bench.carrier._outcome, []

        def outcome(message: Message, provider: str) -> Outcome:
            if message.template == "page":
                return usual(message, provider)
            refused.append(message)
            return Refused(fault, "isv.SMS_TEMPLATE_ILLEGAL")

        monkeypatch.setattr(bench.carrier, "_outcome", outcome)
        ten_reds(bench)
        bench.passes(1)
        assert len(unheard(bench)) == 7
        bench.passes(15)
        bench.passes(1)
        assert len(refused) == 1
        assert unheard(bench) == []
        assert len(bench.carrier.taken) == 10
        found = bench.desk.escalations.newest(50)
        histories = [[line.type for line in bench.desk.escalations.history(one.id)] for one in found]
        held = [history for history in histories if "notice_held" in history]
        before = ["opened", "notice_queued", "notice_held", "notice_together", "notice_apart"]
        assert [history[:5] for history in held] == [before] * 7
