"""有人冒充短信平台推送“误报”回复和“已送达”回执: 签名不对, 没有签名, 内容被改, 一律拒绝并计数.

Somebody plays the SMS provider and sends a false alarm, and a receipt: with a wrong signature, none, or another body
than was signed. All are refused and counted.

Chapter: web hooks
"""

from __future__ import annotations

import json

from support.stage import OTHER_SECRET, Stage, counted
from support.stage_county import NUMBERS


def test_story(stage: Stage) -> None:
    stage.carrier.no_receipt("village")
    stage.reading(spo2=84)
    stage.paged("village")
    notice = stage.pages[0].message.id
    before = counted("sms_callbacks_refused", reason="bad_signature")
    reply = {"from": NUMBERS["village"], "text": "4"}
    receipt = {"id": notice, "state": "delivered"}
    for what, data in (("replies", reply), ("receipts", receipt)):
        forged = stage.call(what, data, secret=OTHER_SECRET)
        changed = stage.call(what, data, body=json.dumps({"type": "sms.reply", "data": reply}))
        unsigned = stage.browser.post(f"/sms/a/{what}", json={"data": data})
        assert [one.status_code for one in (forged, changed, unsigned)] == [401, 401, 401]
        assert unsigned.json() == {"refused": "unsigned"}
    assert counted("sms_callbacks_refused", reason="bad_signature") == before + 4
    stage.is_now("open")
    assert "notice_delivered" not in stage.history()
    stage.after(minutes=2)
    stage.paged("township-day")  # the forged receipt has stopped nothing
    stage.replies("2")
    stage.is_now("resolved", outcome="contacted")
