"""A page in the browser: what axe says; where it does not look: large targets, visible focus, nothing aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selenium.webdriver.common.keys import Keys

from support.axe import objections
from support.browser import Browser

_SMALL = """
return [...document.querySelectorAll('button, input, nav a, a.language')].filter((one) => one.checkVisibility())
  .map((one) => [one.getBoundingClientRect(), one.textContent || one.name])
  .filter(([box]) => box.height < 44).map(([box, text]) => `${box.width}x${box.height} ${text.trim()}`);
"""

_FOCUS = """
const one = document.activeElement, style = getComputedStyle(one);
return {name: one.id || one.textContent.trim().slice(0, 30), tag: one.tagName,
        outline: style.outlineStyle !== 'none' ? parseFloat(style.outlineWidth) : 0};
"""


def faults(browser: Browser) -> list[str]:
    """Everything that these checks object to on the page as it is now."""
    found = objections(browser)
    found += [f"below 44 px: {one}" for one in browser.driver.execute_script(_SMALL)]
    if browser.overflows_sideways():
        found.append("it is wider than the screen")
    return found


def coloured(browser: Browser, colours: Sequence[str]) -> list[tuple[str, str]]:
    """Every element that a class of one of these names colours, with its text."""
    return [
        (colour, one.text)
        for colour in colours
        for one in browser.all(f"main .{colour}")
        if one.is_displayed()
    ]


def press(browser: Browser, *keys: str) -> None:
    """Keys to whatever has the focus, as a person presses them: one after the other."""
    for key in keys:
        browser.driver.switch_to.active_element.send_keys(key)


def tab_until(browser: Browser, name: str, most: int = 25) -> list[dict[str, Any]]:
    """Press Tab until the focus is on the element with this id or text; what had the focus on the way."""
    way: list[dict[str, Any]] = []
    for _ in range(most):
        press(browser, Keys.TAB)
        focus = browser.driver.execute_script(_FOCUS)
        if focus["tag"] == "BODY":
            continue  # between the page's end and its beginning the focus is the browser's own
        way.append(focus)
        if focus["name"] == name:
            return way
    raise AssertionError(f"{name} is not reached with Tab: {[one['name'] for one in way]}")
