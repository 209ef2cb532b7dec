"""The button 已看 on the page of a summary answers what the page showed, as grave as it showed it, and nothing else."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from cunmai_rules.shipped import policies_dir
from cunmai_rules.thresholds.loader import build_rules
from support.rules import OXIMETRY
from support.sms_bench import SmsBench, webhook_provider

RULES = (
    OXIMETRY.split(b"rules:")[0]
    + b"""rules:
  - {id: spo2-deep, title: {zh: t, en: t}, grade: red, lane: page, source: a test,
     when: {reads: oximetry.spo2_pct, unit: '%', below: 85}, clear: {at_or_above: 95}}
  - {id: pulse-fast, title: {zh: t, en: t}, grade: yellow, lane: page, source: a test,
     when: {reads: oximetry.pulse_bpm, unit: '/min', at_or_above: 140}, clear: {at_or_below: 130}}
"""
)


def test_what_came_since_and_what_turned_red_stays_open(tmp_path: Path) -> None:
    policies = str(policies_dir() / "county.yaml")
    with closing(SmsBench.of(tmp_path, None, webhook_provider("a"), policies=policies)) as bench:
        bench.engine.rules = build_rules([("oximetry.yaml", RULES)])
        for n in range(6):
            bench.deliver(bench.reading(97, pulse_bpm=150, resident=f"R-{n}", device=f"oxi-{n}"))
        for _ in range(15):
            bench.passes(5)
        text = next(one.text for _, one in bench.carrier.taken if one.template == "summary")
        found = re.search(r"/s/\w+", text)
        assert found
        with bench.client() as browser:
            (shown,) = re.findall(r'name="shown" value="([^"]*)"', browser.get(found[0]).text)
            assert len(shown.split()) == 6
            bench.now_ms += 20_000
            bench.deliver(bench.reading(80, resident="R-NEW", device="oxi-9"))
            bench.deliver(bench.reading(80, pulse_bpm=150, resident="R-5", device="oxi-5"))
            bench.notifier.send_due()
            form = {"answer": "seen", "shown": shown}
            answered = browser.post(found[0], data=form, follow_redirects=False)
            assert (answered.status_code, answered.headers["location"]) == (303, f"{found[0]}?done")
            # Said again it answers nothing, and does not say that it did.
            again = browser.post(found[0], data=form, follow_redirects=False)
            assert (again.status_code, again.headers["location"]) == (303, found[0])
        status = {f"R-{n}": str(bench.escalation_of(f"R-{n}").status) for n in range(6)}
        assert status == dict.fromkeys(("R-0", "R-1", "R-2", "R-3", "R-4"), "seen") | {"R-5": "open"}
        assert bench.escalation_of("R-5").grade == "red"
        assert bench.escalation_of("R-NEW").status == "open"
