"""Simple checks of a page in the browser: names, contrast, size of targets, visible focus."""

from __future__ import annotations

from typing import Any

from selenium.webdriver.common.keys import Keys

from support.browser import Browser

_UNNAMED = """
return [...document.querySelectorAll('input, button, a[href], [role=progressbar], svg[role=img]')]
  .filter((one) => one.checkVisibility())
  .filter((one) => {
    const text = (one.labels && one.labels.length ? one.labels[0].textContent : '')
      || one.getAttribute('aria-label') || (one.tagName === 'INPUT' ? '' : one.textContent);
    return !text.trim();
  }).map((one) => one.outerHTML.slice(0, 120));
"""

_PALE = """
const channel = (value) => { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (one) => {
  for (let at = one; at; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const found = [];
for (const one of document.body.querySelectorAll('*')) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !one.checkVisibility() || ['SCRIPT', 'NOSCRIPT', 'TEMPLATE'].includes(one.tagName)) continue;
  const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`);
}
return found;
"""

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
    found: list[str] = []
    for name, script in (("no name", _UNNAMED), ("contrast below 4.5", _PALE), ("below 44 px", _SMALL)):
        found += [f"{name}: {one}" for one in browser.driver.execute_script(script)]
    if browser.overflows_sideways():
        found.append("it is wider than the screen")
    return found


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
