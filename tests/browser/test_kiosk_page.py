"""The kiosk's page in Chromium: a visit, an outage, a full disk, a nurse who puts things right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from cunmai_gateway.measurement import Measurement
from cunmai_wire.quality import QualityFlag
from support.accessibility import faults, press, tab_until
from support.browser import SMALL_KIOSK, SMARTPHONE, Browser, Screen, browsing_kiosk
from support.kiosk import Bench, kiosk_bench, oximetry
from support.servers import wait_until

pytestmark = pytest.mark.server

CARD = "0004915632"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    cards = tmp_path / "cards.csv"
    cards.write_text(f"card,resident\n{CARD},R-7F3K\n", encoding="utf-8")
    with kiosk_bench(tmp_path, cards=cards, assigned={"oxi-1": None, "bp-1": None}) as bench:
        yield bench


@pytest.fixture
def address(bench: Bench) -> str:
    return bench.serve()


BOTH = pytest.mark.parametrize(
    "browser", [SMALL_KIOSK, SMARTPHONE], ids=lambda screen: screen.name, indirect=True, scope="module"
)


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    screen: Screen = getattr(request, "param", SMALL_KIOSK)
    with browsing_kiosk(screen) as browser:
        yield browser


def pause(browser: Browser) -> None:
    """As long as between two keys of a person, and longer than between two of a reader."""
    browser.driver.execute_async_script("setTimeout(arguments[0], 90)")


def shot(browser: Browser, name: str) -> None:
    """A picture of what fits on the screen, and nothing to object to on it."""
    browser.picture(f"kiosk-{name}")
    assert faults(browser) == []


def shows(browser: Browser, css: str, words: str) -> bool:
    return any(words in one.text for one in browser.all(css) if one.is_displayed())


@pytest.mark.parametrize("lang", ["zh", "en"])
@BOTH
def test_a_visit(browser: Browser, bench: Bench, address: str, lang: str) -> None:
    say: Callable[[str, str], str] = lambda zh, en: zh if lang == "zh" else en  # noqa: E731
    bench.connected()
    browser.open(address)
    assert browser.sees("请刷卡或扫码")
    if lang == "en":
        browser.tap("a.language")
        assert browser.sees("Swipe your card")
    shot(browser, f"1-who-{lang}")
    browser.swipe(CARD)
    assert browser.sees("R-7F3K")
    assert browser.sees(say("请夹上血氧仪", "Put the finger in"))
    assert browser.sees(say("秒后自动结束", "ends by itself in"))
    shot(browser, f"2-insert-{lang}")
    bench.series(96, 96, 97, 97, 97, 96, 97, 97)
    assert browser.sees("97%")
    assert browser.sees(say("很好, 请保持不动", "Good: keep still"))
    wait_until(lambda: browser.one("#ring").get_attribute("aria-valuenow") == "47", what="7 of 15 s")
    shot(browser, f"3-measuring-{lang}")
    bench.series(*[97] * 9)
    assert browser.sees(say("在一般范围内", "In the usual range"))
    assert browser.sees(say("已保存, 正在上传 17 条", "Saved, uploading 17"))
    bench.receipt_all()
    assert browser.sees(say("已上传", "Uploaded"))
    bench.finger_off()
    shot(browser, f"4-result-{lang}")
    browser.tap("#finish")
    assert browser.sees(say("上一位已结束", "The last visit has ended"))
    assert [one["resident"] for one in bench.readings()] == []
    assert bench.state()["session"] is None


@BOTH
def test_offline_it_measures_keeps_and_shows_the_backlog(
    browser: Browser, bench: Bench, address: str
) -> None:
    bench.up = False
    bench.connected()
    bench.series(*[95] * 3)
    browser.open(address)
    assert browser.sees("网络断开, 可以照常测量")
    assert browser.sees("已保存, 待上传 3 条")
    browser.swipe(CARD)
    assert browser.sees("R-7F3K")
    bench.series(*[92] * 17)
    assert browser.sees("偏低。请现在告诉医生。")
    assert browser.sees("请先不要离开。")
    assert browser.sees("已保存, 待上传 17 条")
    assert browser.sees("已保存, 待上传 20 条")
    assert shows(browser, "#mine", "待上传 17 条")
    assert shows(browser, "footer", "待上传 20 条")
    shot(browser, "offline-low-zh")
    browser.tap("a.language")
    assert browser.sees("Saved, 17 to upload once the network is back.")
    shot(browser, "offline-low-en")
    bench.up = True
    bench.receipt_all()
    assert browser.sees("Uploaded")
    assert {one["resident"] for one in bench.readings()} == set()


@BOTH
def test_a_full_disk_is_shouted_and_the_value_is_still_there(
    browser: Browser, bench: Bench, address: str
) -> None:
    bench.connected()
    bench.fault = "disk full"
    bench.check_in("R-7F3K")
    browser.open(address)
    bench.series(97, 97)
    assert browser.sees("97%")
    assert browser.sees("现在的测量值没有保存。请抄下数值, 并马上联系维护人员。")
    shot(browser, "disk-full-zh")
    bench.series(*[97] * 16)
    assert browser.sees("测量完成")
    assert not shows(browser, "body", "已上传")
    shot(browser, "disk-full-result-zh")


def test_what_may_be_wrong_with_the_device_is_said(browser: Browser, bench: Bench, address: str) -> None:
    browser.open(address)
    assert browser.sees("刚刚开机, 正在寻找设备")
    shot(browser, "starting-zh")
    bench.now_ms += 31_000
    assert browser.sees("没有连上设备。请打开血氧仪的电源")
    bench.check_in("R-7F3K")
    assert browser.sees("请夹上血氧仪")
    assert browser.sees("没有连上设备")
    shot(browser, "device-off-zh")
    bench.connected()
    bench.measure(oximetry(88, QualityFlag.LOW_PERFUSION))
    assert browser.sees("手太凉, 血流弱。请搓热手再夹。")
    assert "unsure" in (browser.one("#ring").get_attribute("class") or "")
    shot(browser, "poor-signal-zh")
    bench.finger_off()
    assert browser.sees("没有得到稳定的数值, 请重新夹好再测。")


@BOTH
def test_a_finger_without_a_card_is_told_to_check_in(browser: Browser, bench: Bench, address: str) -> None:
    bench.connected()
    browser.open(address)
    assert browser.sees("请刷卡或扫码")
    bench.series(96, 96)
    assert browser.sees("正在测量, 但还没有登记是谁")
    shot(browser, "nobody-zh")
    browser.swipe(CARD)
    assert browser.sees("R-7F3K")
    bench.series(96)
    assert [one.get("resident") for one in bench.readings()] == [None, None, "R-7F3K"]


def test_refused_cards_and_numbers_say_what_to_do(browser: Browser, bench: Bench, address: str) -> None:
    browser.open(address)
    assert browser.sees("请刷卡或扫码")
    for text, words in (
        ("13800000001", "这像是身份证号或手机号, 不能用, 也没有保存。"),
        ("0009999999", "这张卡还没有登记。"),
        ("wangxiuying", "这不是居民编号。"),
    ):
        browser.swipe(text)
        assert browser.sees(words)
        assert browser.one("#text").get_attribute("value") == ""
    shot(browser, "refused-zh")
    assert bench.state()["session"] is None


def test_a_card_works_whatever_has_the_focus(browser: Browser, bench: Bench, address: str) -> None:
    bench.connected()
    bench.check_in("R-2M9D")
    browser.open(address)
    assert browser.sees("R-2M9D")
    browser.driver.execute_script("document.getElementById('finish').focus()")
    browser.swipe(CARD)
    assert browser.sees("R-7F3K"), "the Enter did not press the button that had the focus"
    browser.open(f"{address}/site")
    browser.one("#waiting").send_keys("12")
    pause(browser)
    browser.swipe(CARD)
    assert browser.sees("请夹上血氧仪")
    assert bench.readings() == []


def test_only_with_a_keyboard(browser: Browser, bench: Bench, address: str) -> None:
    bench.connected()
    browser.open(address)
    assert browser.sees("请刷卡或扫码")
    for char in "r-7f3k":
        press(browser, char)
        pause(browser)
    press(browser, Keys.ENTER)
    assert browser.sees("请夹上血氧仪")
    assert bench.state()["session"]["resident"] == "R-7F3K"
    pause(browser)
    press(browser, Keys.ENTER)
    assert bench.state()["session"] is not None, "one Enter too many ends nothing"
    way = tab_until(browser, "finish")
    assert all(one["outline"] >= 3 for one in way), way
    press(browser, Keys.ENTER)
    assert browser.sees("上一位已结束")
    browser.open(address)
    way = tab_until(browser, "机构情况")
    press(browser, Keys.ENTER)
    assert browser.sees("机构情况上报")


@BOTH
def test_readings_without_a_resident_are_put_right(browser: Browser, bench: Bench, address: str) -> None:
    bench.series(*[97, 96, 95])
    bench.now_ms += 600_000
    bench.check_in("R-2M9D")
    values: dict[str, object] = {"systolic_mmhg": 150.0, "diastolic_mmhg": 92.0, "pulse_bpm": 70.0}
    bench.measure(Measurement("blood_pressure", values), "bp-1")
    browser.open(f"{address}/readings")
    assert browser.sees("95–97 %")
    assert browser.sees("现在算给: 没有登记")
    assert not browser.sees("R-2M9D", timeout_s=0.1)
    shot(browser, "readings-zh")
    browser.tap(".episode .open")
    browser.one(".episode input").send_keys("13800000001")
    browser.tap(".episode form button[type=submit]")
    assert browser.sees("这像是身份证号或手机号")
    browser.swipe(CARD)
    assert browser.sees("已改好, 更正 3 条")
    assert browser.sees("没有待登记的测量值")
    browser.tap("#every")
    assert browser.sees("现在算给: R-2M9D")
    assert browser.sees("现在算给: R-7F3K")
    browser.tap(".episode .open")
    shot(browser, "readings-open-zh")
    browser.tap(".episode .back")
    assert browser.sees("已改好, 更正 1 条")
    last = bench.readings()[-1]
    assert (last.get("resident"), last["corrects"]["resident"]) == (None, "R-2M9D")
    browser.tap("a.language")
    assert browser.sees("Counts for: nobody")
    shot(browser, "readings-en")


@BOTH
def test_the_clinics_status_is_reported(browser: Browser, bench: Bench, address: str) -> None:
    browser.open(f"{address}/site")
    browser.tap("button[type=submit]")
    assert browser.sees("请至少填写一项。")
    fields: dict[str, str] = {"#waiting": "12", "#beds": "-1", "#stock-1": "9.5"}
    for css, text in fields.items():
        browser.one(css).send_keys(text)
    browser.tap("button[type=submit]")
    assert browser.sees("请检查数字")
    assert browser.driver.switch_to.active_element == browser.one("#beds")
    shot(browser, "site-wrong-zh")
    browser.one("#beds").clear()
    browser.tap("button[type=submit]")
    assert browser.sees("已保存, 将自动上传。")
    shot(browser, "site-zh")
    (reading,) = bench.readings()
    sent: dict[str, Any] = {
        name: reading.get(name) for name in ("waiting_count", "free_beds_count", "stock_days")
    }
    assert sent == {"waiting_count": 12, "free_beds_count": None, "stock_days": {"解热镇痛药": 9.5}}
    browser.tap("a.language")
    assert browser.sees("Days of medicine left")
    shot(browser, "site-en")


def test_a_gateway_that_is_gone_is_said_and_no_value_looks_live(
    browser: Browser, bench: Bench, address: str
) -> None:
    bench.connected()
    bench.check_in("R-7F3K")
    browser.open(address)
    bench.series(97)
    assert browser.sees("97%")
    bench.close()
    assert browser.sees("页面和网关断开了")
    assert browser.one("main").value_of_css_property("filter") == "grayscale(1)"
    assert not browser.sees("97%", timeout_s=0.1)
    shot(browser, "lost-zh")
    bench.open()
    bench.serve()
    assert browser.sees("请刷卡或扫码", timeout_s=20)
    assert not browser.one("#lost").is_displayed()


def test_nothing_comes_from_elsewhere_and_no_script_is_inline(
    browser: Browser, bench: Bench, address: str
) -> None:
    for path in ("/", "/readings", "/site"):
        browser.open(address + path)
        urls = browser.driver.execute_script(
            "return performance.getEntriesByType('resource').map((one) => one.name)"
        )
        assert urls
        assert all(url.startswith(address) for url in urls)
        scripts = browser.driver.find_elements(By.CSS_SELECTOR, "script:not([src])")
        assert [one.get_attribute("type") for one in scripts] == ["application/json"]
