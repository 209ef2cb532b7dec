"""Debian's Chromium at a phone's or a kiosk's size, driven by its own chromedriver."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from support.servers import need_program

PAGE_LOAD_S = 20
LOOK_AGAIN_S = 0.1
# What chromedriver says, as an error without a class of its own, when the page changes under its hand.
PAGE_CHANGED = ("does not belong to the document", "aborted by navigation", "Cannot find context")
ARTEFACTS = Path(__file__).resolve().parents[2] / "test-artefacts"


_READER = """
for (const key of arguments[0]) {
  const at = document.activeElement;
  if (!at.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}))) continue;
  if (key !== "Enter") { if (at instanceof HTMLInputElement) at.value += key; }
  else if (at instanceof HTMLButtonElement) at.click();
  else if (at.form) at.form.requestSubmit();
}
"""


@dataclass(frozen=True)
class Screen:
    """A screen in CSS pixels."""

    name: str
    width: int
    height: int
    mobile: bool


PHONE = Screen("phone", 390, 844, mobile=True)
SMARTPHONE = Screen("smartphone", 390, 844, mobile=True)
SMALL_KIOSK = Screen("small-kiosk", 1280, 800, mobile=False)
LARGE_KIOSK = Screen("large-kiosk", 1920, 1080, mobile=False)
KIOSK = Screen("kiosk", 1280, 1024, mobile=False)


class Browser:
    """A page, what is on it, and pictures of it."""

    def __init__(self, driver: webdriver.Chrome, screen: Screen) -> None:
        self.driver = driver
        self._screen = screen

    def open(self, url: str) -> None:
        self.driver.get(url)

    def sees(self, words: str, timeout_s: float = 10) -> bool:
        """Whether the words are on the page, or come soon: a click returns before the next page is there."""
        until = time.monotonic() + timeout_s
        while words not in self._words():
            if time.monotonic() > until:
                return False
            time.sleep(LOOK_AGAIN_S)
        return True

    def _words(self) -> str:
        """All words on the page; none while one page gives way to the next."""
        try:
            return self.one("body").text
        except WebDriverException as error:
            if not _page_changed(error):
                raise
            return ""

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def tap(self, css: str) -> None:
        """Tap it. A list that renews itself may do so between the look and the tap: then look once more."""
        try:
            self.one(css).click()
        except WebDriverException as error:
            if not _page_changed(error):
                raise
            self.one(css).click()

    def swipe(self, card: str) -> None:
        """A card reader types, and Enter: within one turn of the page, however busy this machine is.

        Each key does what it does where the focus is, unless the page keeps it from that.
        """
        self.driver.execute_script(_READER, [*card, "Enter"])

    def prefer(self, scheme: str) -> None:
        """`light` or `dark`, as the phone's own setting does."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page as a test artefact."""
        ARTEFACTS.mkdir(exist_ok=True)
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        path = ARTEFACTS / f"{name}-{self._screen.name}.png"
        path.write_bytes(base64.b64decode(shot["data"]))

    def overflows_sideways(self) -> bool:
        """Whether one would have to scroll to the side."""
        return bool(
            self.driver.execute_script(
                "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )


def _page_changed(error: WebDriverException) -> bool:
    return isinstance(error, (StaleElementReferenceException, NoSuchElementException)) or any(
        words in str(error.msg) for words in PAGE_CHANGED
    )


@contextlib.contextmanager
def browsing(screen: Screen) -> Iterator[Browser]:
    """A headless Chromium of our own, which reaches nothing but loopback."""
    options = Options()
    options.binary_location = need_program("chromium")
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", f"--window-size={screen.width},{screen.height}",
    ):  # fmt: skip
        options.add_argument(flag)
    if screen.mobile:
        metrics = {"width": screen.width, "height": screen.height, "pixelRatio": 2.0}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    driver = webdriver.Chrome(options, Service(need_program("chromedriver")))
    driver.set_page_load_timeout(PAGE_LOAD_S)
    try:
        yield Browser(driver, screen)
    finally:
        driver.quit()


@contextlib.contextmanager
def browsing_kiosk(screen: Screen, before_each_page: str = "") -> Iterator[Browser]:
    """A page of exactly the screen's size; a script can run before each page's own."""
    with browsing(screen) as browser:
        size = {
            "width": screen.width,
            "height": screen.height,
            "deviceScaleFactor": 1,
            "mobile": screen.mobile,
        }
        browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        source = {"source": before_each_page}
        browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        yield browser
