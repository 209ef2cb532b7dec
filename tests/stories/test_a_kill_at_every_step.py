"""服务在一条预警的每一次写盘之前和之后被断电: 重启后接着做, 每个人只收到一条短信, 结果不变.

The service is killed just before and just after everything that it writes of an alarm: it goes on from there, each
person gets one message, and the outcome is the same.

Chapter: service
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from support.stage import Stage
from support.stage_county import SUN

WRITES = 10
"""So many times the story writes to the disk before the doctor answers."""


class Killed(BaseException):
    """The lights go out."""


@dataclass
class Killer:
    """Ends the process at the write of this number, before it is on the disk or right after. 0: never."""

    at: int
    before: bool
    writes: int = 0

    def watch(self, stage: Stage) -> None:
        """Counts the transactions of this process that change something."""
        db: Any = stage.bench.db
        real = db.transaction

        @contextmanager
        def transaction() -> Iterator[None]:
            changed = db._db.total_changes
            with real():
                yield
                wrote = db._db.total_changes != changed
                self.writes += wrote
                if wrote and self.writes == self.at and self.before:
                    raise Killed
            if wrote and self.writes == self.at:
                raise Killed

        db.transaction = transaction


def survives(stage: Stage, killer: Killer, step: Callable[[], object]) -> None:
    """The step, and where it is cut off, after a restart once more: what was not receipted comes again."""
    try:
        step()
    except Killed:
        stage.restart()
        step()


def tell(stage: Stage, killer: Killer) -> None:
    low: dict[str, Any] = {"seq": 1, "clock": "trusted", "device": "oxi-1", "resident": SUN}
    low |= {"kind": "oximetry", "mode": "spot", "spo2_pct": 82}
    stage.at("02:00:00")
    stage.carrier.phone_off("village")
    killer.watch(stage)
    low["t"] = stage.now_ms
    survives(stage, killer, lambda: stage.send(low))
    survives(stage, killer, lambda: stage.at("02:01:05"))
    survives(stage, killer, lambda: stage.at("02:02:00"))
    stage.paged("village", "township-night")
    stage.restart()
    stage.replies("3")
    stage.is_now("resolved", outcome="referred")
    stage.after(minutes=30)
    stage.nobody_paged()


def test_so_many_times_it_writes(stage: Stage) -> None:
    killer = Killer(0, before=True)
    tell(stage, killer)
    assert killer.writes == WRITES


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_story(stage: Stage, at: int, before: bool) -> None:
    killer = Killer(at, before)
    tell(stage, killer)
    assert killer.writes >= at
