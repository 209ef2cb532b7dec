"""The doctors' pages in every state, language and size, dark too: axe, thumbs, and colour never alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cunmai_rules.pages.app import build_app
from cunmai_rules.referral.desk import ReferralDesk
from cunmai_wire.events import Answer
from support.accessibility import coloured, faults
from support.axe import objections
from support.browser import KIOSK, PHONE, Browser, Screen, browsing
from support.rules_bench import LINK_KEY, Bench
from support.sms_sink import SmsSink
from support.web import serving

pytestmark = pytest.mark.server

HOUR_S = 3600
_PACKS = b"""\
pack: oximetry
version: 7
title: {zh: \xe8\xa1\x80\xe6\xb0\xa7, en: Oximetry}
rules:
  - id: spo2-low
    title: {zh: \xe8\xa1\x80\xe6\xb0\xa7\xe5\x81\x8f\xe4\xbd\x8e, en: Low SpO2}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 15, gap_s: 600}
    clear: {at_or_above: 95, for_s: 30}
    quality: {accept: [from_storage]}
    lane: page
    stale_after_s: 900
    source: a test
  - id: pulse-high
    title: {zh: \xe8\x84\x89\xe7\x8e\x87\xe5\x81\x8f\xe5\xbf\xab, en: Fast pulse}
    grade: yellow
    when: {reads: oximetry.pulse_bpm, unit: "/min", at_or_above: 130, for_s: 15, gap_s: 600}
    clear: {below: 120, for_s: 30}
    lane: review
    stale_after_s: 900
    source: a test
"""
LOOKS = {
    "phone-zh": (PHONE, "zh", "light"),
    "phone-en": (PHONE, "en", "light"),
    "phone-dark-zh": (PHONE, "zh", "dark"),
    "kiosk-zh": (KIOSK, "zh", "light"),
}
"""Which screen, language and colours."""
WORDS = {"red": ("红", "Red"), "yellow": ("黄", "Yellow"), "closed": ("已处理", "Handled")}


@dataclass(frozen=True)
class Served:
    """The pages, with what stands on them."""

    address: str
    bench: Bench
    paths: dict[str, str]
    """By the state that a path shows."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with SmsSink() as sink:
        bench = Bench(tmp_path_factory.mktemp("pages"), sink, packs=_PACKS)
        paths = fill(bench)
        app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
        with serving(app) as address:
            yield Served(address, bench, paths)
        bench.close()


def alarm(bench: Bench, resident: str, spo2_pct: float = 88, pulse_bpm: int = 112) -> tuple[str, str]:
    """One resident's alarm, told; the escalation, and the path of the link in its message."""
    for _ in range(17):
        bench.deliver(bench.reading(spo2_pct, resident=resident, pulse_bpm=pulse_bpm))
        bench.now_ms += 1000
    bench.passes(1)
    (one,) = [one for one in bench.desk.escalations.newest(9) if one.resident == resident]
    return one.id, link_to(bench, one.id)


def link_to(bench: Bench, escalation: str) -> str:
    """The path of the first link to it that was sent."""
    for token in re.findall(r"/e/(\S+)", " ".join(bench.sink.texts)):
        link = bench.desk.escalations.link(token)
        if link is not None and link[0] == escalation:
            return f"/e/{token}"
    raise AssertionError(f"no message about {escalation}")


def fill(bench: Bench) -> dict[str, str]:
    """One of everything: expired, closed, seen, referred, a task, open; each at its own time."""
    _, expired = alarm(bench, "R-0EXP")
    bench.now_ms += 30 * 24 * HOUR_S * 1000
    handled, closed = alarm(bench, "R-1CLS")
    bench.desk.answer(handled, "village", Answer.FALSE_ALARM, bench.now_ms)
    bench.passes(600)
    referred, _ = alarm(bench, "R-2REF")
    with bench.db.transaction():
        ReferralDesk(bench.db, bench.desk).refer(
            referred, "village", "township", "血氧 88, 请收治", bench.now_ms
        )
    bench.passes(600)
    owed, seen = alarm(bench, "R-3SEE")
    bench.desk.answer(owed, "village", Answer.SEEN, bench.now_ms)
    bench.passes(60)
    for _ in range(17):
        bench.deliver(bench.reading(97, resident="R-4TSK", pulse_bpm=140))
        bench.now_ms += 1000
    bench.passes(600)
    waiting, open_ = alarm(bench, "R-5OPN")
    with bench.db.transaction():
        mine, theirs = (bench.desk.worklists.grant(one, bench.now_ms) for one in ("village", "township"))
    (task,) = [one.id for one in bench.desk.escalations.newest(9) if one.resident == "R-4TSK"]
    return {
        "link-open": open_, "link-answered": f"{seen}?done", "link-closed": closed, "link-expired": expired,
        "link-unknown": f"{open_}x", "list": f"/w/{mine}", "list-unknown": f"/w/{mine}x",
        "one-open": f"/w/{mine}/{waiting}", "one-task": f"/w/{mine}/{task}",
        "one-handed": f"/w/{mine}/{waiting}?done=handed", "referral-receiver": f"/w/{theirs}/{referred}",
    }  # fmt: skip


@pytest.fixture(scope="module", params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Iterator[tuple[str, Browser, str]]:
    screen, lang, scheme = LOOKS[request.param]
    with browsing(screen) as browser:
        browser.prefer(scheme)
        yield request.param, browser, lang


def shown(browser: Browser, served: Served, path: str, lang: str) -> None:
    query = ("&" if "?" in path else "?") + "lang=en" if lang == "en" else ""
    browser.open(served.address + path + query)
    for details in browser.all("details > summary"):
        details.click()


def test_no_page_has_a_serious_fault(look: tuple[str, Browser, str], served: Served) -> None:
    name, browser, lang = look
    found, met = {}, set()
    for state, path in served.paths.items():
        shown(browser, served, path, lang)
        browser.picture(f"pages-{state}-{name}")
        if objected := [*faults(browser), *unsaid(browser, lang)]:
            found[state] = objected
        met |= {colour for colour, _ in coloured(browser, tuple(WORDS))}
    assert found == {}
    assert met == set(WORDS), "every colour was seen"


def unsaid(browser: Browser, lang: str) -> list[str]:
    """What is said by its colour alone."""
    return [
        f"{colour} without a word: {text}"
        for colour, text in coloured(browser, tuple(WORDS))
        if WORDS[colour][lang == "en"] not in text
    ]


@pytest.mark.parametrize("screen", [PHONE], ids=lambda screen: screen.name)
def test_axe_itself_sees_what_is_wrong(screen: Screen, served: Served) -> None:
    """One fault of each kind that a page of ours could have: pale words, a field and a picture without a name."""
    with browsing(screen) as browser:
        browser.open(served.address + served.paths["one-open"])
        assert objections(browser) == []
        browser.driver.execute_script(
            "document.querySelector('h1').style.color = '#c8c8c8';"
            "document.querySelector('svg.trend').removeAttribute('aria-label');"
            "document.querySelector('main').append(document.createElement('input'));"
            "document.documentElement.lang = '';"
        )
        rules = {one.split(": ")[1].split(" at ")[0] for one in objections(browser)}
    assert rules == {"color-contrast", "svg-img-alt", "label", "html-has-lang"}
