"""链接改动一个字符, 或凭空猜测: 一律打不开; 计数, 并写入记录, 一分钟内重复的不再逐条写.

A link with one letter changed, or a guess: it opens nothing. Each is counted; on record is one line a minute, so that
guessing fills no disk.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage, counted


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    link = stage.link("village")
    before = counted("links_refused", reason="unknown_link")
    for token in (
        link[:-1] + ("a" if link[-1] != "a" else "b"),
        f"/e/{link[3:].upper()}",
        "/e/aaaaaaaaaaaaaaaa",
    ):
        page = stage.browser.get(token)
        assert (page.status_code, "链接无效" in page.text) == (404, True)
        assert stage.browser.post(token, data={"answer": "false_alarm"}).status_code == 404
    assert counted("links_refused", reason="unknown_link") == before + 6
    assert stage.refusals() == [("unknown", "unknown_link")]
    stage.is_now("open")
    stage.answers("contacted", by="village")
    stage.is_now("resolved", outcome="contacted")
