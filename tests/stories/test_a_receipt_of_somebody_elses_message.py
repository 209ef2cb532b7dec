"""回执写着别的号码, 或不认识的编号: 不当作送达, 只计数; 到时间仍按没有回执处理.

A receipt names another number, or a message that we do not know: it proves nothing, is counted, and the wait for the
real one goes on.

Chapter: web hooks
"""

from __future__ import annotations

from support.stage import Stage, counted
from support.stage_county import NUMBERS


def test_story(stage: Stage) -> None:
    stage.carrier.no_receipt("village")
    stage.reading(spo2=84)
    stage.paged("village")
    notice = stage.pages[0].message.id
    before = counted("sms_receipts", provider="a", outcome="other_number")
    other = stage.call("receipts", {"id": notice, "state": "delivered", "to": NUMBERS["xiacun"]})
    unknown = stage.call("receipts", {"id": "n-unknown", "state": "delivered"})
    assert (other.status_code, unknown.status_code) == (200, 200)
    assert counted("sms_receipts", provider="a", outcome="other_number") == before + 1
    stage.after(seconds=61)
    stage.paged("township-day")
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
