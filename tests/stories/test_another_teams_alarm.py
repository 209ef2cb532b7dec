"""下村村医用自己的工作列表地址去开上村团队的预警: 看不到, 也不能答复, 并以他的名义记录在案.

The doctor of another village tries to open an alarm of this team with the address of their own worklist: they see
nothing, can answer nothing, and it is on record as theirs.

Chapter: links
"""

from __future__ import annotations

from support.stage import Stage
from support.stage_county import SUN


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    theirs = stage.worklist("xiacun")
    one = f"{theirs}/{stage.escalation().id}"
    assert SUN not in stage.browser.get(theirs).text
    assert SUN not in stage.browser.get(one).text
    assert stage.browser.post(one, data={"answer": "false_alarm"}).status_code == 404
    to = {"to": "xiacun", "note": ""}
    assert stage.browser.post(f"{one}/hand-over", data=to).status_code == 404
    stage.is_now("open")
    assert stage.refusals() == [("xiacun", "not_theirs")]
    assert "link_refused" in stage.history()
    stage.answers("contacted", by="village")
    stage.is_now("resolved", outcome="contacted")
