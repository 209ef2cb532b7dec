"""服务器断电一周后恢复: 一周前短信里的链接不再打开, 也不接受答复, 并写入记录; 没有结束的预警接着通知, 带新的链接.

The server was without power for a week: a link of before opens nothing and takes no answer, which is on record. The
alarm is still open, and the next message brings a new link.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.after(seconds=10)
    stage.paged("village")
    link = stage.link("village")
    stage.stands_still(days=7)
    page = stage.browser.get(link)
    assert (page.status_code, "链接已过期" in page.text) == (410, True)
    assert stage.browser.post(link, data={"answer": "false_alarm"}).status_code == 410
    assert stage.refusals() == [("village", "expired_link")]
    stage.is_now("open")
    stage.after(seconds=1)
    stage.paged("township-day")
    stage.answers("contacted", by="township-day")
    stage.is_now("resolved", outcome="contacted")
