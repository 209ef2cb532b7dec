"""处理完毕一天内可以重开链接改正误点; 一天以后再用同一链接被拒绝并记录, 结果不变.

Within a day of the end the link opens its page, to put a slip right; the same link a day later is refused and on
record, and the outcome stays.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.answers("false_alarm", by="village")
    stage.after(hours=1)
    stage.answers("contacted", by="village")
    stage.is_now("resolved", outcome="contacted")
    link = stage.link("village")
    stage.after(hours=25)
    refused = stage.browser.post(link, data={"answer": "false_alarm"})
    assert (refused.status_code, "链接不再有效" in refused.text) == (410, True)
    assert stage.browser.get(link).status_code == 410
    stage.is_now("resolved", outcome="contacted")
    assert stage.refusals() == [("village", "used_link")]
