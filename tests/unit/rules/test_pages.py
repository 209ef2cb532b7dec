"""The page behind a link: who may see it, what it shows, how it takes an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cunmai_rules.pages.app import build_app
from cunmai_rules.pages.chart import Dot, Line, trend_svg
from support.rules_bench import LINK_KEY, Bench

WEEK_S = 7 * 24 * 3600


@pytest.fixture
def client(bench: Bench) -> Iterator[TestClient]:
    app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def link(bench: Bench) -> str:
    """The path of the link in the first message."""
    bench.desaturate()
    bench.notifier.send_due()
    found = re.search(r"http://127\.0\.0\.1:8087(/e/\S+)", bench.sink.texts[0])
    assert found
    return found[1]


def status(bench: Bench) -> str:
    ((value,),) = bench.rows("SELECT status FROM escalation")
    return str(value)


def test_the_page_shows_what_who_when_and_why(client: TestClient, link: str, bench: Bench) -> None:
    page = client.get(link)
    assert page.status_code == 200
    for words in ("红色预警", "R-7F3K", "90", "上村卫生室", "01-02 11:04:20", "血氧饱和度 ≤ 93 % 持续 15 秒",
                  "达到预警线并持续", "已看", "已联系", "转诊", "误报", "<svg", "等待答复"):  # fmt: skip
        assert words in page.text
    assert bench.in_force.rules.versions["oximetry"] in page.text
    assert "13800000001" not in page.text


def test_it_speaks_english_too(client: TestClient, link: str) -> None:
    page = client.get(f"{link}?lang=en")
    for words in ("Red alert", "at or below 93 % for 15 s", "Contacted", 'lang="en"'):
        assert words in page.text


def test_opening_it_answers_nothing(client: TestClient, link: str, bench: Bench) -> None:
    client.get(link)
    client.get(link)
    client.head(link)
    assert status(bench) == "open"
    assert bench.rows("SELECT actor FROM history WHERE type = 'viewed'") == [("village",), ("village",)]


@pytest.mark.parametrize(
    ("answer", "then"),
    [("seen", "seen"), ("contacted", "closed"), ("referred", "closed"), ("false_alarm", "closed")],
)
def test_the_four_answers(client: TestClient, link: str, bench: Bench, answer: str, then: str) -> None:
    taken = client.post(link, data={"answer": answer})
    assert (taken.status_code, taken.headers["location"]) == (303, f"{link}?done")
    assert status(bench) == then
    assert "已记录您的答复" in client.get(taken.headers["location"]).text
    assert bench.rows("SELECT actor, detail FROM history WHERE type = 'answered'") == [
        ("village", f'{{"answer": "{answer}"}}')
    ]


@pytest.mark.parametrize("body", [{}, {"answer": ""}, {"answer": "maybe"}])
def test_an_answer_that_is_none_of_the_four_is_refused(
    client: TestClient, link: str, bench: Bench, body: dict[str, str]
) -> None:
    assert client.post(link, data=body).status_code == 422
    assert status(bench) == "open"


@pytest.mark.parametrize("token", ["x", "A" * 22, "%00", "a/b"])
def test_an_unknown_link_opens_nothing(client: TestClient, link: str, bench: Bench, token: str) -> None:
    assert client.get(f"/e/{token}").status_code == 404
    assert client.post(f"/e/{token}", data={"answer": "seen"}).status_code == 404
    assert status(bench) == "open"


def test_a_tampered_link_opens_nothing(client: TestClient, link: str) -> None:
    last = "A" if link[-1] != "A" else "B"
    page = client.get(link[:-2] + last + last)
    assert page.status_code == 404
    assert "链接无效" in page.text


def test_a_link_expires(client: TestClient, link: str, bench: Bench) -> None:
    bench.now_ms += WEEK_S * 1000 + 1
    page = client.get(link)
    assert page.status_code == 410
    assert "链接已过期" in page.text
    assert client.post(link, data={"answer": "seen"}).status_code == 410
    assert status(bench) == "open"


def test_the_address_is_kept_from_caches_referrers_and_frames(client: TestClient, link: str) -> None:
    headers = client.get(link).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_the_journal_does_not_hold_what_opens_the_page(link: str, bench: Bench) -> None:
    token = link.removeprefix("/e/")
    for file in bench.folder.rglob("rules.sqlite*"):
        assert token.encode() not in file.read_bytes()


def test_health_shows_the_problems_of_the_threshold_files(client: TestClient, bench: Bench) -> None:
    assert client.get("/health").json()["problems"] == []
    (bench.folder / "packs" / "oximetry.yaml").write_text("pack: [")
    bench.in_force.poll()
    health = client.get("/health").json()
    assert health["problems"][0].startswith("oximetry.yaml:1:")
    assert health["rules"] == bench.in_force.rules.versions


def test_nothing_else_is_served(client: TestClient) -> None:
    assert client.get("/").status_code == 404
    assert client.get("/docs").status_code == 404
    assert client.get("/static/page.css").status_code == 200


# -- the chart ----------------------------------------------------------------------------------------


def test_a_gap_or_a_doubtful_reading_breaks_the_line() -> None:
    dots = [
        Dot(0, 97, True),
        Dot(1000, 96, True),
        Dot(2000, 60, False),
        Dot(3000, 95, True),
        Dot(90_000, 94, True),
    ]
    svg = trend_svg(dots, [Line(93, "93", "raises")], title="t", utc_offset_minutes=480)
    assert svg.count("<polyline") == 2
    assert svg.count('class="dot unsound"') == 1
    assert "08:00:00" in svg


def test_no_readings_no_picture() -> None:
    assert trend_svg([], [], title="t", utc_offset_minutes=0) == ""


def test_labels_are_escaped(tmp_path: Path) -> None:
    svg = trend_svg([Dot(0, 1, True)], [Line(1, "<&", "raises")], title='"<', utc_offset_minutes=0)
    assert "&lt;&amp;" in svg
    assert 'aria-label="&quot;&lt;"' in svg
