"""医生离岗后, 旧短信里的链接和工作列表都失效, 拒绝并记录; 预警由其他人继续.

After a doctor has left, the links in their old messages and their worklist open nothing; each is on record, and the
others go on.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.at("23:50:00")
    stage.reading(spo2=84)
    stage.paged("village")
    worklist = stage.worklist("village")
    stage.registry(staff="id,role,site,until\nvillage,村医,shangcun,2026-03-10\n")
    stage.at("00:10:00")
    stage.paged("township-night", "expert", "township-night")
    assert stage.browser.get(stage.link("village")).status_code == 410
    assert stage.browser.post(stage.link("village"), data={"answer": "contacted"}).status_code == 410
    assert stage.browser.get(worklist).status_code == 404
    assert stage.refusals() == [("village", "left_link"), ("village", "left_worklist")]
    stage.answers("referred", by="expert")
    stage.is_now("resolved", outcome="referred")
