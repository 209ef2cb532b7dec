"""截获的“误报”回复被重放: 同一编号再来一次不起作用, 换了内容被拒绝, 五分钟后整个被当作过期拒绝.

A doctor's reply is caught on the way and sent again: under its own id it changes nothing, with another content it is
refused, and after five minutes it is refused as old, on a new alarm as well.

Chapter: web hooks
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    caught = {"id": "call-caught", "t_ms": stage.now_ms}
    assert stage.replies("4", by="village", **caught).status_code == 200
    stage.is_now("resolved", outcome="false_alarm")
    stage.readings(97, for_s=40)
    stage.reading(spo2=83, of="R-4W2T")
    stage.paged("village")
    assert stage.replies("4", by="village", **caught).status_code == 200
    stage.is_now("open", of="R-4W2T")  # the same call: taken once
    other = stage.replies("2", by="village", **caught)
    assert (other.status_code, other.json()) == (409, {"refused": "id_reused"})
    stage.after(minutes=6)
    stage.paged("township-day")
    old = stage.replies("4", by="village", **caught)
    assert (old.status_code, old.json()) == (401, {"refused": "old"})
    fresh_id = stage.replies("4", by="village", id="call-new", t_ms=caught["t_ms"])
    assert fresh_id.json() == {"refused": "old"}
    stage.is_now("open", of="R-4W2T")
    stage.replies("2", by="township-day")
    stage.is_now("resolved", outcome="contacted", of="R-4W2T")
