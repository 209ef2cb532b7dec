"""Reds that wait for their summary go out in time though the clock is set back meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cunmai_rules.shipped import policies_dir
from cunmai_rules.thresholds.loader import build_rules
from support.rules import OXIMETRY
from support.sms_bench import WHO, SmsBench, webhook_provider

RULES = (
    OXIMETRY.split(b"rules:")[0]
    + b"""rules:
  - {id: spo2-deep, title: {zh: t, en: t}, grade: red, lane: page, source: a test,
     when: {reads: oximetry.spo2_pct, unit: '%', below: 85}, clear: {at_or_above: 95}}
"""
)


@pytest.mark.parametrize("back_s", [1800, 6 * 3600, 3 * 86_400])
def test_they_wait_no_longer_than_fifteen_seconds_from_then(tmp_path: Path, back_s: int) -> None:
    policies = str(policies_dir() / "county.yaml")
    with closing(SmsBench.of(tmp_path, None, webhook_provider("a"), policies=policies)) as bench:
        bench.engine.rules = build_rules([("oximetry.yaml", RULES)])
        for n in range(8):
            bench.deliver(bench.reading(80, resident=f"R-{n}", device=f"oxi-{n}"))
        bench.notifier.send_due()
        assert [one.template for _, one in bench.carrier.taken] == ["page"] * 3
        bench.now_ms -= back_s * 1000
        bench.passes(1)
        bench.passes(15)
        to_village = [one.template for _, one in bench.carrier.taken if WHO[one.to] == "V"]
        assert to_village == ["page"] * 3 + ["summary"]
        told = bench.rows("SELECT told_ms FROM notice WHERE contact = 'village'")
        assert len(told) == 8
        assert None not in {told_ms for (told_ms,) in told}
