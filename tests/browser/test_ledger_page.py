"""The ledger's page on a phone and at a desk. Pictures are kept as test artefacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_ingest.api.tokens import Right
from cunmai_wire.topics import Channel, gateway_topic
from support.accessibility import faults
from support.api_bench import NOW_MS, ApiBench, api_bench
from support.browser import KIOSK, PHONE, browsing
from support.messages import STREAM, T0_MS, envelope, oximetry, state
from support.web import serving

pytestmark = pytest.mark.server

OTHER_STREAM = "22222222-2222-3333-4444-555555555555"
DAY_MS = 86_400_000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ApiBench]:
    with api_bench(tmp_path) as made:
        yield made


@pytest.fixture
def address(bench: ApiBench) -> Iterator[str]:
    with serving(bench.app) as served:
        yield served


def fill(bench: ApiBench) -> None:
    """A day in order; today with a gap past its deadline and a loss; another gateway on the way."""
    ledger = bench.ledger
    ledger.now_ms = T0_MS - DAY_MS + 5000
    ledger.readings(*[oximetry(seq, T0_MS - DAY_MS + seq) for seq in range(1, 501)])
    ledger.judged((1, 500))
    ledger.sweep()
    ledger.now_ms = NOW_MS - 3_600_000
    ledger.state(520, losses=[{"stream": STREAM, "day": "2023-11-15", "reason": "dropped", "count": 3}])
    ledger.readings(oximetry(515, ledger.now_ms))
    ledger.judged((515, 515))
    ledger.sweep()
    ledger.now_ms = NOW_MS
    ledger.sweep()
    ledger.take(
        gateway_topic("clinic-02", Channel.STATE),
        state(3, gateway="clinic-02", stream=OTHER_STREAM, at=NOW_MS),
    )
    reading = envelope([oximetry(1, NOW_MS)], gateway="clinic-02", stream=OTHER_STREAM)
    ledger.take(gateway_topic("clinic-02", Channel.READINGS), reading)
    ledger.sweep()


@pytest.mark.parametrize("screen", [PHONE, KIOSK], ids=lambda screen: screen.name)
def test_a_person_gives_a_token_and_sees_what_is_wrong(bench: ApiBench, address: str, screen: object) -> None:
    fill(bench)
    with browsing(screen) as browser:  # type: ignore[arg-type]
        browser.open(f"{address}/ledger")
        assert browser.sees("访问令牌")
        browser.picture("ledger-token")
        assert faults(browser) == []
        browser.one("#token").send_keys(bench.token("*", rights=(Right.LEDGER,)))
        browser.tap("button")
        assert browser.sees("未了结的缺口")
        assert browser.sees("网关报告已丢弃, 无法找回")
        assert browser.sees("已催网关重发, 等待中 (已催 1 次)")
        verdicts = [found.text for found in browser.all("tbody tr .verdict")]
        assert verdicts == ["有丢失", "等待中", "已对平"]
        assert [row.get_attribute("class") for row in browser.all("tbody tr")] == ["red", "grey", "green"]
        browser.picture("ledger-zh")
        assert faults(browser) == []
        browser.tap("a.language")
        assert browser.sees("the gateway says it has dropped them")
        browser.picture("ledger-en")
        assert faults(browser) == []
        browser.prefer("dark")
        browser.picture("ledger-dark-en")
        assert faults(browser) == []
        assert browser.all("script") == []


def test_silence_is_never_green(bench: ApiBench, address: str) -> None:
    with browsing(PHONE) as browser:
        browser.open(f"{address}/ledger")
        browser.one("#token").send_keys(bench.token("*", rights=(Right.LEDGER,)))
        browser.tap("button")
        assert browser.sees("没有数据不等于正常")
        assert browser.all(".green") == []
        browser.picture("ledger-empty")
        assert faults(browser) == []
        bench.ledger.state(0)
        bench.ledger.now_ms += 16 * 60_000
        browser.open(f"{address}/ledger")
        (gateway,) = browser.all(".gateways li")
        assert (gateway.get_attribute("class"), "在线, 久无数据" in gateway.text) == ("grey", True)


def test_a_wrong_token_is_refused_and_the_form_stays(bench: ApiBench, address: str) -> None:
    with browsing(PHONE) as browser:
        browser.open(f"{address}/ledger?lang=en")
        browser.one("#token").send_keys("cunmai_nobody_nothing")
        browser.tap("button")
        assert browser.sees("the token is missing, expired or revoked")
        assert browser.one("#token").is_displayed()
        for scheme in ("light", "dark"):
            browser.prefer(scheme)
            assert faults(browser) == []
        assert browser.driver.get_cookies() == []
