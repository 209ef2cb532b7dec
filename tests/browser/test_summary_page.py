"""The list of a summary on a phone: many alarms of one site, one tap to each, one button for 已看."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_rules.pages.app import build_app
from cunmai_rules.shipped import policies_dir
from support.accessibility import faults
from support.axe import objections
from support.browser import PHONE, browsing
from support.fake_carrier import FakeCarrier
from support.rules_bench import LINK_KEY, Bench
from support.sms_bench import webhook_provider
from support.sms_sink import SmsSink
from support.web import serving

pytestmark = pytest.mark.server


@pytest.fixture
def summary(tmp_path: Path) -> Iterator[str]:
    """The address that the newest summary to the village doctor names: nine alarms, one of them answered."""
    carrier = FakeCarrier(lambda: bench.now_ms)
    sms = {"providers": [webhook_provider("a", replies=True)]}
    changes = {"policies": policies_dir() / "county.yaml", "webhook": None, "sms": sms}
    bench = Bench(tmp_path, SmsSink(), changes=changes, carrier=carrier)
    for n in range(9):
        times = range(bench.now_ms - 20_000, bench.now_ms, 1000)
        bench.deliver(*(bench.reading(84, resident=f"R-{n}B7K", t=t_ms) for t_ms in times))
        bench.now_ms += 1000
    bench.passes(1)
    bench.passes(16)
    text = next(one.text for _, one in carrier.taken if one.template == "summary")
    found = re.search(r"/s/\w+", text)
    assert found
    app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
    with serving(app) as address:
        yield address + found[0]
    bench.close()


def test_one_after_the_other_and_then_the_rest_at_once(summary: str) -> None:
    with browsing(PHONE) as browser:
        browser.open(summary)
        assert browser.sees("汇总清单 · 上村卫生室")
        assert len(browser.all("#open a.item")) == 9
        assert not browser.overflows_sideways()
        assert faults(browser) == []
        assert objections(browser) == []
        browser.picture("summary-zh")
        browser.tap("#open a.item")
        assert browser.sees("红色预警")
        browser.tap("button.contacted")
        assert browser.sees("已记录您的答复")  # on the list again
        assert len(browser.all("#done a.item")) == 1
        browser.tap("form button")
        assert browser.sees("已看, 等待处理结果")
        assert len(browser.all("#mine a.item")) == 8
        assert browser.all("form button") == []
        browser.tap("a.language")
        assert browser.sees("Handled")
        assert objections(browser) == []
        assert not browser.overflows_sideways()
        browser.picture("summary-en")
