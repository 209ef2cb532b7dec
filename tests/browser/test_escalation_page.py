"""The page behind a link, on a phone: seen, understood, answered. Pictures are kept as test artefacts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from cunmai_rules.pages.app import build_app
from support.browser import PHONE, browsing
from support.rules_bench import LINK_KEY, Bench
from support.web import serving

pytestmark = pytest.mark.server


@pytest.fixture
def link(bench: Bench) -> Iterator[str]:
    """The address of the page of an alarm: an old man's oxygen, falling."""
    for spo2_pct in (97, 97, 96, 97, 96, 95, 95, 94, 94):
        bench.desaturate(2, spo2_pct)
    for spo2_pct in (92, 91, 90, 89, 88):
        bench.desaturate(4, spo2_pct)
    bench.notifier.send_due()
    found = re.search(r"(/e/\S+)", bench.sink.texts[0])
    assert found
    app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
    with serving(app) as address:
        yield address + found[1]


def statuses(bench: Bench) -> list[str]:
    return [row[0] for row in bench.rows("SELECT status FROM escalation")]


def test_a_doctor_opens_the_link_sees_why_and_answers(link: str, bench: Bench) -> None:
    with browsing(PHONE) as browser:
        browser.open(link)
        assert browser.sees("红色预警")
        assert browser.sees("R-7F3K")
        assert browser.one("svg.trend").is_displayed()
        assert not browser.overflows_sideways()
        browser.picture("escalation-zh")
        browser.tap("a.language")
        assert browser.sees("Red alert")
        browser.picture("escalation-en")
        browser.tap("a.language")
        assert browser.sees("红色预警")
        assert statuses(bench) == ["open"]
        browser.tap("button.contacted")
        assert browser.sees("已记录您的答复")
        assert browser.sees("已有处理结果")
        assert browser.sees("已处理: 已联系")
        assert browser.one("button.chosen").text.startswith("✓ 已联系")
        assert not browser.overflows_sideways()
        browser.picture("escalation-answered-zh")
    assert statuses(bench) == ["closed"]


def test_it_needs_no_javascript(link: str) -> None:
    """The page forbids itself all scripts, so whatever the other tests see works without."""
    with browsing(PHONE) as browser:
        browser.open(link)
        assert browser.all("script") == []
        policy = browser.driver.execute_async_script(
            "const done = arguments[0];"
            "fetch(location.href).then(r => done(r.headers.get('content-security-policy')),"
            " e => done('refused: ' + e.name))"
        )
    assert policy == "refused: TypeError"  # the policy forbids even the asking


def test_a_wrong_link_says_what_to_do(link: str) -> None:
    with browsing(PHONE) as browser:
        browser.open(link + "x")
        assert browser.sees("链接无效")
        assert browser.sees("请从短信里重新打开")
        browser.picture("unknown-link-zh")
