"""汇总里的链接只打开这个人在这家机构被通知过的预警: 别处的, 改过的, 过期的都打不开, 每次都有记录; 离开的人也打不开.

The link in a summary opens what this person was asked about at this site, and nothing else: not an alarm of another
site, not when it was changed, not after a week, not for somebody who has left. Each refusal is on record.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import LI, XIACUN


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84, of=LI, where=XIACUN)
    stage.paged("xiacun")
    for n in range(5):
        stage.reading(spo2=84, of=f"R-B{n:02d}")
    stage.paged("village", "village", "village")
    stage.after(seconds=16)
    path = stage.list_of("village")
    assert stage.browser.get(f"{path}/{stage.escalation('R-B04').id}").status_code == 200
    assert LI not in stage.browser.get(path).text

    assert stage.browser.get(f"{path}/{stage.escalation(LI).id}").status_code == 404
    answered = stage.browser.post(f"{path}/{stage.escalation(LI).id}", data={"answer": "contacted"})
    assert answered.status_code == 404
    stage.is_now("open", of=LI)
    assert stage.browser.get(path[:-1] + ("a" if path[-1] != "a" else "b")).status_code == 404
    assert stage.browser.get(path.replace("/s/", "/e/")).status_code == 404

    # The end of one: a day to look at it, then it is off the list.
    one = stage.escalation("R-B04").id
    assert stage.browser.post(f"{path}/{one}", data={"answer": "false_alarm"}).status_code == 303
    for n in range(4):
        post = stage.browser.post(f"{path}/{stage.escalation(f'R-B{n:02d}').id}", data={"answer": "referred"})
        assert post.status_code == 303
    stage.replies("2", by="xiacun")
    stage.after(hours=23)
    assert stage.browser.get(f"{path}/{one}").status_code == 200
    stage.after(hours=2)
    assert stage.browser.get(f"{path}/{one}").status_code == 404
    stage.after(days=7)
    assert stage.browser.get(path).status_code == 410

    refused = stage.bench.rows("SELECT actor, detail FROM history WHERE type = 'link_refused'")
    reasons = {word for _, detail in refused for word in ("not_on_summary", "expired_link") if word in detail}
    assert reasons == {"not_on_summary", "expired_link"}
    assert {"village", "unknown"} <= {actor for actor, _ in refused}
