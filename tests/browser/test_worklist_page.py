"""The worklist on a phone: what is open, an answer in one tap, renewed by itself. Pictures are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cunmai_rules.pages.app import build_app
from cunmai_rules.referral.desk import ReferralDesk
from support.accessibility import faults
from support.browser import KIOSK, PHONE, browsing
from support.rules_bench import LINK_KEY, Bench
from support.web import serving

pytestmark = pytest.mark.server


@pytest.fixture
def worklist(bench: Bench) -> Iterator[str]:
    """The address of the village doctor's list, with one alarm on it."""
    bench.desaturate(20, 88)
    bench.passes(2)
    with bench.db.transaction():
        token = bench.desk.worklists.grant("village", bench.now_ms)
    app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
    with serving(app) as address:
        yield f"{address}/w/{token}"


def another(bench: Bench, resident: str) -> None:
    for _ in range(17):
        bench.deliver(bench.reading(84, resident=resident))
        bench.now_ms += 1000
    bench.passes(1)


def test_from_the_list_to_an_answer_and_back(worklist: str, bench: Bench) -> None:
    with browsing(PHONE) as browser:
        browser.open(worklist)
        assert browser.sees("工作列表 · 村医")
        assert browser.sees("R-7F3K")
        assert not browser.overflows_sideways()
        assert faults(browser) == []
        another(bench, "R-2B9Q")
        assert browser.sees("R-2B9Q")  # by itself
        browser.picture("worklist-zh")
        browser.tap("#open a.item")
        assert browser.sees("红色预警")
        browser.tap("button.seen")
        assert browser.sees("已记录您的答复")
        browser.tap("summary")
        assert faults(browser) == []
        browser.picture("worklist-one-zh")
        browser.tap("main > p > a")
        assert browser.sees("已看, 等待处理结果")
        assert len(browser.all("#mine a.item")) == 1
        browser.tap("a.language")
        assert browser.sees("seen, outcome owed")
        assert not browser.overflows_sideways()
        browser.picture("worklist-en")


def test_a_referral_is_seen_by_its_receiver(worklist: str, bench: Bench) -> None:
    with bench.db.transaction():
        ReferralDesk(bench.db, bench.desk).refer(
            bench.escalation().id, "village", "township", "血氧 88, 请收治", bench.now_ms
        )
        token = bench.desk.worklists.grant("township", bench.now_ms)
    theirs = f"{worklist.rpartition('/')[0]}/{token}/{bench.escalation().id}"
    with browsing(PHONE) as browser:
        browser.open(theirs)
        assert browser.sees("转诊: 村医 → 乡镇卫生院值班")
        assert faults(browser) == []
        assert not browser.overflows_sideways()
        browser.picture("referral-zh")
        browser.tap("section.referral button.contacted")
        assert browser.sees("对方已接收")
        browser.tap("a.language")
        assert browser.sees("accepted, outcome owed")


def test_on_a_large_screen(worklist: str) -> None:
    with browsing(KIOSK) as browser:
        browser.open(worklist)
        assert browser.sees("R-7F3K")
        assert not browser.overflows_sideways()
        browser.picture("worklist-zh")
