"""只有一条待答复时, 回复一个数字就够: 1 已看, 2 已联系, 3 转诊, 4 误报; 全角数字和汉字也认.

With one alarm open a single digit is enough: 1 seen, 2 contacted, 3 referred, 4 false alarm; full-width digits and
words are understood, too.

Chapter: replies by SMS
"""

from __future__ import annotations

import pytest

from support.stage import Stage


@pytest.mark.parametrize(
    ("text", "state", "outcome"),
    [
        ("1", "seen", None),
        ("２", "resolved", "contacted"),
        (" 转诊。", "resolved", "referred"),
        ("4 谢谢", "resolved", "false_alarm"),
    ],
)
def test_story(stage: Stage, text: str, state: str, outcome: str | None) -> None:
    stage.reading(spo2=84)
    stage.paged("village")
    stage.told("village", "或回复 1已看 2已联系 3转诊 4误报")
    stage.replies(text)
    stage.is_now(state, outcome=outcome)
    (answered,) = [one for one in stage.events() if one["type"] == "escalation_answered"]
    assert (answered["contact"], answered["means"]) == ("village", "sms")
