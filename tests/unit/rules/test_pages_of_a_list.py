"""A list of more than a hundred says how many there are, and every one of them can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cunmai_rules.pages import worklist_view
from cunmai_rules.pages.worklist_view import Turn
from cunmai_rules.shipped import policies_dir
from support.sms_bench import SmsBench, webhook_provider

SHOWN = 4
ITEM = re.compile(r'class="card item alert \w+" href="/[sw]/[\w-]+/(\w+)')


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmsBench]:
    """Ten alarms of one site, on pages of four."""
    monkeypatch.setattr(worklist_view, "MOST_SHOWN", SHOWN)
    policies = str(policies_dir() / "county.yaml")
    with closing(SmsBench.of(tmp_path, None, webhook_provider("a"), policies=policies)) as bench:
        for n in range(10):
            bench.deliver(
                *(bench.reading(84, resident=f"R-{n}", t=bench.now_ms - 20_000 + s * 1000) for s in range(20))
            )
            bench.now_ms += 100
        bench.passes(1)
        bench.passes(16)
        yield bench


def list_of(bench: SmsBench) -> str:
    text = next(one.text for _, one in bench.carrier.taken if one.template == "summary")
    found = re.search(r"/s/\w+", text)
    assert found
    return found[0]


def read_through(browser: TestClient, address: str) -> list[list[str]]:
    """The items of every page, from link to link."""
    pages, at = [], address
    while True:
        html = browser.get(at).text
        pages.append(ITEM.findall(html))
        onward = re.search(r'rel="next" href="([^"]+)"', html)
        if onward is None:
            return pages
        at = address + onward[1].replace("&amp;", "&")


def test_every_member_of_a_summary_is_on_one_of_its_pages(bench: SmsBench) -> None:
    with bench.client() as browser:
        first = browser.get(list_of(bench)).text
        assert "共 10 条, 第 1/3 页, 急的在前" in first
        assert "下一页: 还有 6 条" in first
        pages = read_through(browser, list_of(bench))
        english = browser.get(f"{list_of(bench)}?page=2&lang=en").text
    assert [len(page) for page in pages] == [4, 4, 2]
    assert len({one for page in pages for one in page}) == 10
    assert "10 in all, page 2 of 3, gravest first" in english
    assert 'href="?page=1&lang=en"' in english.replace("&amp;", "&")


def test_all_seen_answers_its_own_page_and_comes_back_to_it(bench: SmsBench) -> None:
    address = list_of(bench)
    with bench.client() as browser:
        html = browser.get(f"{address}?page=2").text
        assert "本页全部已看 (4)" in html
        (shown,) = re.findall(r'name="shown" value="([^"]*)"', html)
        form = {"answer": "seen", "shown": shown}
        answered = browser.post(f"{address}?page=2", data=form, follow_redirects=False)
        assert answered.headers["location"] == f"{address}?done&page=2"
    seen = [n for n in range(10) if str(bench.escalation_of(f"R-{n}").status) == "seen"]
    assert len(seen) == 4


@pytest.mark.parametrize("page", ["0", "-1", "x", "99", "٣", "1" * 400])
def test_a_page_that_there_is_not_is_another_one(bench: SmsBench, page: str) -> None:
    with bench.client() as browser:
        html = browser.get(list_of(bench), params={"page": page})
    assert html.status_code == 200
    assert len(ITEM.findall(html.text)) == (2 if page == "99" else 4)


def test_a_worklist_has_pages_too(bench: SmsBench) -> None:
    with bench.db.transaction():
        token = bench.desk.worklists.grant("village", bench.now_ms)
    with bench.client() as browser:
        pages = read_through(browser, f"/w/{token}")
    assert [len(page) for page in pages] == [4, 4, 2]


def test_a_list_that_fits_has_no_pages() -> None:
    assert (Turn.to(1, 0).pages, Turn.to(3, 100).page, Turn.to(2, 101).before) == (1, 1, 100)
    assert (Turn.to(1, 250).after, Turn.to(3, 250).after) == (150, 0)
