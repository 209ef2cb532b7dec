"""Many phones with a worklist open: one look for all of them, a bound, and nobody left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from cunmai_rules.journal.database import FAULTS
from cunmai_rules.pages.live import COME_BACK_MS, Live

CHANGED = ["retry: 1000\n\n", "event: changed\ndata: 1\n\n"]
ENDED = CHANGED[:1]


class Journal:
    """How lists stand, and every look at them."""

    def __init__(self, **stand: str) -> None:
        self.stand = stand
        self.looks: list[set[str]] = []
        self.at_once = 0
        self.fault: Exception | None = None

    def look(self, tokens: Iterable[str]) -> dict[str, str]:
        self.at_once += 1
        assert self.at_once == 1, "one look at a time"
        self.looks.append(set(tokens))
        self.at_once -= 1
        if self.fault:
            raise self.fault
        return {token: self.stand[token] for token in tokens if token in self.stand}

    async def looked(self, times: int) -> None:
        """So often, from now on."""
        before = len(self.looks)
        while len(self.looks) < before + times:  # noqa: ASYNC110 - a thread looks, which knows no events
            await asyncio.sleep(0)


async def told(live: Live, token: str, stood: str) -> list[str]:
    return [text async for text in live.stream(token, stood)]


async def test_however_many_watch_there_is_one_look_a_turn() -> None:
    journal = Journal(a="1", b="1")
    live = Live(journal.look, every_s=0.001)
    streams = [asyncio.create_task(told(live, token, "1")) for token in "ab" for _ in range(20)]
    await journal.looked(3)
    assert set(map(frozenset, journal.looks)) == {frozenset("ab")}
    journal.stand["a"] = "2"
    assert await asyncio.gather(*streams[:20]) == [CHANGED] * 20
    await journal.looked(1)
    assert not any(stream.done() for stream in streams[20:])
    journal.stand["b"] = "2"
    assert await asyncio.gather(*streams[20:]) == [CHANGED] * 20


async def test_nobody_looks_where_nobody_watches() -> None:
    journal = Journal(a="2")
    live = Live(journal.look, every_s=0.001)
    for _ in range(2):
        assert await told(live, "a", "1") == CHANGED
        looks = len(journal.looks)
        await asyncio.sleep(0.02)
        assert len(journal.looks) == looks


async def test_one_more_than_there_is_room_for_is_told_to_come_back() -> None:
    journal = Journal(a="1")
    live = Live(journal.look, most=2, every_s=0.001)
    streams = [asyncio.create_task(told(live, "a", "1")) for _ in range(2)]
    await journal.looked(1)
    assert await told(live, "a", "1") == [f"retry: {COME_BACK_MS}\n\n"]
    journal.stand["a"] = "2"
    assert await asyncio.gather(*streams) == [CHANGED] * 2
    assert await told(live, "a", "1") == CHANGED, "there is room again"


async def test_a_stream_ends_where_its_list_or_the_journal_is_gone() -> None:
    journal = Journal(a="1")
    live = Live(journal.look, every_s=0.001)
    assert await told(live, "revoked", "1") == ENDED
    journal.fault = FAULTS[0]("busy")
    assert await told(live, "a", "1") == ENDED


async def test_a_phone_that_hangs_up_leaves_its_place() -> None:
    journal = Journal(a="1")
    live = Live(journal.look, most=1, every_s=0.001)
    gone = asyncio.create_task(told(live, "a", "1"))
    await journal.looked(1)
    gone.cancel()
    await asyncio.wait([gone])
    journal.stand["a"] = "2"
    assert await told(live, "a", "1") == CHANGED
