"""红色预警未答复时, 乡镇夜班临时换人: 登记换班后, 下一步通知接班的人.

During an open red alarm the night's duty is handed over out of turn: the next step pages whoever took over.

Chapter: people
"""

from __future__ import annotations

from support.stage import Stage


def test_story(stage: Stage) -> None:
    stage.at("02:00:00")
    stage.reading(spo2=84)
    stage.paged("village")
    stage.hands_over_duty(from_="township-night", to="township-day")
    stage.after(minutes=4)
    stage.paged("township-day")
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
