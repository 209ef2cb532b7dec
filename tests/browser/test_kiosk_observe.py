"""Entering what a person observed, and what the rules ask for, in Chromium: by touch, keyboard and card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from cunmai_gateway.measurement import Measurement
from cunmai_wire.commands import Prompt
from support.accessibility import faults, press, tab_until
from support.browser import LARGE_KIOSK, SMALL_KIOSK, SMARTPHONE, Browser, Screen, browsing_kiosk
from support.kiosk import Bench, kiosk_bench
from support.servers import wait_until

pytestmark = pytest.mark.server

CARD = "0004915632"
_CLOCK_BY_HAND = """
let now = performance.now();
performance.now = () => now;
window.moveClock = (ms) => { now += ms; };
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    cards = tmp_path / "cards.csv"
    cards.write_text(f"card,resident\n{CARD},R-7F3K\n", encoding="utf-8")
    with kiosk_bench(tmp_path, cards=cards, assigned={"oxi-1": None, "us-1": None}) as bench:
        yield bench


@pytest.fixture
def address(bench: Bench) -> str:
    return bench.serve()


ALL = pytest.mark.parametrize(
    "browser",
    [SMALL_KIOSK, LARGE_KIOSK, SMARTPHONE],
    ids=lambda screen: str(screen.name),
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    screen: Screen = getattr(request, "param", SMALL_KIOSK)
    with browsing_kiosk(screen, _CLOCK_BY_HAND) as browser:
        yield browser


def shot(browser: Browser, name: str) -> None:
    """A picture, once the page no longer takes a clock that was moved for a lost gateway."""
    wait_until(lambda: not browser.one("#lost").is_displayed(), what="the page hears the gateway")
    browser.picture(f"kiosk-{name}")
    assert faults(browser) == []


def move(browser: Browser, ms: int) -> None:
    browser.driver.execute_script("window.moveClock(arguments[0])", ms)


def choose(browser: Browser, form: str, name: str, value: str) -> None:
    """Touch one choice: the whole of its field takes the finger."""
    browser.tap(f"#{form} input[name={name}][value={value}]")


def save(browser: Browser, form: str) -> None:
    browser.tap(f"#{form} button[type=submit]")


def entered(bench: Bench, kind: str) -> list[dict[str, Any]]:
    return [one for one in bench.readings() if one["kind"] == kind]


def open_for(browser: Browser, bench: Bench, address: str, lang: str = "zh") -> None:
    bench.check_in("R-7F3K")
    browser.open(f"{address}/observe{'?lang=en' if lang == 'en' else ''}")
    assert browser.sees("R-7F3K")


@pytest.mark.parametrize("lang", ["zh", "en"])
@ALL
def test_check_in_then_everything_once(browser: Browser, bench: Bench, address: str, lang: str) -> None:
    english = lang == "en"
    browser.open(f"{address}/observe{'?lang=en' if english else ''}")
    assert browser.sees("Check in first" if english else "请先登记")
    assert not browser.one("#somebody").is_displayed()
    shot(browser, f"observe-1-nobody-{lang}")
    browser.swipe(CARD)
    assert browser.sees("R-7F3K")
    assert browser.all("input:checked") == [], "nothing is chosen beforehand"
    shot(browser, f"observe-2-empty-{lang}")

    browser.one("#rate-value").send_keys("18")
    save(browser, "rate")
    wait_until(lambda: entered(bench, "respiration"), what="the count is stored")
    choose(browser, "seen", "consciousness", "C")
    choose(browser, "seen", "on_oxygen", "true")
    browser.one("#flow").send_keys("2.5")
    shot(browser, f"observe-3-filled-{lang}")
    save(browser, "seen")
    wait_until(lambda: entered(bench, "assessment"), what="the assessment is stored")
    choose(browser, "follow", "method", "clinic")
    save(browser, "follow")
    assert browser.sees("Follow-up: At the clinic" if english else "随访: 到诊所")
    shot(browser, f"observe-4-entered-{lang}")

    (rate,), (seen,), (follow,) = (
        entered(bench, kind) for kind in ("respiration", "assessment", "follow_up")
    )
    assert {one["resident"] for one in (rate, seen, follow)} == {"R-7F3K"}
    assert rate["respiratory_rate_per_min"] == 18
    assert (seen["consciousness"], seen["on_oxygen"], seen["oxygen_flow_l_min"]) == ("C", True, 2.5)
    assert "febrile_or_crying" not in seen
    assert follow["method"] == "clinic"
    assert browser.all("input:checked") == [], "the next entry begins with nothing"


@ALL
def test_breaths_are_counted_by_touch(browser: Browser, bench: Bench, address: str) -> None:
    open_for(browser, bench, address)
    browser.tap("[data-seconds='60']")
    assert browser.sees("还剩 60 秒")
    browser.tap("#tap")
    assert browser.sees("1 次")
    # One finger is enough to see that it works; the others come in the page itself, each with its own moment.
    touch = "document.getElementById('tap').dispatchEvent(new PointerEvent('pointerdown'));"
    for _ in range(16):
        move(browser, 2_000)
        browser.driver.execute_script(touch)
    move(browser, 2_000)
    browser.driver.execute_script(touch + touch)
    assert browser.sees("18 次")
    shot(browser, "observe-counting-zh")
    assert bench.readings() == []
    move(browser, 26_000)
    assert browser.sees("60 秒数到 18 次。请核对后点“保存”。"), "two taps within a moment are one breath"
    assert browser.one("#rate-value").get_attribute("value") == "18"
    assert not browser.one("#tap").is_enabled()
    shot(browser, "observe-counted-zh")
    assert bench.readings() == [], "only a press of the button enters it"
    save(browser, "rate")
    assert browser.sees("已保存, 将自动上传。")
    assert [one["respiratory_rate_per_min"] for one in bench.readings()] == [18]


def test_half_a_minute_is_doubled_and_no_tap_is_no_count(
    browser: Browser, bench: Bench, address: str
) -> None:
    open_for(browser, bench, address)
    browser.tap("[data-seconds='30']")
    browser.driver.execute_script("document.getElementById('tap').focus()")
    for _ in range(9):
        press(browser, Keys.SPACE)
        move(browser, 2_000)
    assert browser.sees("9 次")
    move(browser, 12_000)
    assert browser.sees("30 秒数到 9 次, 已换算成每分钟。")
    assert browser.one("#rate-value").get_attribute("value") == "18"
    browser.tap("[data-seconds='30']")
    move(browser, 30_000)
    assert browser.sees("一次都没有点到, 请再数一遍。")
    assert browser.one("#rate-value").get_attribute("value") == ""
    save(browser, "rate")
    assert browser.sees("呼吸次数请填 1 到 120 的整数。")
    assert bench.readings() == []


@ALL
def test_what_may_not_be_entered_says_what_to_do(browser: Browser, bench: Bench, address: str) -> None:
    open_for(browser, bench, address)
    for text in ("0", "121", "17.5"):
        browser.one("#rate-value").clear()
        browser.one("#rate-value").send_keys(text)
        save(browser, "rate")
        assert browser.sees("呼吸次数请填 1 到 120 的整数。看不到呼吸时马上叫医生")
        assert browser.driver.switch_to.active_element == browser.one("#rate-value")
    save(browser, "seen")
    assert browser.sees("请至少填写一项。")
    choose(browser, "seen", "on_oxygen", "true")
    browser.one("#flow").send_keys("61")
    save(browser, "seen")
    assert browser.sees("氧流量请填大于 0、不超过 60 的数")
    save(browser, "follow")
    assert browser.sees("请选随访方式。")
    shot(browser, "observe-refused-zh")
    choose(browser, "seen", "on_oxygen", "false")
    assert not browser.one("#flow").is_displayed()
    save(browser, "seen")
    wait_until(lambda: entered(bench, "assessment"), what="the assessment is stored")
    (seen,) = bench.readings()
    assert (seen["on_oxygen"], "oxygen_flow_l_min" in seen) == (False, False)


def test_a_choice_can_be_taken_back(browser: Browser, bench: Bench, address: str) -> None:
    open_for(browser, bench, address)
    choose(browser, "seen", "consciousness", "A")
    choose(browser, "seen", "febrile_or_crying", "true")
    browser.tap("#seen [data-name=consciousness] .clear")
    save(browser, "seen")
    wait_until(lambda: entered(bench, "assessment"), what="the assessment is stored")
    (seen,) = bench.readings()
    assert (seen["febrile_or_crying"], "consciousness" in seen) == (True, False)


def test_pressed_twice_or_after_a_lost_answer_and_a_reload_it_is_one(
    browser: Browser, bench: Bench, address: str
) -> None:
    open_for(browser, bench, address)
    browser.one("#rate-value").send_keys("18")
    browser.driver.execute_script(
        "const button = document.querySelector('#rate button[type=submit]'); button.click(); button.click();"
    )
    assert browser.sees("已保存, 将自动上传。")
    browser.driver.execute_script(
        "const real = window.fetch;"
        "window.fetch = async (...all) => { await real(...all); throw new TypeError('the answer is lost'); };"
    )
    browser.one("#rate-value").send_keys("20")
    save(browser, "rate")
    wait_until(lambda: len(bench.readings()) == 2, what="it was stored, and nobody was told")
    browser.open(f"{address}/observe")
    assert browser.sees("R-7F3K")
    browser.one("#rate-value").send_keys("20")
    save(browser, "rate")
    assert browser.sees("这一条刚才已经保存了, 没有重复记。")
    assert [one["respiratory_rate_per_min"] for one in bench.readings()] == [18, 20]
    browser.one("#rate-value").send_keys("20")
    save(browser, "rate")
    assert browser.sees("已保存, 将自动上传。")
    assert len(bench.readings()) == 3, "the same count once more is another count"


def test_another_card_empties_the_form(browser: Browser, bench: Bench, address: str) -> None:
    bench.check_in("R-2M9D")
    browser.open(f"{address}/observe")
    assert browser.sees("R-2M9D")
    browser.one("#rate-value").send_keys("31")
    choose(browser, "seen", "consciousness", "U")
    bench.now_ms += 1
    browser.swipe(CARD)
    assert browser.sees("R-7F3K")
    assert browser.one("#rate-value").get_attribute("value") == ""
    assert browser.all("input:checked") == []
    save(browser, "rate")
    save(browser, "seen")
    assert bench.readings() == []
    bench.call(bench.kiosk.check_out)
    assert browser.sees("登记已经结束, 没有保存的内容已清除。")


def test_whoever_fills_in_stays_checked_in(browser: Browser, bench: Bench, address: str) -> None:
    open_for(browser, bench, address)
    began_ms = bench.state()["session"]["began_ms"]
    browser.tap("[data-seconds='60']")
    for _ in range(3):
        bench.now_ms += 50_000
        move(browser, 16_000)
        browser.tap("#tap")
        wait_until(lambda: bench.state()["session"]["ends_in_s"] > 100, what="the page has said so")
    assert bench.state()["session"]["began_ms"] == began_ms


@ALL
def test_a_report_is_entered_for_an_exam_chosen_by_its_time(
    browser: Browser, bench: Bench, address: str
) -> None:
    browser.open(f"{address}/observe")
    assert browser.sees("最近没有超声检查。")
    bench.check_in("R-7F3K")
    exam: dict[str, object] = {
        "series_uid": "2.25.2", "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1", "content_crc32": 1,
        "body_part": "ABDOMEN",
    }  # fmt: skip
    for number in (1, 2):
        of = {"study_uid": f"2.25.{number}", "sop_instance_uid": f"2.25.9{number}"}
        bench.measure(Measurement("ultrasound_exam", exam | of), "us-1")
        bench.now_ms += 3_600_000
    browser.open(f"{address}/observe")
    assert browser.sees("ABDOMEN · 1 幅图像 · R-7F3K")
    save(browser, "exam")
    assert browser.sees("请选是哪一次检查, 报告怎么样。")
    browser.tap("#exam input[value='2.25.1']")
    choose(browser, "exam", "status", "final")
    shot(browser, "observe-exam-zh")
    save(browser, "exam")
    assert browser.sees("R-7F3K · 最终报告已出")
    (report,) = entered(bench, "ultrasound_report")
    assert (report["study_uid"], report["status"], report["resident"]) == ("2.25.1", "final", "R-7F3K")


def test_what_was_entered_is_taken_back_like_other_readings(
    browser: Browser, bench: Bench, address: str
) -> None:
    open_for(browser, bench, address)
    choose(browser, "seen", "consciousness", "P")
    save(browser, "seen")
    wait_until(lambda: entered(bench, "assessment"), what="the assessment is stored")
    browser.open(f"{address}/readings")
    browser.tap("#every")
    assert browser.sees("观察: 对疼痛有反应 (1 次)")
    shot(browser, "readings-entered-zh")
    browser.tap(".episode .open")
    browser.tap(".episode .back")
    assert browser.sees("已改好, 更正 1 条")
    assert bench.readings()[-1].get("resident") is None


def test_only_with_a_keyboard(browser: Browser, bench: Bench, address: str) -> None:
    open_for(browser, bench, address)
    way = tab_until(browser, "rate-value")
    assert all(one["outline"] >= 3 for one in way), way
    press(browser, *"22", Keys.ENTER)
    wait_until(lambda: entered(bench, "respiration"), what="the count is stored")
    for _ in range(8):
        press(browser, Keys.TAB)
        if browser.driver.switch_to.active_element.get_attribute("name") == "consciousness":
            break
    press(browser, Keys.SPACE, Keys.ARROW_DOWN)
    assert browser.one("#seen input:checked").get_attribute("value") == "C"
    outline = browser.driver.execute_script(
        "return parseFloat(getComputedStyle(document.activeElement.nextElementSibling).outlineWidth)"
    )
    assert outline >= 3
    press(browser, Keys.ENTER)
    wait_until(lambda: entered(bench, "assessment"), what="the assessment is stored")


# -- what the rules ask for ----------------------------------------------------------------------------


def ask(bench: Bench, id_: str, resident: str | None, **changed: Any) -> None:
    prompt = Prompt.model_validate({
        "v": 1, "id": id_, "at": bench.now_ms, "command": "prompt", "resident": resident, "device": "oxi-1",
        "rule": "spo2-severe", "zh": "请休息5分钟后再测一次。", "en": "Rest 5 minutes, then measure again.",
        "until": bench.now_ms + 600_000,
    } | changed)  # fmt: skip
    bench.call(lambda: bench.kiosk.prompt(prompt))


@ALL
def test_a_prompt_stands_first_until_it_is_read(browser: Browser, bench: Bench, address: str) -> None:
    bench.connected()
    bench.check_in("R-7F3K")
    bench.series(*[92] * 17)
    browser.open(address)
    assert browser.sees("偏低。请现在告诉医生。")
    ask(bench, "p-1", "R-7F3K")
    assert browser.sees("请休息5分钟后再测一次。")
    assert browser.sees("还要休息 5:00")
    bench.now_ms += 30_000
    assert browser.sees("还要休息 4:30")
    top = browser.driver.execute_script(
        "return document.querySelector('.prompt').getBoundingClientRect().top"
    )
    assert top < 250, "it is seen without scrolling"
    shot(browser, "prompt-zh")
    browser.tap("a.language")
    assert browser.sees("Rest 5 minutes, then measure again.")
    assert not browser.sees("请休息", timeout_s=0.1)
    shot(browser, "prompt-en")
    browser.open(f"{address}/observe")
    assert browser.sees("请休息5分钟后再测一次。"), "on every page"
    browser.tap(".prompt button")
    wait_until(lambda: not browser.all(".prompt"), what="it is gone")
    browser.open(address)
    assert browser.sees("R-7F3K")
    assert not browser.sees("请休息", timeout_s=0.5)


def test_nobody_else_sees_it(browser: Browser, bench: Bench, address: str) -> None:
    bench.check_in("R-7F3K")
    browser.open(address)
    ask(bench, "p-1", "R-7F3K")
    assert browser.sees("请休息5分钟后再测一次。")
    bench.now_ms += 1
    bench.check_in("R-2M9D")
    assert browser.sees("R-2M9D")
    assert browser.all(".prompt") == []
    bench.call(bench.kiosk.check_out)
    assert browser.sees("上一位已结束")
    assert browser.all(".prompt") == []
