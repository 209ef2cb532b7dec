"""一分钟内同一卫生室六十名居民红色预警: 前三条逐条发出, 其余合成四条汇总, 每名居民十五秒内都写进某一条;
每条预警照样存在, 照样要答复. 村医回复 1 表示全部已看, 用 2 不能替六十个人给结果, 点开清单逐条答复.

Sixty residents of one clinic turn red within a minute: the first three messages go out singly, the others as four
summaries, and within fifteen seconds each resident is told of in one message or another. Each alarm exists, is
listed, and owes an outcome. The village doctor replies 1 and has seen all of them; 2 cannot give the outcome of
sixty people; the list in the message can, one tap to each.

Chapter: bursts
"""

from __future__ import annotations

import re

from support.stage import Stage, on_postgresql_too

RESIDENTS = [f"R-B{n:02d}" for n in range(60)]


@on_postgresql_too
def test_story(stage: Stage) -> None:
    for resident in RESIDENTS:
        stage.reading(spo2=84, of=resident)
        stage.after(seconds=1)
    stage.after(seconds=15)
    stage.paged("village", "village", "village")
    assert [one.who for one in stage.summaries] == ["village"] * 4
    stage.told("village", "上村卫生室共60条预警待处理(红色60, 黄色0), 其中新增12条", "回复 1", "/s/")

    # Each red was in a message within 15 seconds of its reading.
    told = stage.bench.rows("SELECT queued_ms, told_ms, accepted_ms, state FROM notice")
    assert len(told) == 60
    assert max(told_ms - asked_ms for asked_ms, told_ms, _, _ in told) == 15_000
    assert {state for _, _, _, state in told} <= {"accepted", "delivered"}
    for resident in RESIDENTS:
        stage.is_now("open", of=resident)
    assert stage.history("R-B30") == [
        "opened", "notice_queued", "notice_held", "notice_together", "notice_accepted", "notice_delivered",
    ]  # fmt: skip

    # The newest summary's code: 2 answers nothing, 1 acknowledges those of that summary.
    (code,) = re.findall(r"回复 1 (\w+) 表示", stage.summaries[-1].message.text)
    stage.replies(f"2 {code}", by="village")
    assert f"编号 {code} 是一条汇总" in stage.told("village", "逐条选择")
    stage.is_now("open", of="R-B59")
    stage.replies(f"1{code}", by="village")
    assert [stage.escalation(of).status for of in ("R-B59", "R-B00")] == ["seen", "open"]

    # The list: everything, and one button for all of it; then an outcome for one of them.
    path = stage.list_of("village")
    page = stage.browser.get(path).text
    assert all(resident in page for resident in RESIDENTS)
    assert stage.browser.post(path, data={"answer": "contacted"}).status_code == 422
    assert stage.browser.post(path, data=stage.all_seen(path)).status_code == 303
    for resident in RESIDENTS:
        stage.is_now("seen", of=resident)
    one = f"{path}/{stage.escalation('R-B07').id}"
    assert "R-B07" in stage.browser.get(one).text
    assert stage.browser.post(one, data={"answer": "referred"}).status_code == 303
    stage.is_now("resolved", outcome="referred", of="R-B07")
    assert {one.who for one in stage.carrier.sent} == {"village"}
