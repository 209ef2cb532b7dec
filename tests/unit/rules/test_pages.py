"""The page behind a link: who may see it, what it shows, how it takes an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cunmai_rules.cautions import cautions
from cunmai_rules.escalation.states import CloseReason
from cunmai_rules.pages.chart import Dot, Line, trend_svg
from cunmai_rules.shipped import packs_dir
from support.rules_bench import Bench

WEEK_S = 7 * 24 * 3600


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
        ("village", f'{{"answer": "{answer}", "means": "link"}}')
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


def posted(client: TestClient, link: str, answer: str) -> str:
    assert client.post(link, data={"answer": answer}).status_code == 303
    return client.get(link).text


def chosen(page: str) -> list[str]:
    return re.findall(r'value="(\w+)" class="\w+ chosen"', page)


def test_the_latest_value_stands_beside_the_one_that_raised_it(
    client: TestClient, link: str, bench: Bench
) -> None:
    first = client.get(link).text
    assert (first.count("<strong>"), "最新" in first) == (2, True)  # readings went on for 4 s
    bench.desaturate(60, 84)
    page = client.get(link).text
    figures = re.findall(r"<time>([\d:]+)</time></span>\s*<strong>(\d+)<small>(\S+)</small>", page)
    assert figures == [("11:04:20", "90", "%"), ("11:05:24", "84", "%")]
    assert page.count("脉率 112 次/分") == 2
    assert "Pulse 112 /min" in client.get(f"{link}?lang=en").text


@pytest.mark.parametrize(
    ("answer", "heading"),
    [
        ("seen", "红色预警"),
        ("contacted", "已处理: 已联系"),
        ("referred", "已处理: 转诊"),
        ("false_alarm", "已处理: 误报"),
    ],
)
def test_the_heading_and_the_marked_button_say_what_was_answered(
    client: TestClient, link: str, answer: str, heading: str
) -> None:
    assert chosen(client.get(link).text) == []
    page = posted(client, link, answer)
    assert f"<h1>{heading}</h1>" in page
    assert chosen(page) == [answer]
    assert "当前答复" in page


def test_an_answer_while_the_value_is_still_low_says_what_follows(
    client: TestClient, link: str, bench: Bench
) -> None:
    assert "数值仍未恢复" not in client.get(link).text
    client.post(link, data={"answer": "seen"})
    assert "数值仍未恢复" not in client.get(link).text  # it goes on asking for the outcome
    client.post(link, data={"answer": "false_alarm"})
    assert "数值仍未恢复: 15 分钟内同样的预警只记为待办" in client.get(link).text
    assert "for 15 min the same alarm is a task and no SMS" in client.get(f"{link}?lang=en").text
    bench.desaturate(40, 98)
    assert "数值仍未恢复" not in client.get(link).text


def test_a_changed_answer_is_the_marked_one(client: TestClient, link: str) -> None:
    posted(client, link, "false_alarm")
    page = posted(client, link, "referred")
    assert "<h1>已处理: 转诊</h1>" in page
    assert chosen(page) == ["referred"]


def test_recovery_and_the_end_are_in_the_history(client: TestClient, link: str, bench: Bench) -> None:
    bench.desaturate(40, 98)
    page = posted(client, link, "contacted")
    assert "数值已恢复: test" in page
    assert "结束: 已联系" in page


def test_a_named_end_is_shown(client: TestClient, link: str, bench: Bench) -> None:
    bench.desk.close(bench.escalation().id, CloseReason.DUPLICATE, "operator", bench.now_ms)
    page = client.get(f"{link}?lang=en").text
    assert "<h1>Handled: a duplicate</h1>" in page
    assert chosen(page) == []


def test_the_trend_is_of_the_episode_and_not_of_what_came_later(
    client: TestClient, link: str, bench: Bench
) -> None:
    bench.desaturate(40, 98)  # recovered
    bench.now_ms += 1_200_000
    bench.desaturate(5, 71)
    page = client.get(link).text
    assert "71" not in re.sub(r"<(line|polyline|circle|text)[^>]*>", "", page.partition("<svg")[0])
    assert "11:25" not in page.partition('class="history"')[0]


def test_a_joined_finding_is_named(client: TestClient, link: str, bench: Bench) -> None:
    bench.desaturate(40, 98)
    bench.desaturate(20, 90)
    assert "又有发现: test" in client.get(link).text


@pytest.mark.parametrize("body", [b"answer=" + b"a" * 5000, b"x" * 4097])
def test_a_long_body_is_not_read(client: TestClient, link: str, body: bytes) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(link, content=body, headers=form).status_code == 413


def test_a_body_of_unknown_length_is_not_read(client: TestClient, link: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"answer=seen"

    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(link, content=pieces(), headers=form).status_code == 413


def test_health_shows_that_nobody_answers(client: TestClient, link: str, bench: Bench) -> None:
    assert client.get("/health").json()["pages"] == {"open": 1, "seen": 0, "exhausted": 0, "closed": 0}
    for _ in range(7):
        bench.passes(300)
    assert client.get("/health").json()["pages"]["exhausted"] == 1


def test_a_site_too_high_for_the_limits_is_cautioned_about(bench: Bench) -> None:
    (site,) = bench.settings.sites
    assert cautions(bench.settings) == ()
    high = bench.settings.model_copy(update={"sites": (site.model_copy(update={"altitude_m": 2501}),)})
    assert "above 2500 m" in cautions(high)[0]
    shipped = bench.settings.model_copy(update={"packs": packs_dir()})
    assert "an upgrade replaces them" in cautions(shipped)[0]


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


def test_a_long_trend_keeps_its_dips_and_its_beginning() -> None:
    dots = [Dot(second * 1000, 97, True) for second in range(7200)]
    dots[1234] = Dot(1_234_000, 61, True)
    svg = trend_svg(dots, [], title="t", utc_offset_minutes=0, raised_ms=1_234_000)
    (points,) = re.findall(r'points="([^"]+)"', svg)
    assert len(points.split()) <= 400
    assert "00:00:00" in svg
    assert ">60<" in svg  # the scale reaches to the dip
    x = re.findall(r'class="raised-at" x1="([\d.]+)"', svg)
    assert [point for point in points.split() if point.startswith(x[0] + ",")]


def test_no_readings_no_picture() -> None:
    assert trend_svg([], [], title="t", utc_offset_minutes=0) == ""


def test_labels_are_escaped(tmp_path: Path) -> None:
    svg = trend_svg([Dot(0, 1, True)], [Line(1, "<&", "raises")], title='"<', utc_offset_minutes=0)
    assert "&lt;&amp;" in svg
    assert 'aria-label="&quot;&lt;"' in svg
