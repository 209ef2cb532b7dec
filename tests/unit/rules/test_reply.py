"""What replies mean, one by one: people write as they like, and a wrong guess is worse than a question."""

from __future__ import annotations

import pytest

from cunmai_rules.notify.breaker import COOL_LONGEST_S, Breaker, Circuit
from cunmai_rules.notify.reply import Closed, Known, Reply, Take, Unclear, meaning, parse_reply
from cunmai_wire.events import Answer

NOW_MS = 1_767_323_045_000


@pytest.mark.parametrize(
    ("text", "answer", "code"),
    [
        ("1", Answer.SEEN, None),
        ("２", Answer.CONTACTED, None),
        ("3。", Answer.REFERRED, None),
        ("  4\n", Answer.FALSE_ALARM, None),
        ("回复3", Answer.REFERRED, None),
        ("3 K7", Answer.REFERRED, "K7"),
        ("3k7", Answer.REFERRED, "K7"),
        ("３　ｋ７", Answer.REFERRED, "K7"),
        ("K7 3", Answer.REFERRED, "K7"),
        ("编号K7 2", Answer.CONTACTED, "K7"),
        ("K7: 误报", Answer.FALSE_ALARM, "K7"),
        ("转诊K7M4", Answer.REFERRED, "K7M4"),
        ("1 已看", Answer.SEEN, None),
        ("1已看", Answer.SEEN, None),
        ("2 已联系 K7", Answer.CONTACTED, "K7"),
        ("已联系。", Answer.CONTACTED, None),
        ("2 K7 已打电话", Answer.CONTACTED, "K7"),
        ("3。谢谢", Answer.REFERRED, None),
        ("3 血氧95", Answer.REFERRED, None),
        ("Seen", Answer.SEEN, None),
        ("false alarm k7", Answer.FALSE_ALARM, "K7"),
    ],
)
def test_what_can_be_read(text: str, answer: Answer, code: str | None) -> None:
    assert parse_reply(text) == Reply(answer, code)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "0", "5", "13", "30", "2.5", "K7", "12 K7", "3 4", "1 误报", "2 转诊", "3 K7 M4", "3 k77",
        "4点去看", "2点钟到", "已联系不上", "2 没人接", "转诊不了", "3 不用了", "没联系", "未看", "3 K7 不行",
        "收到", "好的", "T", "1 seen? no", "2, can't", "\u202e3", "3" * 200, "已看" * 100,
    ],
)  # fmt: skip
def test_what_is_not_guessed(text: str) -> None:
    assert parse_reply(text) is None


OPEN = Known("e1", "village", "K7", None)
OTHER = Known("e2", "village", "M4", None)


def closed(id_: str, code: str, ago_s: int, *, by_them: bool = False) -> Known:
    return Known(id_, "village", code, NOW_MS - ago_s * 1000, by_them)


@pytest.mark.parametrize(
    ("code", "known", "expected"),
    [
        (None, [OPEN], Take(OPEN, Answer.REFERRED)),
        (None, [OPEN, OTHER], Unclear.WHICH),
        ("M4", [OPEN, OTHER], Take(OTHER, Answer.REFERRED)),
        ("P9", [OPEN], Unclear.NO_SUCH_CODE),
        (None, [OPEN, closed("e3", "P9", 599)], Unclear.WHICH),
        (None, [OPEN, closed("e3", "P9", 599, by_them=True)], Take(OPEN, Answer.REFERRED)),
        (None, [OPEN, closed("e3", "P9", 600)], Take(OPEN, Answer.REFERRED)),
        ("P9", [OPEN, closed("e3", "P9", 5)], Closed(closed("e3", "P9", 5))),
        (None, [closed("e3", "P9", 900), closed("e4", "T3", 60)], Closed(closed("e4", "T3", 60))),
    ],
)
def test_which_one_is_meant(code: str | None, known: list[Known], expected: object) -> None:
    assert meaning(Reply(Answer.REFERRED, code), known, NOW_MS) == expected


def test_a_breaker_opens_after_three_cools_longer_each_time_and_closes_with_one_success() -> None:
    breaker = Breaker().failed(0).failed(0)
    assert breaker.circuit(0) is Circuit.CLOSED
    breaker = breaker.failed(0)
    assert (breaker.circuit(29_999), breaker.circuit(30_000)) == (Circuit.OPEN, Circuit.HALF_OPEN)
    probing = breaker.tried(30_000)
    assert probing.circuit(30_001) is Circuit.OPEN  # one at a time
    again = probing.failed(31_000)
    assert (again.circuit(90_999), again.circuit(91_000)) == (Circuit.OPEN, Circuit.HALF_OPEN)
    now_ms = 91_000
    for _ in range(10):
        again = again.tried(now_ms).failed(now_ms)
        assert again.circuit(now_ms + COOL_LONGEST_S * 1000) is Circuit.HALF_OPEN
        now_ms += COOL_LONGEST_S * 1000
    assert again.tried(now_ms).succeeded().circuit(now_ms) is Circuit.CLOSED


def test_a_clock_set_back_does_not_keep_a_breaker_open() -> None:
    breaker = Breaker().failed(10_000_000).failed(10_000_000).failed(10_000_000)
    assert breaker.circuit(0) is Circuit.HALF_OPEN
